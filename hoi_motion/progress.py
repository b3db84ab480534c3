"""Progress and cancellation: one callback and one token through every room."""

import threading
from collections.abc import Callable

from hoi_motion.errors import ControlError, ErrorCode

OnProgress = Callable[[str, float], None]
"""Called as `on_progress(stage, fraction)`, fraction of that stage in 0..1."""


class CancelToken:
    """Thread-safe flag that long work asks between its steps."""

    def __init__(self):
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Raises: ControlError CANCELLED once `cancel()` was called."""
        if self.cancelled:
            raise ControlError(ErrorCode.CANCELLED, "cancelled on request")


def check_cancelled(cancel: CancelToken | None) -> None:
    """Raises: ControlError CANCELLED once a given token was cancelled."""
    if cancel is not None:
        cancel.raise_if_cancelled()


def silent(stage: str, fraction: float) -> None:
    """An `OnProgress` that says nothing."""


def part_of(on_progress: OnProgress, start: float, end: float) -> OnProgress:
    """An `OnProgress` for a part of a stage, which runs from `start` to `end` of it."""
    return lambda stage, fraction: on_progress(stage, start + (end - start) * fraction)
