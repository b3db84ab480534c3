"""PlanWorker: a planner that runs in a process of its own, which this one starts, asks and ends."""

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.partial import sweep_partials
from tavid_planner.request import InteractionRequest
from tavid_planner.video.estimate import GB, weights_bytes
from tavid_planner.worker.channel import Channel
from tavid_planner.worker.death import death_as_error, memory_kills
from tavid_planner.worker.messages import Cancel, Done, Failed, Load, Log, MadePlan, Plan, Progress

PLANNER = "tavid_planner.planner:Planner"
POLL_S = 0.02
"""A cancel token cannot wake whoever waits for the worker, so it is asked now and then."""
GRACE_S_A_GB = 0.5
"""A model of 20 GB takes minutes to load: it is given more time to hear a cancel before it is lost."""
SAVED_GRACE_S = 2.0
"""A worker whose bundle is complete may finish its answer, also when it has to end."""
REAP_S = 5.0

log = logging.getLogger(__name__)


class _DiedBefore(Exception):
    """The process has ended without a word about its job.

    Attributes:
        error: how it has ended.
    """

    def __init__(self, error: TavidError):
        super().__init__(str(error))
        self.error = error


class PlanWorker:
    """Starts its process with the first job, and again after it has ended. One job at a time, from any thread.

    Attributes:
        loaded: whether the process lives and holds the models of some profile.
        gpu_bytes: memory of the GPU that it holds since its last job, None without a GPU.

    Args:
        planner: "module:class" of the planner to run.
        cancel_grace_s: how long a job may take to hear a cancel before its process is ended; longer by GRACE_S_A_GB
            for the models that would have to be loaded again.
        debug: let the libraries in the process talk.
        environment: variables that the process has besides those of this one, for example CUDA_VISIBLE_DEVICES.
    """

    def __init__(
        self,
        planner: str = PLANNER,
        cancel_grace_s: float = 1.0,
        debug: bool = False,
        environment: dict[str, str] | None = None,
    ):
        self._planner, self._debug = planner, debug
        self._environment = environment or {}
        self.cancel_grace_s = cancel_grace_s
        self._process: subprocess.Popen | None = None
        self._channel: Channel | None = None
        self._jobs = itertools.count()
        self._memory_kills = 0
        self._loaded = False
        self._ending = False
        self.gpu_bytes: int | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, None when there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def loaded(self) -> bool:
        return self._loaded and self.pid is not None

    def load(self, config: PlannerConfig, on_progress: OnProgress = silent, cancel: CancelToken | None = None) -> None:
        """Load the models of a profile; those of another one are freed.

        Raises:
            TavidError: what the planner says, CANCELLED, or how the process has ended.
        """
        self._run(Load(next(self._jobs), config), on_progress, cancel or CancelToken())

    def plan(
        self,
        request: InteractionRequest,
        config: PlannerConfig,
        folder: Path,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
        joints: bool = False,
        notes: tuple[str, ...] = (),
        video: bool = True,
    ) -> MadePlan:
        """Answer one request and save the bundle to `folder`.

        Args:
            joints, video: whether the answer holds the body's joints and the video.

        Raises:
            TavidError: what the planner says, CANCELLED, or how the process has ended; no bundle is there then.
        """
        job = Plan(next(self._jobs), config, request, Path(folder), joints, notes, video)
        return self._run(job, on_progress, cancel or CancelToken())

    def expect_end(self) -> None:
        """The process will be stopped after its job: a cancel need not spare its models."""
        self._ending = True

    def stop(self) -> None:
        """End the process, whatever it is doing; its memory goes back to the system."""
        process, self._process = self._process, None
        self._loaded, self._ending, self.gpu_bytes = False, False, None
        if process is None:
            return
        self._channel.close()
        # the whole session: a process that the worker has started (a video encoder) ends with it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(REAP_S)

    def _run(self, job: Load | Plan, on_progress: OnProgress, cancel: CancelToken) -> MadePlan | None:
        folder = job.folder if isinstance(job, Plan) else None
        cancel.raise_if_cancelled()
        started = self._start_if_needed()
        try:
            try:
                made = self._converse(job, folder, on_progress, cancel)
            except _DiedBefore as death:
                # it had ended since its last job, and the system was still taking it apart; a new one that dies
                # before it says a word dies of the job
                if started:
                    raise death.error from death
                self._start_if_needed()
                made = self._converse(job, folder, on_progress, cancel)
            self._loaded = True
            return made
        except _DiedBefore as death:
            raise death.error from death
        except TavidError:
            raise
        except BaseException:  # whoever is told about the progress has failed: the job is nobody's any more
            self.stop()
            raise
        finally:
            if folder is not None and self._process is None:
                sweep_partials(folder.parent)

    def _converse(self, job: Load | Plan, folder: Path | None, on_progress: OnProgress, cancel: CancelToken):
        stage, cancelled_at, models_s, heard = "", None, 0.0, False
        try:
            self._channel.send(job)
            while True:
                if cancel.cancelled and cancelled_at is None:
                    cancelled_at = time.monotonic()
                    self._channel.send(Cancel(job.job))
                    models_s = GRACE_S_A_GB * weights_bytes(job.config.video) / GB
                if cancelled_at is not None:
                    grace_s = self.cancel_grace_s + (0.0 if self._ending else models_s)
                    late_s = time.monotonic() - cancelled_at - grace_s
                    saved = folder is not None and folder.exists()
                    if late_s > (SAVED_GRACE_S if saved else 0.0):
                        self.stop()
                        cancel.raise_if_cancelled()
                answer = self._channel.receive(POLL_S)
                if isinstance(answer, Log):
                    logging.getLogger(answer.logger).log(answer.level, "%s", answer.text)
                    continue
                if answer is None or answer.job != job.job:
                    continue
                heard = True
                if isinstance(answer, Progress):
                    stage = answer.stage
                    self._loaded = answer.stage != "load" or answer.fraction >= 1
                    on_progress(answer.stage, answer.fraction)
                elif isinstance(answer, Failed):
                    raise answer.error
                elif isinstance(answer, Done):
                    self.gpu_bytes = answer.gpu_bytes
                    return answer.made
        except (EOFError, BrokenPipeError, ConnectionError) as error:
            died = self._bury(stage)
            cancel.raise_if_cancelled()
            raise (died if heard else _DiedBefore(died)) from error

    def _start_if_needed(self) -> bool:
        """Whether a process had to be started."""
        if self.pid is not None:
            return False
        self.stop()
        ours, theirs = socket.socketpair()
        # like a spawned process of multiprocessing, but without importing the main module of this one
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from tavid_planner.worker.process import main; "
            f"sys.exit(main({theirs.fileno()}, {self._planner!r}, {self._debug}))"
        )
        self._memory_kills = memory_kills()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    env=os.environ | self._environment,
                )
        except OSError as error:
            ours.close()
            raise ControlError(
                ErrorCode.INTERNAL, f"the planning process does not start: {error.strerror}", "see the system's limits"
            ) from error
        self._channel = Channel(ours)
        log.debug("planning process %d started", self._process.pid)
        return True

    def _bury(self, stage: str) -> TavidError:
        """The line is dead: make sure that the process is, and say why."""
        process, grace_s = self._process, 1.0
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:  # it has closed the line but lives on
            log.warning("the planning process %d has closed its line", process.pid)
        error = death_as_error(process.returncode or 0, self._memory_kills, stage)
        self.stop()
        return error
