"""Work in several processes, its results as they come."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any


def as_they_come(
    work: Callable, jobs: dict, workers: int = 1, start: Callable[[], None] | None = None, in_order: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Name and result of every job, in the order in which they end; with one worker in this process, in theirs.

    After an error or Ctrl-C nobody waits for the jobs that are left.

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
    pool = ProcessPoolExecutor(min(workers, len(jobs)), multiprocessing.get_context("spawn"), initializer=start)
    try:
        futures = {pool.submit(work, *arguments): name for name, arguments in jobs.items()}
        yield from ((futures[future], future.result()) for future in (futures if in_order else as_completed(futures)))
    finally:
        pool.shutdown(cancel_futures=True)
