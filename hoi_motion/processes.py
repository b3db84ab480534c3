"""Work in several processes, its results as they come."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any


def as_they_come(
    work: Callable, jobs: dict, workers: int = 1, start: Callable[[], None] | None = None, in_order: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Name and result of every job, in the order in which they end; with one worker in this process, in theirs.

    After an error or Ctrl-C nobody waits for the jobs that are left; if this process is killed, the others end as well.

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
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)), multiprocessing.get_context("spawn"), initializer=_begin, initargs=(start,)
    )
    try:
        futures = {pool.submit(work, *arguments): name for name, arguments in jobs.items()}
        yield from ((futures[future], future.result()) for future in (futures if in_order else as_completed(futures)))
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(start: Callable[[], None] | None) -> None:
    threading.Thread(target=_end_with_parent, name="end with parent", daemon=True).start()
    if start is not None:
        start()


def _end_with_parent() -> None:
    # it would wait for jobs for ever: the queue they come from does not end with the process that fills it
    parent = multiprocessing.parent_process()
    assert parent is not None, "this runs in a process of the pool"
    parent.join()
    os._exit(1)
