from dataclasses import replace

import numpy as np

from hoi_motion.body import KEYPOINT_NAMES, PosedBody, load_body
from tavid_planner.curves import MotionCurves, motion_curves


def keypoints_of(motion) -> np.ndarray:  # (T, 76, 3)
    return PosedBody(load_body(), motion).keypoints_m


def curves_of(motion) -> MotionCurves:
    return motion_curves(motion, keypoints_of(motion))


def test_distance_is_from_the_nearest_hand_point_to_the_surface(motion):
    tip = keypoints_of(motion)[0, KEYPOINT_NAMES.index("left_index_tip")]
    T = motion.target.T_world_object.copy()
    T[:, :3, 3] = tip + [0.05 + 0.2, 0, 0]  # the box's face is 20 cm to the side of the finger tip
    moved = motion.replace(
        objects=(motion.target.__class__("target", motion.target.vertices_m, motion.target.faces, T, "box"),)
    )
    distance = curves_of(moved).hand_distance_m["left_hand"]
    assert distance.shape == (motion.num_frames,) and 0.0 < distance[0] <= 0.2 + 1e-4
    assert set(curves_of(motion).hand_distance_m) == {"left_hand", "right_hand"}


def test_a_hand_point_inside_is_at_no_distance(motion):
    T = motion.target.T_world_object.copy()
    T[:, :3, 3] = keypoints_of(motion)[:, KEYPOINT_NAMES.index("left_index_tip")]
    inside = motion.replace(objects=(replace(motion.target, T_world_object=T),))
    assert (curves_of(inside).hand_distance_m["left_hand"] == 0).all()


def test_pelvis_height_follows_the_translation(motion):
    low = curves_of(motion).pelvis_height_m
    high = curves_of(motion.replace(transl_m=motion.transl_m + np.float32([0, 0, 0.25]))).pelvis_height_m
    assert np.allclose(high - low, 0.25, atol=1e-5)
