"""Curves over time for the report: distance of the hands from the target, height of the pelvis."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.motion import HANDS, SIDE_OF_HAND, HoiMotion

HAND_KEYPOINTS = (
    "wrist",
    "thumb_tip",
    "index_tip",
    "middle_tip",
    "ring_tip",
    "pinky_tip",
    "index1",
    "middle1",
    "pinky1",
)


@dataclass(frozen=True)
class MotionCurves:
    """Curves of a motion.

    Attributes:
        hand_distance_m: for each of HANDS, (T,) distance of the nearest hand keypoint from the target's surface, 0
            inside; empty when the motion has no target.
        pelvis_height_m: (T,) above the floor.
    """

    hand_distance_m: dict[str, np.ndarray]
    pelvis_height_m: np.ndarray  # (T,)


def motion_curves(motion: HoiMotion, keypoints_m: np.ndarray) -> MotionCurves:
    """Curves of one motion.

    Args:
        keypoints_m: (T, 76, 3) of its body in the world.
    """
    from hoi_motion.body import KEYPOINT_NAMES

    distances = {}
    if motion.target is not None:
        for hand in HANDS:
            side = SIDE_OF_HAND[hand]
            columns = [KEYPOINT_NAMES.index(f"{side}_{name}") for name in HAND_KEYPOINTS]
            distances[hand] = _distance_to_target(motion, keypoints_m[:, columns])
    return MotionCurves(distances, keypoints_m[:, KEYPOINT_NAMES.index("pelvis"), 2])


def _distance_to_target(motion: HoiMotion, points_world_m: np.ndarray) -> np.ndarray:  # (T, P, 3) -> (T,)
    from hoi_motion.physics.surface import ObjectSurface

    surface = ObjectSurface(motion.target.vertices_m, motion.target.faces, motion.target.name)
    T_object_world = np.linalg.inv(motion.target.T_world_object)
    points_object_m = (
        np.einsum("tij,tpj->tpi", T_object_world[:, :3, :3], points_world_m) + T_object_world[:, None, :3, 3]
    )
    distance = surface.signed_distance(points_object_m.reshape(-1, 3)).reshape(points_object_m.shape[:2])
    return np.clip(distance.min(axis=1), 0.0, None)
