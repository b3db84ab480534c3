"""A pose from keypoints whose pose is known."""

import numpy as np
import pytest

from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.person.priors import HIGHEST_RAD, LOWEST_RAD, REST_POSE_RAD
from hoi_motion.lift.person.start import start_pose

R_LEVEL_BODY = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # faces +x, z up


def _points(body, root, body_rad):
    pose = np.concatenate([np.zeros((1, 1, 3)), body_rad[None], np.zeros((1, 33, 3))], 1)
    local = body.joints(pose, np.zeros((1, 3)), np.zeros(10))
    return np.einsum("kj,tjc->tkc", km.BODY_MATRIX, (local.numpy() - local[:, :1].numpy()) @ root.T), local


def _pose(**degrees) -> np.ndarray:
    from hoi_motion.body.joints import JOINT_NAMES

    pose = REST_POSE_RAD.astype(float).copy()
    for name, angles in degrees.items():
        pose[JOINT_NAMES.index(name) - 1] = np.deg2rad(angles)
    return pose


POSES = {
    "rest": _pose(),
    "reach": _pose(right_shoulder=(0, 70, 20), right_elbow=(0, 40, 0)),
    "crouch": _pose(
        left_hip=(-110, 0, 0),
        right_hip=(-100, 0, 0),
        left_knee=(110, 0, 0),
        right_knee=(105, 0, 0),
        left_elbow=(0, -60, 0),
    ),
}


@pytest.mark.parametrize("name", POSES)
def test_the_pose_puts_the_keypoints_where_they_were(body, name):
    points, _ = _points(body, R_LEVEL_BODY, POSES[name])
    root, body_rad = start_pose(points)
    again, _ = _points(body, root[0], body_rad[0])
    limbs = [km.BODY_KEYPOINTS.index(k) for k in (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)]
    error = np.linalg.norm((again - points)[0, limbs], axis=-1)
    assert error.max() < 0.15 and error.mean() < 0.06


@pytest.mark.parametrize("name", POSES)
def test_knees_and_elbows_bend_the_way_they_can(body, name):
    _, body_rad = start_pose(_points(body, R_LEVEL_BODY, POSES[name])[0])
    hinges = [3, 4, 17, 18]
    over = np.maximum(body_rad[0, hinges] - HIGHEST_RAD[hinges], LOWEST_RAD[hinges] - body_rad[0, hinges])
    assert over.max() < 1e-6


def test_a_turned_person_gets_a_turned_root_and_the_same_pose(body):
    points, _ = _points(body, R_LEVEL_BODY, POSES["reach"])
    turn = np.array([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]])
    (root, pose), (root_turned, pose_turned) = start_pose(points), start_pose(points @ turn.T)
    np.testing.assert_allclose(turn @ root[0], root_turned[0], atol=1e-9)
    np.testing.assert_allclose(pose, pose_turned, atol=1e-9)
