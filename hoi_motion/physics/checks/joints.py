"""Can human joints do this: range, speed, smoothness?"""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.anatomy import degrees_over_limits
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult, Verdict
from hoi_motion.physics.world import PhysicsWorld


def joint_limits(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Degrees by which the worst joint leaves its anatomical range."""
    over, names = degrees_over_limits(geometry.motion.pose_rad)  # (T, N)
    frame, which = np.unravel_index(over.argmax(), over.shape)
    value = float(over[frame, which])
    reason = "every joint stays in its range"
    if value > 0:
        reason = f"{names[which]} is {value:.0f} degrees beyond its range {geometry.time_words(frame)}"
    return CheckResult.at_most(
        "joint_limits", value, geometry.config.joint_limit_deg, "deg", frame if value > 0 else None, reason
    )


def joint_velocity(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Angular speed of the fastest joint relative to its parent (the pelvis: to the world)."""
    name, limit, unit = "joint_velocity", geometry.config.joint_velocity_rad_s, "rad/s"
    pose = geometry.motion.pose_rad
    if len(pose) < 2:
        return CheckResult.not_run(name, limit, unit, "a single frame has no motion")
    rotations = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(*pose.shape, 3)
    step = Rotation.from_matrix((np.swapaxes(rotations[:-1], -1, -2) @ rotations[1:]).reshape(-1, 3, 3)).magnitude()
    speed = step.reshape(len(pose) - 1, -1) * geometry.motion.fps
    frame, joint = np.unravel_index(speed.argmax(), speed.shape)
    reason = f"{JOINT_NAMES[joint].replace('_', ' ')} turns at {speed.max():.1f} rad/s {geometry.time_words(frame + 1)}"
    return CheckResult.at_most(name, speed.max(), limit, unit, frame + 1, reason)


def jitter(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Mean third difference of the joint positions, in 10 m/s^3 as reported by WHAM and GVHMR; has no limit."""
    name, unit = "jitter", "10 m/s^3"
    if geometry.motion.num_frames < 4:
        return CheckResult.not_run(name, None, unit, "fewer than four frames have no third difference")
    jerk = np.linalg.norm(np.diff(geometry.joints_m, n=3, axis=0), axis=-1).mean(axis=1)  # (T - 3,)
    frame = int(jerk.argmax()) + 1
    value = float(jerk.mean() * geometry.motion.fps**3 / 10)
    return CheckResult(name, Verdict.PASS, value, None, unit, frame, f"roughest {geometry.time_words(frame)}")
