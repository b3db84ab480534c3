import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body import load_body
from hoi_motion.body.from_points import NEEDED, fit_to_points
from hoi_motion.body.joints import KEYPOINT_NAMES
from hoi_motion.errors import ErrorCode, InputError

NAMES = (*NEEDED, "neck", "nose", "left_heel", "left_big_toe", "right_heel", "right_big_toe")
ROWS = [KEYPOINT_NAMES.index(name) for name in NAMES]


def points_of(pose, body, betas=np.zeros(10)):
    return body.joints(pose, np.zeros((len(pose), 3)), betas).numpy()[:, ROWS].astype(float)


@pytest.fixture(scope="module")
def pose():
    rng = np.random.default_rng(5)
    pose = np.zeros((3, 55, 3))
    pose[:, [1, 2, 16, 17]] = rng.normal(0, 0.5, (3, 4, 3))
    pose[:, [4, 5], 0] = rng.uniform(0, 1.5, (3, 2))
    pose[:, 18, 1], pose[:, 19, 1] = -rng.uniform(0, 1.5, 3), rng.uniform(0, 1.5, 3)
    return pose


def test_points_of_a_body_are_met_with_its_height(pose):
    body = load_body()
    betas = np.zeros(10)
    betas[0] = 0.8
    fit = fit_to_points(body, NAMES, points_of(pose, body, betas))
    assert fit.error_m.max() < 0.012 and fit.betas[0] > 0.4


@settings(max_examples=2, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3))
def test_points_turned_and_moved_as_a_whole_give_the_same_pose(turn):
    body = load_body()
    pose = np.zeros((1, 55, 3))
    pose[0, 4, 0] = pose[0, 19, 1] = 1.0
    points_m = points_of(pose, body)
    R = Rotation.from_rotvec(turn)
    moved = R.apply(points_m.reshape(-1, 3)).reshape(points_m.shape) + [3, -2, 7]
    one, other = (fit_to_points(body, NAMES, points) for points in (points_m, moved))
    assert np.abs(one.pose_rad[:, 1:] - other.pose_rad[:, 1:]).max() < 0.05
    # a pelvis goes along with the points
    assert np.allclose(R.apply(one.transl_m) + [3, -2, 7], other.transl_m, atol=0.01)


def test_a_limb_without_length_is_named():
    points_m = points_of(np.zeros((3, 55, 3)), load_body())
    points_m[1, NAMES.index("left_elbow")] = points_m[1, NAMES.index("left_shoulder")]
    with pytest.raises(InputError, match="left_shoulder and left_elbow are in one place in frame 1") as caught:
        fit_to_points(load_body(), NAMES, points_m)
    assert caught.value.code == ErrorCode.FILE_INVALID
