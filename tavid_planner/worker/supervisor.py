"""PlanWorker: a planner in a child process, which this process starts, calls and ends."""

import contextlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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
"""A cancel token cannot wake a thread that waits for the worker, so it is polled."""
GRACE_S_A_GB = 0.5
"""A 20 GB model takes minutes to load, so its process gets more time to respond to a cancel before it is killed."""
SAVED_GRACE_S = 2.0
"""Time for a worker that has to end, but whose bundle is complete, to finish its answer."""
REAP_S = 5.0

log = logging.getLogger(__name__)


class _DiedBefore(Exception):
    """The process has ended without a result of its job.

    Attributes:
        error: how it ended.
    """

    def __init__(self, error: TavidError):
        super().__init__(str(error))
        self.error = error


class PlanWorker:
    """Starts its process with the first job, and again whenever it has ended. One job at a time, from any thread.

    Attributes:
        loaded: whether the process is running and holds the models of a profile.
        gpu_bytes: GPU memory that it has held since its last job, None without a GPU.

    Args:
        planner: "module:class" of the planner to run.
        cancel_grace_s: how long a job may take to respond to a cancel before its process is killed; plus GRACE_S_A_GB
            per GB of models that would have to be loaded again.
        debug: show the log output of the libraries in the process.
        environment: variables for the process in addition to this one's, for example CUDA_VISIBLE_DEVICES.
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
        """ID of the process, None when there is none."""
        process = self._process
        return None if process is None or _has_ended(process) else process.pid

    @property
    def loaded(self) -> bool:
        return self._loaded and self.pid is not None

    def load(self, config: PlannerConfig, on_progress: OnProgress = silent, cancel: CancelToken | None = None) -> None:
        """Load the models of a profile; those of any other profile are freed.

        Raises:
            TavidError: the planner's error, CANCELLED, or how the process ended.
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
            joints, video: whether the answer includes the body's joints and the video.

        Raises:
            TavidError: the planner's error, CANCELLED, or how the process ended; then there is no bundle, except where
                it was whole already and only the answer was lost, as with a process that is killed at the end.
        """
        job = Plan(next(self._jobs), config, request, Path(folder), joints, notes, video)
        return self._run(job, on_progress, cancel or CancelToken())

    def expect_end(self) -> None:
        """The process will be stopped after its job, so a cancel need not preserve its models."""
        self._ending = True

    def stop(self) -> None:
        """End the process, whatever it is doing; its memory returns to the system."""
        process, self._process = self._process, None
        self._loaded, self._ending, self.gpu_bytes = False, False, None
        if process is None:
            return
        self._channel.close()
        if process.returncode is None:
            _kill_session(process)
        process.wait(REAP_S)

    def _run(self, job: Load | Plan, on_progress: OnProgress, cancel: CancelToken) -> MadePlan | None:
        folder = job.folder if isinstance(job, Plan) else None
        cancel.raise_if_cancelled()
        started = self._start_if_needed()
        try:
            try:
                made = self._converse(job, folder, on_progress, cancel)
            except _DiedBefore as death:
                # it had ended after its last job and was still being torn down; if a new process dies without a
                # message, the job killed it
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
        except BaseException:  # Ctrl-C: nobody waits for the job any more
            self.stop()
            raise
        finally:
            if folder is not None and self._process is None:
                sweep_partials(folder.parent)

    def _converse(self, job: Load | Plan, folder: Path | None, on_progress: OnProgress, cancel: CancelToken):
        """Send a job and follow it to its end: what it has made. Raises: as `_answers`, and the job's own error."""
        for answer in self._answers(job, folder, cancel):
            if isinstance(answer, Progress):
                self._loaded = answer.stage != "load" or answer.fraction >= 1
                try:
                    on_progress(answer.stage, answer.fraction)
                except BaseException:  # of any kind: nobody waits for the job any more
                    self.stop()
                    raise
            elif isinstance(answer, Failed):
                raise answer.error
            elif isinstance(answer, Done):
                self.gpu_bytes = answer.gpu_bytes
                return answer.made

    def _answers(
        self, job: Load | Plan, folder: Path | None, cancel: CancelToken
    ) -> Iterator[Progress | Failed | Done]:
        """Send a job and give what the process answers, without an end. What a listener raises is not raised in here.

        Raises:
            TavidError: CANCELLED; INTERNAL or OUT_OF_MEMORY when the process dies.
            _DiedBefore: it has died before it said anything about this job.
        """
        stage, asked_to_end, heard = "", None, False
        try:
            self._channel.send(job)
            while True:
                if cancel.cancelled and asked_to_end is None:
                    asked_to_end = self._ask_to_end(job)
                if asked_to_end is not None and self._is_overdue(*asked_to_end, folder):
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
                yield answer
        except (EOFError, BrokenPipeError, ConnectionError) as error:
            died = self._bury(stage)
            cancel.raise_if_cancelled()
            raise (died if heard else _DiedBefore(died)) from error

    def _ask_to_end(self, job: Load | Plan) -> tuple[float, float]:
        """Tell the process that its job is cancelled.

        Returns:
            When, on the monotonic clock, and how much longer a process with such models may take, s.
        """
        asked_at = time.monotonic()
        self._channel.send(Cancel(job.job))
        return asked_at, GRACE_S_A_GB * weights_bytes(job.config.video) / GB

    def _is_overdue(self, asked_at: float, models_s: float, folder: Path | None) -> bool:
        """Whether a cancelled job should have ended by now; one whose bundle is there may end in peace."""
        grace_s = self.cancel_grace_s + (0.0 if self._ending else models_s)
        late_s = time.monotonic() - asked_at - grace_s
        saved = folder is not None and folder.exists()
        return late_s > (SAVED_GRACE_S if saved else 0.0)

    def _start_if_needed(self) -> bool:
        """Whether a process had to be started."""
        if self.pid is not None:
            return False
        self.stop()
        self._memory_kills = memory_kills()
        try:
            self._process, ours = self._spawned()
        except OSError as error:
            raise ControlError(
                ErrorCode.INTERNAL,
                f"the planning process does not start: {error.strerror}",
                "check the system's limits on processes, open files and memory",
            ) from error
        self._channel = Channel(ours)
        log.debug("planning process %d started", self._process.pid)
        return True

    def _spawned(self) -> tuple[subprocess.Popen, socket.socket]:
        """A new process, and this end of the channel to it. Raises: OSError."""
        ours, theirs = socket.socketpair()
        # like a spawned process of multiprocessing, but without importing the main module of this one
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; from tavid_planner.worker.process import main; "
            f"sys.exit(main({theirs.fileno()}, {self._planner!r}, {self._debug}))"
        )
        try:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    env=os.environ | self._environment,
                )
        except OSError:
            ours.close()
            raise
        return process, ours

    def _bury(self, stage: str) -> TavidError:
        """The channel is closed: make sure that the process has ended, and say why."""
        process, grace_s = self._process, 1.0
        try:
            process.wait(grace_s)
            _kill_session(process)
        except subprocess.TimeoutExpired:  # it has closed the channel but is still running
            log.warning("the planning process %d has closed its channel", process.pid)
        error = death_as_error(process.returncode or 0, self._memory_kills, stage)
        self.stop()
        return error


def _has_ended(process: subprocess.Popen) -> bool:
    """Whether it has ended; its children then end, too."""
    if process.returncode is not None:
        return True
    if process.poll() is None:
        return False
    _kill_session(process)
    return True


def _kill_session(process: subprocess.Popen) -> None:
    """Kill a process with its children (a video encoder).

    Only one that was not waited for yet, or has been just now: its ID is free from then on, and after hours without a
    request it may be that of somebody else's process.
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
