"""The opening of a gripper, measured on its shapes."""

import dataclasses

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import GripperConfig, load_robot_config
from tests.hoi_motion.retarget.conftest import SMALL_ARM

# in the grasp frame of the small arm: inner face of the finger that stands; hinge; half the jaw's thickness, length
FIXED_M, HINGE_M, JAW_HALF_M, JAW_M = -0.002, np.array([0.032, -0.07]), 0.004, 0.076


def test_sizes_that_a_robots_file_leaves_out_are_measured(panda):
    """As they stand in the Panda's own file, which has them from a data sheet and from its meshes."""
    bare = GripperConfig(panda.config.gripper.joints, 0.04, 0.0)
    found = Arm(dataclasses.replace(panda.config, gripper=bare)).gripper
    assert found.open_width_m == pytest.approx(0.08, abs=0.003) and found.tip_m == pytest.approx(0.008, abs=0.003)
    assert found.finger_depth_m == pytest.approx(0.035, abs=0.003)


def test_sizes_that_it_gives_are_kept(panda):
    assert panda.gripper == panda.config.gripper
    assert panda.opening.value(0.02) == pytest.approx(0.01) and not np.any(panda.opening.middle_m(0.03))


@pytest.mark.parametrize("value", [-0.2, 0.0, 0.3])
def test_a_turning_jaw_opens_by_its_angle_and_the_middle_goes_along(small_arm, value):
    """The narrowest place of the band by which things are held: where the jaw leans in, at its tip; out, behind it."""
    opening = small_arm.opening
    along = np.array([np.sin(value), np.cos(value)])
    beside = np.array([-along[1], along[0]])
    tip, behind = (HINGE_M + at * along + JAW_HALF_M * beside for at in (JAW_M, JAW_M - 0.03))
    low, high = sorted((tip[0] - FIXED_M, behind[0] - FIXED_M))
    assert low - 0.003 < opening.width_m(value) < high
    closed = opening.closed
    moved = float(opening.middle_m(value) - opening.middle_m(closed))
    assert moved == pytest.approx((opening.width_m(value) - opening.width_m(closed)) / 2, abs=0.003)


def test_pads_at_an_angle_beyond_friction_hold_nothing(small_arm):
    """The jaw opens to 1.6 rad, but holds only what lies between pads at 40 degrees; it comes opened wider."""
    held_m = small_arm.gripper.open_width_m - 0.006
    assert small_arm.opening.value(held_m) < np.radians(42)
    assert np.radians(42) < small_arm.gripper.open < np.radians(72)


def test_value_and_width_are_inverse(small_arm, panda):
    for arm in (small_arm, panda):
        for width_m in np.linspace(0.002, 0.9 * arm.gripper.open_width_m, 7):
            assert arm.opening.width_m(arm.opening.value(width_m)) == pytest.approx(width_m, abs=1e-6)


def small_arm_with(folder, change, more: str = "") -> Arm:
    (folder / "small_arm.urdf").write_text(change(SMALL_ARM.with_suffix(".urdf").read_text()))
    (folder / "small_arm.yaml").write_text(SMALL_ARM.read_text() + more)
    return Arm(load_robot_config(str(folder / "small_arm.yaml")))


def without_shapes(text: str) -> str:
    start, end = text.index('<link name="hand">'), text.index('<link name="tip"/>')
    return text[:start] + text[start:end].replace("<collision>", "<!--").replace("</collision>", "-->") + text[end:]


def test_fingers_without_shapes_are_refused(tmp_path):
    with pytest.raises(TavidError, match="neither collision shapes nor visual ones") as caught:
        small_arm_with(tmp_path, without_shapes)
    assert caught.value.code is ErrorCode.ROBOT_UNKNOWN and "gripper.open_width_m" in caught.value.hint


def test_fingers_that_are_only_drawn_touch_as_they_are_drawn(tmp_path, small_arm):
    def drawn(text: str) -> str:
        start, end = text.index('<link name="hand">'), text.index('<link name="tip"/>')
        return text[:start] + text[start:end].replace("collision>", "visual>") + text[end:]

    arm = small_arm_with(tmp_path, drawn)
    assert arm.gripper == small_arm.gripper and not arm.unfelt_links


def test_a_frame_away_from_the_fingers_is_refused(tmp_path):
    with pytest.raises(TavidError, match="do not open along y") as caught:
        small_arm_with(tmp_path, lambda text: text, "grasp_offset_m: [0, 0, 0.3]\n")
    assert caught.value.code is ErrorCode.ROBOT_UNKNOWN and "grasp_frame" in caught.value.hint
