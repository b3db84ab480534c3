"""Is the motion physically possible? Checks with value, limit, unit and worst frame."""

from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict

__all__ = ["CheckConfig", "CheckResult", "PhysicsReport", "Verdict", "check_motion", "repair_motion"]


def __getattr__(name: str):
    if name == "check_motion":  # pulls in torch, PyBullet and SciPy
        from hoi_motion.physics.check import check_motion

        return check_motion
    if name == "repair_motion":
        from hoi_motion.physics.repair import repair_motion

        return repair_motion
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
