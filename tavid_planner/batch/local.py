"""The requests of a batch on one machine: one planner process per device."""

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from hoi_motion.progress import CancelToken
from tavid_planner.batch.request_list import ListedRequest
from tavid_planner.batch.results import BatchFolder
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.request import InteractionRequest
from tavid_planner.worker.supervisor import PLANNER, PlanWorker

TRIES = 3
"""How often a request may kill the process that answers it; the last crash becomes its result."""

log = logging.getLogger(__name__)


def places(config: PlannerConfig, workers: int | None) -> list[dict[str, str]]:
    """The environment variables of every process: one GPU each, or a share of the CPU cores.

    Args:
        workers: number of processes; None for one per GPU, or a single one without GPUs.
    """
    gpus = _gpus() if config.video.device in ("auto", "cuda") else []
    count = workers or len(gpus) or 1
    threads = {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(max(1, _cores() // count))}
    return [threads | ({"CUDA_VISIBLE_DEVICES": gpus[k % len(gpus)]} if gpus else {}) for k in range(count)]


def _gpus() -> list[str]:
    """The GPUs that this process may use, as named in CUDA_VISIBLE_DEVICES."""
    import torch

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return (named or [str(k) for k in range(torch.cuda.device_count())])[: torch.cuda.device_count()]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def answer_here(
    requests: list[ListedRequest],
    config: PlannerConfig,
    results: BatchFolder,
    environments: list[dict[str, str]],
    planner: str = PLANNER,
    debug: bool = False,
) -> Iterator[str]:
    """Answer requests, several at a time; yields the name of each once its result is written.

    A process that dies is restarted and its request retried. After an error or Ctrl-C the running requests are
    cancelled.

    Args:
        environments: see `places`.

    Raises:
        TavidError: an error that would affect every other request as well.
    """
    cancel = CancelToken()
    workers = [PlanWorker(planner, debug=debug, environment=environment) for environment in environments]
    idle: SimpleQueue[PlanWorker] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def answer(request: ListedRequest) -> None:
        worker = idle.get()
        try:
            results.once(request.name, lambda folder: _plan(worker, request, config, folder, cancel))
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(len(workers), thread_name_prefix="batch")
    try:
        names = {pool.submit(answer, request): request.name for request in requests}
        for future in as_completed(names):
            future.result()
            yield names[future]
    finally:
        cancel.cancel()
        pool.shutdown(cancel_futures=True)
        for worker in workers:
            worker.stop()


def _plan(worker: PlanWorker, request: ListedRequest, config: PlannerConfig, folder: Path, cancel: CancelToken) -> None:
    asked = _read(request)
    for attempt in range(1, TRIES + 1):
        try:
            worker.plan(asked, config, folder, cancel=cancel, video=False)
            return
        except TavidError as error:
            if folder.is_dir():  # a bundle has its name once it is whole: only the answer was lost
                return
            if worker.pid is not None or error.code is ErrorCode.CANCELLED or attempt == TRIES:
                raise
            log.warning("request %s, try %d of %d: %s", request.name, attempt, TRIES, error)


def _read(request: ListedRequest) -> InteractionRequest:
    try:
        return request.files.read()
    except (TavidError, ImportError):
        raise
    except Exception as error:  # only this request is lost
        log.exception("request %s: error while it was read", request.name)
        raise ControlError(ErrorCode.INTERNAL, f"{type(error).__name__}: {error}") from error
