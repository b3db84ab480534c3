"""The worker process: runs one job after the other until its supervisor has ended."""

import contextlib
import faulthandler
import importlib
import logging
import os
import queue
import signal
import socket
import sys
import threading
import warnings
from dataclasses import replace
from pathlib import Path

from hoi_motion.lazy import missing_package
from hoi_motion.progress import CancelToken, OnProgress
from tavid_planner.bundle import save_plan
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, TavidError, VideoError
from tavid_planner.video.estimate import require_memory
from tavid_planner.worker.channel import Channel
from tavid_planner.worker.messages import Cancel, Done, Failed, Load, Log, MadePlan, Plan, Progress

ROOMS = ("tavid_planner", "hoi_motion")
ORPHAN_GRACE_S = 1.0
"""Time for a job to clean up its files once the supervisor has ended."""
BODY_JOINTS = 55
OOM_SCORE = "800"
"""When memory runs out, the kernel kills this process rather than the one that can restart it."""

log = logging.getLogger(__name__)


def main(descriptor: int, planner: str, debug: bool = False) -> int:
    """Run the worker.

    Args:
        descriptor: this end of the socket pair.
        planner: "module:class" of the planner.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the supervisor
    faulthandler.enable()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    # log levels of the libraries come with the supervisor's environment, except for these two
    if not debug:
        warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.INFO if debug else logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    channel = Channel(socket.socket(fileno=descriptor))
    for room in ROOMS:
        logger = logging.getLogger(room)
        logger.addHandler(_LogSender(channel))
        logger.setLevel(logging.DEBUG if debug else logging.INFO)
        logger.propagate = False
    module, _, name = planner.partition(":")
    Worker(channel, getattr(importlib.import_module(module), name)).run()
    return 0


class Worker:
    """Receives messages in one thread and works in the main one, so that a cancel arrives while a job runs.

    Args:
        planner_factory: called with a `PlannerConfig`.
    """

    def __init__(self, channel: Channel, planner_factory):
        self._channel = channel
        self._planner_factory = planner_factory
        self._planner = None
        self._jobs: queue.SimpleQueue[Load | Plan | None] = queue.SimpleQueue()
        self._tokens: dict[int, CancelToken] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        """Work until the supervisor has ended."""
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        try:
            while (job := self._jobs.get()) is not None:
                answer = self._answer(job)
                self._tokens.pop(job.job, None)
                self._hand_over(answer)
        finally:
            self._ended.set()

    def _hand_over(self, answer: Done | Failed) -> None:
        with contextlib.suppress(OSError):  # the supervisor may have ended already
            try:
                self._channel.send(answer)
            except TavidError as error:  # it must not wait for ever; a plan's bundle is on disk
                self._channel.send(Failed(answer.job, error))

    def _listen(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                if isinstance(message, Cancel):
                    if token := self._tokens.get(message.job):
                        token.cancel()
                else:
                    self._tokens[message.job] = CancelToken()
                    self._jobs.put(message)
        except EOFError:
            pass
        except Exception:  # nothing more can be heard: the supervisor learns it from the end of this process
            log.exception("a message cannot be received")
        self._jobs.put(None)
        for token in list(self._tokens.values()):
            token.cancel()
        self._ended.wait(ORPHAN_GRACE_S)
        os._exit(1)  # whatever the main thread is doing

    def _answer(self, job: Load | Plan) -> Done | Failed:
        try:
            return Done(job.job, self._do(job), _gpu_bytes())
        except TavidError as error:
            return Failed(job.job, error)
        except MemoryError:
            return Failed(job.job, VideoError(ErrorCode.OUT_OF_MEMORY, "the machine ran out of memory"))
        except ImportError as error:
            log.exception("a package cannot be imported")
            return Failed(job.job, missing_package(error))
        except Exception as error:  # the worker continues, and the client learns what happened
            log.exception("error inside the planner")
            message, hint = f"{type(error).__name__}: {error}", "the log has the details; please report it"
            return Failed(job.job, ControlError(ErrorCode.INTERNAL, message, hint))

    def _do(self, job: Load | Plan) -> MadePlan | None:
        cancel = self._tokens[job.job]

        def on_progress(stage: str, fraction: float) -> None:
            with contextlib.suppress(OSError):  # the receiving thread notices that the supervisor has ended
                self._channel.send(Progress(job.job, stage, float(fraction)))

        if isinstance(job, Load):
            require_memory(job.config)
            self._load(job.config, on_progress, cancel)
            return None
        require_memory(job.config, job.request.samples, job.request.size_px)
        self._load(job.config, on_progress, cancel)
        plan = self._planner.plan(job.request, on_progress, cancel)
        if job.notes:
            plan = replace(plan, provenance=plan.provenance | {"input_notes": list(job.notes)})
        folder = save_plan(plan, job.folder, on_progress, cancel)
        still = plan if plan.motion.T_first_camera is None else replace(plan, motion=plan.still_motion)
        joints_world = still.posed.keypoints_m[:, :BODY_JOINTS] if job.joints else None
        video = plan.video if job.video else None
        answer = video, still.motion, plan.report, plan.reasons, plan.timings_s, folder, joints_world
        return MadePlan(*answer, robot=plan.robot)

    def _load(self, config: PlannerConfig, on_progress: OnProgress, cancel: CancelToken) -> None:
        if self._planner is None or self._planner.config != config:
            # before loading the next one: two models may not fit into memory
            if self._planner is not None:
                self._planner.unload()
            self._planner = self._planner_factory(config)
        self._planner.load(on_progress, cancel)


class _LogSender(logging.Handler):
    """Passes log records to the supervisor."""

    def __init__(self, channel: Channel):
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):
            self._channel.send(Log(record.levelno, record.name, self.format(record)))


def _gpu_bytes() -> int | None:
    torch = sys.modules.get("torch")  # without torch the planner holds no GPU memory
    return torch.cuda.memory_reserved() if torch is not None and torch.cuda.is_available() else None
