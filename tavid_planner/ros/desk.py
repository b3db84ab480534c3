"""PlannerDesk: one planner, one plan at a time, however many doors (action, service) lead to it."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode
from tavid_planner.plan import InteractionPlan
from tavid_planner.request import InteractionRequest

if TYPE_CHECKING:
    from tavid_planner.planner import Planner

QUEUE_POLL_S = 0.1


class PlannerDesk:
    """Serialises plans and owns the models. Thread-safe.

    Args:
        planner_factory: called with a `PlannerConfig`, returns a planner (`tavid_planner.planner.Planner`).
        max_waiting: requests that may wait behind the running one; more are refused.
    """

    def __init__(self, planner_factory: Callable[[PlannerConfig], "Planner"], max_waiting: int = 0):
        self._planner_factory = planner_factory
        self._max_waiting = max_waiting
        self._planner: Planner | None = None
        self._open = False
        self._line: deque[object] = deque()  # the first one is being served
        self._running: CancelToken | None = None
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
        planner = self._planner
        return planner is not None and planner.loaded

    def open(self, config: PlannerConfig, on_progress: OnProgress = silent) -> None:
        """Load the models and accept requests.

        Raises:
            TavidError: when the models cannot be loaded; the desk stays closed.
        """
        with self._turn(CancelToken(), max_waiting=None):
            self._load(config, on_progress, CancelToken())
            self._open = True

    def close(self) -> None:
        """Refuse requests, cancel the running one, wait until it has ended, free the models."""
        with self._changed:
            self._open = False
            if self._running is not None:
                self._running.cancel()
            self._changed.notify_all()
        with self._turn(CancelToken(), max_waiting=None):
            self._unload()

    def plan(
        self, request: InteractionRequest, config: PlannerConfig, on_progress: OnProgress, cancel: CancelToken
    ) -> InteractionPlan:
        """Answer one request when its turn comes.

        Raises:
            ControlError: BUSY when the line is full or the desk is closed, CANCELLED.
            TavidError: whatever the planner says.
        """
        self._refuse_when_closed()
        if self.busy:
            on_progress("wait", 0.0)
        with self._turn(cancel, self._max_waiting):
            with self._changed:
                self._refuse_when_closed()
                self._running = cancel
            try:
                self._load(config, on_progress, cancel)
                return self._planner.plan(request, on_progress, cancel)
            finally:
                with self._changed:
                    self._running = None

    def _refuse_when_closed(self) -> None:
        if not self._open:
            raise ControlError(
                ErrorCode.BUSY,
                "the planner is not active: its models are not loaded",
                "wait while it starts, or activate the node (ros2 lifecycle set NODE activate)",
            )

    @contextmanager
    def _turn(self, cancel: CancelToken, max_waiting: int | None):
        ticket = object()
        with self._changed:
            if max_waiting is not None and len(self._line) > max_waiting:
                queue = f" and {self.waiting} more wait" if self.waiting else ""
                raise ControlError(
                    ErrorCode.BUSY,
                    f"another plan is being made{queue}",
                    "try again when it is done, cancel it, or let requests wait (parameter max_waiting)",
                )
            self._line.append(ticket)
        try:
            with self._changed:
                # the token cannot wake this thread, so it is asked now and then
                while self._line[0] is not ticket:
                    self._changed.wait(QUEUE_POLL_S)
                    cancel.raise_if_cancelled()
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _load(self, config: PlannerConfig, on_progress: OnProgress, cancel: CancelToken) -> None:
        if self._planner is None or self._planner.config != config:
            # before the next one is loaded: two models may not fit into memory
            self._unload()
            self._planner = self._planner_factory(config)
        self._planner.load(on_progress, cancel)

    def _unload(self) -> None:
        if self._planner is not None:
            self._planner.unload()
            self._planner: Planner | None = None
