"""The recent messages of a topic, to find those that belong together by stamp."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

NANOSECONDS = 1e-9
MAX_KEPT_BYTES = 256 * 10**6
MAX_KEPT = 120
BACKWARDS_S = 1.0
"""A stamp this much before the last one is not a late message: the recording has restarted."""


@dataclass(frozen=True)
class Received:
    """A message with its time of arrival on a monotonic clock.

    Attributes:
        stamp_s: of its header, None where the driver leaves it at zero.
        arrived_s: `time.monotonic()`.
    """

    message: Any
    stamp_s: float | None
    arrived_s: float
    size: int

    @property
    def since_arrival_s(self) -> float:
        return time.monotonic() - self.arrived_s


def stamp_of(header) -> float | None:
    """Seconds, None for a stamp of zero."""
    stamp = header.stamp
    return stamp.sec + stamp.nanosec * NANOSECONDS if stamp.sec or stamp.nanosec else None


class History:
    """The messages of one topic that are not older than a limit. Thread-safe."""

    def __init__(self):
        self._kept: deque[Received] = deque()
        self._lock = threading.Lock()

    def add(self, message, size: int, keep_s: float) -> None:
        """Add a message; drop those that arrived more than `keep_s` before it, or exceed the limits."""
        received = Received(message, stamp_of(message.header), time.monotonic(), size)
        with self._lock:
            # a driver may leave some stamps at zero: the last one that is set counts
            last_s = next((kept.stamp_s for kept in reversed(self._kept) if kept.stamp_s is not None), None)
            if None not in (last_s, received.stamp_s) and received.stamp_s < last_s - BACKWARDS_S:
                self._kept.clear()
            self._kept.append(received)
            while len(self._kept) > 1 and self._too_much(received.arrived_s - keep_s):
                self._kept.popleft()

    def _too_much(self, oldest_s: float) -> bool:
        total = sum(r.size for r in self._kept)
        return len(self._kept) > MAX_KEPT or total > MAX_KEPT_BYTES or self._kept[0].arrived_s < oldest_s

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def newest_first(self) -> list[Received]:
        with self._lock:
            return list(reversed(self._kept))

    def nearest(self, stamp_s: float) -> Received | None:
        """The stamped message with the nearest stamp, the later one of equals."""
        stamped = [r for r in self.newest_first() if r.stamp_s is not None]
        return min(stamped, key=lambda r: abs(r.stamp_s - stamp_s), default=None)
