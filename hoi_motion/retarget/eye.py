"""Where films of robots are seen from, and their pictures, drawn by PyBullet's TinyRenderer without a window."""

import numpy as np

from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.robot_motion import RobotMotion

SIZE_PX = (480, 360)
FOV_DEG = 45.0
NEAR_M, FAR_M = 0.05, 10.0
BESIDE_DEG = 60.0  # from the way of the arm to its object: from ahead or behind, one hides the other
DOWN_DEG = 22.0
LEAST_M = 1.7  # nearer, the room around cannot be made out
AROUND_M = 0.2  # around the points that have to be seen: the thickness of an arm, and its elbow beside them
POINTS = 40  # moments of a motion that are looked at

Eye = tuple[list[float], list[float]]
"""View and projection for PyBullet, 16 numbers each."""


def eye_on_arm(plan: RobotMotion, arm) -> Eye:
    """An eye that sees base, gripper and object in the whole of an arm's motion, all from one side of the arm."""
    base = plan.T_world_root()
    moments = np.unique(np.linspace(0, len(plan.positions_rad) - 1, POINTS).astype(int))
    tool_m = [(base @ arm.forward(plan.positions_rad[i, : len(arm.joint_names)]))[:3, 3] for i in moments]
    seen_m = np.concatenate([plan.object_pose[moments, :3], tool_m, base[None, :3, 3]])
    return eye_beside(plan.object_pose[0, :3], base[:3, 3], seen_m)


def eye_beside(object_m: np.ndarray, base_m: np.ndarray, seen_m: np.ndarray) -> Eye:
    """An eye beside the line from base (3,) to object (3,), as far away as it takes to see the points (N, 3), world."""
    towards_deg = np.degrees(np.arctan2(*(object_m - base_m)[1::-1]))
    yaw, down = np.radians(towards_deg - BESIDE_DEG), np.radians(DOWN_DEG)
    right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    ahead = np.array([-np.sin(yaw) * np.cos(down), np.cos(yaw) * np.cos(down), -np.sin(down)])
    middle_m = (seen_m.min(axis=0) + seen_m.max(axis=0)) / 2
    off_m = seen_m - middle_m
    half_height = np.tan(np.radians(FOV_DEG / 2))
    needed_m = [
        (np.abs(off_m @ side) + AROUND_M) / half - off_m @ ahead
        for side, half in ((np.cross(right, ahead), half_height), (right, half_height * SIZE_PX[0] / SIZE_PX[1]))
    ]
    return eye_at(middle_m, max(LEAST_M, float(np.max(needed_m))), towards_deg - BESIDE_DEG, DOWN_DEG)


def eye_at(look_at_m: np.ndarray, distance_m: float, yaw_deg: float, down_deg: float) -> Eye:
    """An eye that looks at a point (3,), world; with a yaw of 0 it stands at -y of it."""
    view = pybullet.computeViewMatrixFromYawPitchRoll(look_at_m.tolist(), distance_m, float(yaw_deg), -down_deg, 0, 2)
    return view, pybullet.computeProjectionMatrixFOV(FOV_DEG, SIZE_PX[0] / SIZE_PX[1], NEAR_M, FAR_M)


def picture(client: int, eye: Eye) -> np.ndarray:  # (H, W, 3) u8
    """What a PyBullet client shows to an eye."""
    image = pybullet.getCameraImage(*SIZE_PX, *eye, renderer=pybullet.ER_TINY_RENDERER, physicsClientId=client)
    return np.reshape(image[2], (SIZE_PX[1], SIZE_PX[0], 4))[..., :3].astype(np.uint8)
