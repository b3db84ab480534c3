"""Fixes for failed checks: each takes the motion's geometry and returns a changed motion.

Frames that exceed a limit are brought to `change.AIM` of it; the change fades out over the neighbouring frames. The
first frame is left alone unless it exceeds the limit itself. A fix that cannot help returns None.
"""

from hoi_motion.physics.fixes.apart import leave_furniture, leave_objects
from hoi_motion.physics.fixes.grip import close_grip, steady_objects
from hoi_motion.physics.fixes.ground import set_on_ground, stop_feet
from hoi_motion.physics.fixes.joints import calm_joints
from hoi_motion.physics.fixes.objects import raise_objects, rest_objects

FIXES = {
    "joint_velocity": calm_joints,
    "floating": set_on_ground,
    "sinking": set_on_ground,
    "foot_skating": stop_feet,
    "object_rest": rest_objects,
    "object_jump": steady_objects,
    "object_support": rest_objects,
    "penetration_object_scene": raise_objects,
    "penetration_body_scene": leave_furniture,
    "contact_kept": close_grip,
    "penetration_body_object": leave_objects,
}
"""Name of a check -> its fix, causes before their consequences."""
