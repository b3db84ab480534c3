"""PlannerDesk: one planner, one plan at a time, however many interfaces (action, service) use it."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode
from tavid_planner.request import InteractionRequest
from tavid_planner.worker.messages import MadePlan
from tavid_planner.worker.supervisor import PlanWorker

QUEUE_POLL_S = 0.1
NOT_YET_OPEN = ("the planner is not active: its models are not loaded", "wait until it has started, or activate it")


class PlannerDesk:
    """Serialises plans and owns the worker. Thread-safe.

    Args:
        worker: makes the plans.
        max_waiting: requests that may wait behind the running one; more are refused.
    """

    def __init__(self, worker: PlanWorker, max_waiting: int = 0):
        self._worker = worker
        self._max_waiting = max_waiting
        self._open = False
        self._why_closed = NOT_YET_OPEN
        self._line: deque[object] = deque()  # the first one is the one being served
        self._running: CancelToken | None = None
        self._opening: set[CancelToken] = set()
        self._preparing: set[CancelToken] = set()
        self._changed = threading.Condition()

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def busy(self) -> bool:
        return bool(self._line)

    @property
    def waiting(self) -> int:
        return max(len(self._line) - 1, 0)

    @property
    def loaded(self) -> bool:
        return self._worker.loaded

    @property
    def worker_pid(self) -> int | None:
        """ID of the process that holds the models, None when there is none."""
        return self._worker.pid

    @property
    def gpu_bytes(self) -> int | None:
        """GPU memory that the models hold, None without a GPU."""
        return self._worker.gpu_bytes

    def open(self, config: PlannerConfig, on_progress: OnProgress = silent) -> None:
        """Load the models and accept requests.

        Raises:
            TavidError: when the models cannot be loaded, or `close` was called meanwhile; the desk stays closed.
        """
        cancel = CancelToken()
        with self._changed:
            self._opening.add(cancel)
        try:
            with self._turn(cancel, max_waiting=None):
                self._worker.load(config, on_progress, cancel)
                with self._changed:
                    cancel.raise_if_cancelled()
                    self._open = True
        finally:
            with self._changed:
                self._opening.remove(cancel)

    def close(self, why: tuple[str, str] = NOT_YET_OPEN) -> None:
        """Refuse requests, end the running one, free the memory of the models.

        Args:
            why: (message, hint) for requests that are or will be refused.
        """
        with self._changed:
            self._open, self._why_closed = False, why
            self._worker.expect_end()
            # those that open it, too, also while they wait for their turn: they would open it again
            for token in filter(None, (self._running, *self._opening, *self._preparing)):
                token.cancel()
            self._changed.notify_all()
        with self._turn(CancelToken(), max_waiting=None):
            self._worker.stop()

    @contextmanager
    def place(self, cancel: CancelToken) -> Iterator[object]:
        """A place in the line, held from before a request is prepared until its plan is made; `plan` takes it.

        Preparing a request may take seconds, too: of many that come at once, only those are prepared that have a place.

        Raises:
            ControlError: BUSY at once when the desk is closed or the line is full.
        """
        place = object()
        with self._changed:
            # in one with taking the place: `close` cancels what is prepared, and must know of it
            self._refuse_when_closed()
            self._refuse_when_full(self._max_waiting)
            self._line.append(place)
            self._preparing.add(cancel)
        try:
            with self._why_ended():
                yield place
        finally:
            with self._changed:
                self._preparing.discard(cancel)
                self._leave(place)

    def plan(
        self,
        request: InteractionRequest,
        config: PlannerConfig,
        folder: Path,
        on_progress: OnProgress,
        cancel: CancelToken,
        joints: bool = False,
        notes: tuple[str, ...] = (),
        on_place: Callable[[int], None] = lambda place: None,
        video: bool = True,
        place: object | None = None,
    ) -> MadePlan:
        """Answer one request when its turn comes; arguments as in `PlanWorker.plan`.

        Args:
            place: of `place`, whose block goes on; None takes the last one.
            on_place: called with the number of requests ahead whenever it changes; 0 when the turn has come.

        Raises:
            ControlError: BUSY when the queue is full or the desk is closed, CANCELLED.
            TavidError: as reported by the worker.
        """
        self._refuse_when_closed()
        with self._changed:
            self._preparing.discard(cancel)
            waits = self.busy and self._line[0] is not place
        if waits:
            on_progress("wait", 0.0)
        with self._why_ended(), self._turn(cancel, self._max_waiting, on_place, place), self._current(cancel):
            self._refuse_when_closed()
            return self._worker.plan(request, config, folder, on_progress, cancel, joints, notes, video)

    @contextmanager
    def _why_ended(self) -> Iterator[None]:
        """Say of what was cancelled because the desk was closed why it was closed."""
        try:
            yield
        except ControlError as error:
            told = f"the plan was ended: {self._why_closed[0]}"
            if error.code is not ErrorCode.CANCELLED or self._open or error.message == told:
                raise  # what has a place passes here twice
            raise ControlError(error.code, told, self._why_closed[1]) from error

    def _refuse_when_closed(self) -> None:
        if not self._open:
            raise ControlError(ErrorCode.BUSY, *self._why_closed)

    def _refuse_when_full(self, max_waiting: int) -> None:
        if len(self._line) > max_waiting:
            queue = f" and {self.waiting} more wait" if self.waiting else ""
            raise ControlError(
                ErrorCode.BUSY,
                f"another plan is being made{queue}",
                "try again when it is done, cancel it, or let requests wait (parameter max_waiting)",
            )

    @contextmanager
    def _current(self, cancel: CancelToken):
        with self._changed:
            self._running = cancel
        try:
            yield
        finally:
            with self._changed:
                self._running = None

    @contextmanager
    def _turn(
        self,
        cancel: CancelToken,
        max_waiting: int | None,
        on_place: Callable[[int], None] = lambda place: None,
        held: object | None = None,
    ):
        """Args: held: the place in the line, which is kept; None takes the last one, and leaves it at the end."""
        ticket = object() if held is None else held
        if held is None:
            with self._changed:
                if max_waiting is not None:
                    self._refuse_when_full(max_waiting)
                self._line.append(ticket)
        try:
            told = None
            with self._changed:
                # the token cannot wake this thread, so it is polled
                while self._line[0] is not ticket:
                    if (place := self._line.index(ticket)) != told:
                        on_place(place)
                        told = place
                    self._changed.wait(QUEUE_POLL_S)
                    cancel.raise_if_cancelled()
            on_place(0)
            yield
        finally:
            if held is None:
                with self._changed:
                    self._leave(ticket)

    def _leave(self, ticket: object) -> None:
        self._line.remove(ticket)
        self._changed.notify_all()
