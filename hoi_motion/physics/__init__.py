"""Is the motion physically possible? Checks with value, limit, unit and worst frame."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names
from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict

if TYPE_CHECKING:
    from hoi_motion.physics.check import check_motion
    from hoi_motion.physics.repair import RepairResult, repair_motion

__all__ = ["CheckConfig", "CheckResult", "PhysicsReport", "RepairResult", "Verdict", "check_motion", "repair_motion"]

# these import torch, PyBullet and SciPy
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "RepairResult": "hoi_motion.physics.repair",
        "check_motion": "hoi_motion.physics.check",
        "repair_motion": "hoi_motion.physics.repair",
    },
)
