"""Joint ranges: positions that people reach, and ones beside them that nobody reaches."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body.anatomy import degrees_over_limits
from hoi_motion.body.joints import JOINT_NAMES


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


def test_toes_bend_up_as_far_as_under_load():
    assert over_deg(right_ankle=[("X", -45)]) == 0
    assert over_deg(right_ankle=[("X", -62)]) == pytest.approx(7)
