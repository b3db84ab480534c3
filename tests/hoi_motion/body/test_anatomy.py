"""Ranges of human joints: positions that people reach, ones beside them that nobody reaches, fingers put back."""

import warnings

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


def over_deg(**turns_deg) -> float:
    """Degrees beyond all ranges of one pose; of each joint, turns about (axis, degrees) in order."""
    pose = np.zeros((1, 55, 3))
    for joint, turns in turns_deg.items():
        turned = Rotation.identity()
        for axis, angle in turns:
            turned = turned * Rotation.from_euler(axis, angle, degrees=True)
        pose[0, JOINT_NAMES.index(joint)] = turned.as_rotvec()
    return float(degrees_over_limits(pose)[0].max())


@pytest.mark.parametrize("twist_deg", [-80, -40, 40, 80])
@pytest.mark.parametrize("side, bent_deg", [("left", -60), ("right", 60)])
def test_a_wrist_bends_as_far_whatever_the_forearms_twist(twist_deg, side, bent_deg):
    assert over_deg(**{f"{side}_wrist": [("X", twist_deg), ("Z", bent_deg)]}) == 0


@pytest.mark.parametrize("twist_deg", [0, 80])
def test_a_wrist_does_not_bend_that_far_towards_the_thumb(twist_deg):
    assert over_deg(left_wrist=[("X", twist_deg), ("Y", -60)]) > 5


def test_a_wrist_bends_farther_between_extension_and_the_thumb_than_towards_the_little_finger():
    assert over_deg(left_wrist=[("Y", -50), ("Z", 60)]) == 0
    assert over_deg(left_wrist=[("Y", 70), ("Z", 60)]) > 5


def test_a_forearms_twist_counts_as_a_whole():
    assert over_deg(left_elbow=[("X", 35)], left_wrist=[("X", 55)]) == 0
    assert over_deg(left_elbow=[("X", 65)], left_wrist=[("X", 65)]) == pytest.approx(35)


def test_an_elbow_turned_sideways_is_beyond_its_range_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert over_deg(left_elbow=[("Z", 90)]) == pytest.approx(45)


def test_toes_bend_up_as_far_as_under_load():
    assert over_deg(right_ankle=[("X", -45)]) == 0
    assert over_deg(right_ankle=[("X", -62)]) == pytest.approx(7)
