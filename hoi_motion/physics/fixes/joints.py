"""Joints that turn too fast."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.world import PhysicsWorld

CALMING = 0.25


def calm_joints(geometry: MotionGeometry, world: PhysicsWorld) -> HoiMotion | None:
    """Slow down joints that turn too fast.

    In order of time, a frame whose steps before and after are both too fast is moved midway between its neighbours;
    what is still too fast is averaged with its neighbours until it is not.
    """
    motion, limit_rad = geometry.motion, geometry.config.joint_velocity_rad_s / geometry.motion.fps
    pose = np.array(motion.pose_rad, np.float64)
    for joint in range(pose.shape[1]):
        for t in range(1, len(pose) - 1):
            before, at, after = Rotation.from_rotvec(pose[t - 1 : t + 2, joint])
            if min((before.inv() * at).magnitude(), (at.inv() * after).magnitude()) > limit_rad * 0.95:
                middle = before * Rotation.from_rotvec((before.inv() * after).as_rotvec() / 2)
                pose[t, joint] = middle.as_rotvec()
        rotations = Rotation.from_rotvec(pose[:, joint])
        for _ in range(100):
            fast = (rotations[:-1].inv() * rotations[1:]).magnitude() > limit_rad * 0.95
            if not fast.any():
                break
            near = np.convolve(np.r_[fast, False] | np.r_[False, fast], np.ones(3), "same") > 0
            near[0] &= fast[0]
            before = rotations[np.r_[0, : len(near) - 1]]
            after = rotations[np.r_[1 : len(near), len(near) - 1]]
            pull = ((rotations.inv() * before).as_rotvec() + (rotations.inv() * after).as_rotvec()) / 2
            rotations = rotations * Rotation.from_rotvec(pull * CALMING * near[:, None])
            pose[near, joint] = rotations.as_rotvec()[near]
    return motion.replace(pose_rad=pose)
