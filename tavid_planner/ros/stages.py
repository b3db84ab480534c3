"""Which stage is running, since when, and how long each has taken."""

import time
from collections.abc import Callable

FEEDBACK_PERIOD_S = 0.1


class StageClock:
    """An `OnProgress` that times the stages and reports at a rate that clients can follow.

    Args:
        report: called as `report(stage, fraction, elapsed_s)` when a stage begins or ends, and every
            `FEEDBACK_PERIOD_S`.
    """

    def __init__(self, report: Callable[[str, float, float], None] | None = None):
        self.stage = ""
        self._report = report
        self._start = time.perf_counter()
        self._stage_start = self._start
        self._last_report = 0.0
        self._done_s: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        now = time.perf_counter()
        begins = stage != self.stage
        if begins:
            self._close_stage(now)
            self.stage, self._stage_start = stage, now
        if self._report and (begins or fraction >= 1 or now - self._last_report >= FEEDBACK_PERIOD_S):
            self._last_report = now
            self._report(stage, min(max(float(fraction), 0.0), 1.0), now - self._start)

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self._start

    def times_s(self) -> dict[str, float]:
        """Seconds per stage in the order in which they ran; the running one up to now."""
        self._close_stage(time.perf_counter())
        return dict(self._done_s)

    def _close_stage(self, now: float) -> None:
        if self.stage:
            self._done_s[self.stage] = self._done_s.get(self.stage, 0.0) + now - self._stage_start
            self._stage_start = now
