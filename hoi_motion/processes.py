"""Work in several processes, its results as they come."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

CLEAR_UP_S = 5.0
"""Time for the jobs that run when the work is stopped to clear up."""
_works, _stopped = threading.Event(), threading.Event()  # of a process of the pool


def as_they_come(
    work: Callable, jobs: dict, workers: int = 1, start: Callable[[], None] | None = None, in_order: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Name and result of every job, in the order in which they end; with one worker in this process, in theirs.

    After an error or Ctrl-C nobody waits for the jobs that are left. Ctrl-C ends those that run as well, also if it is
    this process alone that is told to end; if it is killed, the others end with it.

    Args:
        work: function of a module, called with a job's arguments.
        jobs: name -> tuple of arguments.
        start: called once in every process that works, before its first job.
        in_order: hand them on in the order of the jobs.
    """
    if workers <= 1 or len(jobs) <= 1:
        if start is not None:
            start()
        yield from ((name, work(*arguments)) for name, arguments in jobs.items())
        return
    # a forked PyBullet or torch may hang
    context = multiprocessing.get_context("spawn")
    heard, said = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_begin, initargs=(heard, start))
    try:
        with _deaf_children():
            futures = {pool.submit(_work, work, arguments): name for name, arguments in jobs.items()}
        yield from ((futures[future], future.result()) for future in (futures if in_order else as_completed(futures)))
    except (KeyboardInterrupt, GeneratorExit):
        said.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        heard.close()
        said.close()


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started here do not hear Ctrl-C, which a terminal sends to all: they are told by this one.

    Else each would print where it was in its imports.
    """
    resource_tracker.ensure_running()  # whose start unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(heard: Connection, start: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGUSR1, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, args=(heard,), name="end with parent", daemon=True).start()
    if start is not None:
        start()


def _work(work: Callable, arguments: tuple):
    if _stopped.is_set():  # a job that was handed over already
        raise KeyboardInterrupt
    _works.set()
    try:
        return work(*arguments)
    finally:
        _works.clear()


def _end_with_parent(heard: Connection) -> None:
    # it would wait for jobs for ever: the queue they come from does not end with the process that fills it
    parent = multiprocessing.parent_process()
    assert parent is not None, "this runs in a process of the pool"
    wait([heard, parent.sentinel])
    if parent.is_alive():
        _stopped.set()
        if _works.is_set():
            # not SIGINT, which a shell lets its background jobs ignore
            signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)
        time.sleep(CLEAR_UP_S)
    os._exit(1)
