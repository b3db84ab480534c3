"""Ranges of human joints."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body.anatomy import degrees_over_limits, fingers_in_range
from hoi_motion.body.joints import JOINT_NAMES

FINGERS = [i for i, name in enumerate(JOINT_NAMES) if name[-1] in "123" and "spine" not in name]


@pytest.mark.parametrize("seed", range(4))
def test_fingers_that_are_bent_anyhow_come_into_their_range_and_nothing_else_moves(seed):
    pose = np.random.default_rng(seed).normal(0, 0.2, (30, 55, 3)).astype(np.float32)
    pose[:, FINGERS] *= 6
    put_right = fingers_in_range(pose)
    over, names = degrees_over_limits(put_right)
    of_fingers = [i for i, name in enumerate(names) if name[-1] in "123" and "spine" not in name]
    assert degrees_over_limits(pose)[0][:, of_fingers].max() > 20
    assert over[:, of_fingers].max() == 0
    others = np.setdiff1d(np.arange(55), FINGERS)
    assert np.array_equal(put_right[:, others], pose[:, others])


def test_fingers_inside_their_range_stay_as_they_are():
    pose = np.zeros((3, 55, 3))
    pose[:, JOINT_NAMES.index("left_index2"), 2] = -np.deg2rad(100)
    assert np.array_equal(fingers_in_range(pose), pose)


def test_a_finger_comes_back_to_the_nearest_angle():
    pose = np.zeros((1, 55, 3))
    joint = JOINT_NAMES.index("right_pinky1")
    pose[0, joint] = Rotation.from_euler("ZYX", [0, 70, 0], degrees=True).as_rotvec()
    found = Rotation.from_rotvec(fingers_in_range(pose)[0, joint]).as_euler("ZYX", degrees=True)
    assert found == pytest.approx([0, 45, 0], abs=0.2)
