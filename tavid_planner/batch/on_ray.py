"""The requests of a batch on a Ray cluster, or on a local Ray.

Ray keeps the queue, chooses the machines and retries a request whose process has died. Any machine may read the images
and masks and write to the folder of results, so all must be on storage that every machine sees.
"""

import logging
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

from hoi_motion.lazy import missing_package, optional
from hoi_motion.progress import CancelToken
from tavid_planner.batch.local import TRIES
from tavid_planner.batch.request_list import ListedRequest
from tavid_planner.batch.results import BatchFolder
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.worker.supervisor import PLANNER

OWN = "local"
AT_ONCE = 1000
"""How many requests are submitted at a time."""

log = logging.getLogger(__name__)


def answer_on_ray(
    requests: list[ListedRequest],
    config: PlannerConfig,
    results: BatchFolder,
    address: str = OWN,
    workers: int | None = None,
    cpus: float = 1.0,
    gpus: float = 0.0,
    planner: str = PLANNER,
) -> Iterator[str]:
    """Answer requests; yields the name of each once its result is written.

    Args:
        address: of a cluster ("auto" for the one that this machine belongs to), or "local" for a Ray that is started
            here and stopped at the end.
        workers: processes of a local Ray; None for as many as fit.
        cpus, gpus: per request.

    Raises:
        ControlError: INTERNAL when Ray cannot be reached.
        TavidError: MODEL_MISSING when it is not installed.
        TavidError: an error that would affect every other request as well.
    """
    ray = optional("ray")
    here = {} if address != OWN or workers is None else {"num_cpus": workers * cpus}
    try:
        dashboard = None if address != OWN else False
        ray.init(address=address, include_dashboard=dashboard, log_to_driver=False, logging_level="WARNING", **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ControlError(
            ErrorCode.INTERNAL, f"no Ray at {address!r}: {error}", "start one (ray start --head), or use --ray local"
        ) from error
    try:
        # zero: a process keeps its models and answers one request after the other
        remote = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=TRIES - 1, max_calls=0)(_answer)
        waiting, running = list(reversed(requests)), {}
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                request = waiting.pop()
                running[remote.remote(request, config, results.folder, planner)] = request.name
            for reference in ray.wait(list(running))[0]:
                name = running.pop(reference)
                _take(ray, reference, name, results)
                yield name
    finally:
        ray.shutdown()


def _take(ray, reference, name: str, results: BatchFolder) -> None:
    """Check how a request ended."""
    try:
        error = ray.get(reference)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError) as death:
        words = f"the planning process has ended {TRIES} times: {str(death).splitlines()[0]}"
        results.write_error(name, ControlError(ErrorCode.INTERNAL, words, "see Ray's logs"))
        return
    except ray.exceptions.RayError as failure:
        hint = "see Ray's logs; the same command continues with the missing requests"
        raise ControlError(ErrorCode.INTERNAL, f"request {name}: {failure}", hint) from failure
    if error is not None:
        raise error


def _answer(request: ListedRequest, config: PlannerConfig, folder, planner: str) -> TavidError | None:
    """In a Ray process: make the result of a request. Returns the error if it ends the batch."""
    from tavid_planner.bundle import save_plan

    def make(bundle) -> None:
        try:
            save_plan(_loaded(planner, config).plan(request.files.read(), cancel=CancelToken()), bundle)
        except TavidError:
            raise
        except ImportError as error:
            raise missing_package(error) from error
        except Exception as error:  # only this request is lost; the process continues with the next one
            log.exception("request %s: error inside the planner", request.name)
            raise ControlError(ErrorCode.INTERNAL, f"{type(error).__name__}: {error}") from error

    try:
        BatchFolder(folder).once(request.name, make)
    except TavidError as error:
        return error
    return None


@lru_cache(maxsize=1)
def _loaded(planner: str, config: PlannerConfig):
    module, _, name = planner.partition(":")
    return getattr(import_module(module), name)(config)
