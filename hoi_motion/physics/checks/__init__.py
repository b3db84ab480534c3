"""The checks. Each is one function `check(geometry, world) -> CheckResult`.

To add one: write it in the file of its family (or a new file), add its limit with a reason to `CheckConfig`, append it
to `CHECKS`, and test it with a planted fault in `tests/hoi_motion/physics/test_check.py`.
"""

from hoi_motion.physics.checks.balance import balance
from hoi_motion.physics.checks.contact import contact_kept
from hoi_motion.physics.checks.ground import floating, foot_skating, sinking
from hoi_motion.physics.checks.joints import jitter, joint_limits, joint_velocity
from hoi_motion.physics.checks.objects import object_jump, object_rest, object_support
from hoi_motion.physics.checks.penetration import (
    penetration_body_object,
    penetration_body_scene,
    penetration_object_scene,
)
from hoi_motion.physics.checks.simulation import object_follows, object_settles, root_wrench, tracking

SIMULATED = (tracking, root_wrench, object_settles, object_follows)
"""Those that run with `check.simulate` only."""

CHECKS = (
    penetration_body_object,
    penetration_body_scene,
    penetration_object_scene,
    floating,
    sinking,
    foot_skating,
    contact_kept,
    object_support,
    object_rest,
    object_jump,
    balance,
    joint_limits,
    joint_velocity,
    jitter,
    *SIMULATED,
)
"""In the order of the report."""
