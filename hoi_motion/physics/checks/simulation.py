"""Checks that step the simulation."""

from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import PhysicsWorld


def tracking(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Whether a simulated humanoid can follow the motion is not decided by this version; the report says so."""
    return CheckResult.not_run(
        "tracking", None, "m", "this version checks geometry only and does not simulate the motion"
    )
