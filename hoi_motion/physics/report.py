"""PhysicsReport: the verdict and the checks behind it."""

import json
import math
from dataclasses import asdict, dataclass
from enum import Enum

from hoi_motion.files import write_whole

SCHEMA_VERSION = 1


class Verdict(str, Enum):  # as StrEnum, which Python 3.10 lacks
    """Of a check or a whole report; NOT_RUN is never a PASS."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_RUN = "NOT_RUN"

    __str__ = str.__str__


@dataclass(frozen=True)
class CheckResult:
    """One check.

    Attributes:
        value, limit: in `unit`; value is None when the check did not run, limit is None when it only reports.
        worst_frame: frame index of the worst value, None when there is none.
        reason: what was found, or why the check did not run, in words.
    """

    name: str
    verdict: Verdict
    value: float | None
    limit: float | None
    unit: str
    worst_frame: int | None
    reason: str

    def __post_init__(self):
        object.__setattr__(self, "verdict", Verdict(self.verdict))
        for name in ("value", "limit"):
            number = getattr(self, name)
            if number is not None:
                if not math.isfinite(number):
                    raise ValueError(f"check {self.name}: {name} is {number}")
                object.__setattr__(self, name, float(number))
        if self.worst_frame is not None:
            object.__setattr__(self, "worst_frame", int(self.worst_frame))
        if (self.value is None) != (self.verdict is Verdict.NOT_RUN):
            raise ValueError(f"check {self.name}: a value is given exactly when the check ran")

    @classmethod
    def at_most(cls, name, value, limit, unit, worst_frame, reason) -> "CheckResult":
        """A check that passes if the value does not exceed the limit."""
        return cls(name, Verdict.PASS if value <= limit else Verdict.FAIL, value, limit, unit, worst_frame, reason)

    @classmethod
    def at_least(cls, name, value, limit, unit, worst_frame, reason) -> "CheckResult":
        """A check that passes if the value reaches the limit."""
        return cls(name, Verdict.PASS if value >= limit else Verdict.FAIL, value, limit, unit, worst_frame, reason)

    @classmethod
    def not_run(cls, name, limit, unit, reason) -> "CheckResult":
        """A check that could not run or does not apply; the reason says why."""
        return cls(name, Verdict.NOT_RUN, None, limit, unit, None, reason)

    @property
    def margin(self) -> float | None:
        """Distance of the value from its limit, as a share of what lies between the limit and the best possible value:
        0, or all (1) where the value is a share that has to reach the limit. Negative if the check failed.

        A limit that is the best possible value, or the worst, has no margin (None) if it is kept; the excess over the
        best is in its unit.
        """
        if self.value is None or self.limit is None:
            return None
        passes = self.verdict is Verdict.PASS
        has_to_reach = self.unit == "share" and (self.value >= self.limit) == passes
        room = 1 - self.limit if has_to_reach else abs(self.limit)
        if passes and not (room and self.limit):
            return None
        return abs(self.value - self.limit) / (room or 1.0) * (1 if passes else -1)


def _spoken(check: CheckResult) -> str:
    return check.name.replace("_", " ")


@dataclass(frozen=True)
class PhysicsReport:
    """All checks of one motion."""

    checks: tuple[CheckResult, ...]

    @property
    def verdict(self) -> Verdict:
        """FAIL if any check failed, NOT_RUN if none ran, else PASS."""
        verdicts = {c.verdict for c in self.checks}
        if Verdict.FAIL in verdicts:
            return Verdict.FAIL
        return Verdict.PASS if Verdict.PASS in verdicts else Verdict.NOT_RUN

    @property
    def margin(self) -> float | None:
        """Smallest margin of a check; negative if one failed, None if none has one."""
        return min((c.margin for c in self.checks if c.margin is not None), default=None)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the verdict is what it is, each reason once: of a FAIL the failures, of NOT_RUN why none ran; of a PASS
        how many values are within their limits. Which these are, and what was not looked at, is its `coverage`.
        """
        if self.verdict is Verdict.PASS:
            kept = sum(c.verdict is Verdict.PASS and c.limit is not None for c in self.checks)
            return ("1 check is within its limit" if kept == 1 else f"{kept} checks are within their limits",)
        return tuple(dict.fromkeys(c.reason for c in self.checks if c.verdict is self.verdict))

    @property
    def coverage(self) -> tuple[str, ...]:
        """What was checked, in words, and last what was not and why."""
        ran = ", ".join(_spoken(c) for c in self.checks if c.verdict is not Verdict.NOT_RUN)
        return (*([f"checked: {ran}"] if ran else []), *self.unchecked)

    @property
    def unchecked(self) -> tuple[str, ...]:
        """What did not run, in words: one entry a reason."""
        idle: dict[str, list[str]] = {}
        for check in self.checks:
            if check.verdict is Verdict.NOT_RUN:
                idle.setdefault(check.reason, []).append(_spoken(check))
        return tuple(f"not checked: {', '.join(names)} ({reason})" for reason, names in idle.items())

    def to_dict(self) -> dict:
        return {
            "schema": SCHEMA_VERSION,
            "verdict": str(self.verdict),
            "checks": [asdict(c) | {"verdict": str(c.verdict)} for c in self.checks],
        }

    def save(self, path) -> None:
        write_whole(path, (json.dumps(self.to_dict(), indent=2) + "\n").encode())
