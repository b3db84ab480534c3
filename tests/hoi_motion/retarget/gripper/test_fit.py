"""A gripper whose file names its finger joints alone: frame, ends and pushing joints, from how it is built."""

import dataclasses
import xml.etree.ElementTree as xml

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.gripper.sides import driven_fingers
from hoi_motion.retarget.robots.arm_joints import arm_joint_names
from hoi_motion.retarget.robots.config import GripperConfig, load_robot_config
from hoi_motion.retarget.robots.fingers import Fingers
from tests.hoi_motion.retarget.conftest import SMALL_ARM


def bare(folder, joints: str, change=lambda text: text, more: str = ""):
    (folder / "arm.urdf").write_text(change(SMALL_ARM.with_suffix(".urdf").read_text()))
    (folder / "arm.yaml").write_text(f"urdf: arm.urdf\ngripper: {{joints: [{joints}]{more}}}\n")
    return load_robot_config(str(folder / "arm.yaml"))


def test_frame_and_ends_of_one_jaw_are_found(tmp_path, small_arm):
    """As its own file gives them: the frame between the tips, turned or not by half a turn about the approach."""
    config = bare(tmp_path, "grip")
    arm = Arm(config)
    assert arm.has_one_jaw and arm.joint_names == small_arm.joint_names == arm_joint_names(config)
    found, given = (a.forward(np.zeros(5)) for a in (arm, small_arm))
    assert np.linalg.norm(found[:3, 3] - given[:3, 3]) < 0.01
    np.testing.assert_allclose(np.abs(np.diag(found[:3, :3].T @ given[:3, :3])), 1.0, atol=1e-6)
    assert arm.gripper.open_width_m == pytest.approx(small_arm.gripper.open_width_m, abs=0.006)
    assert arm.gripper.closed == -0.45


def test_frame_and_ends_of_a_panda_are_found(panda):
    """Two that slide; its own file has a frame of the maker's."""
    bare_hand = GripperConfig(panda.config.gripper.joints)
    arm = Arm(dataclasses.replace(panda.config, gripper=bare_hand, grasp_frame=""))
    off_m = np.linalg.inv(panda.forward(panda.home_rad)) @ arm.forward(arm.home_rad)
    assert np.linalg.norm(off_m[:3, 3]) < 0.005 and abs(off_m[1, 1]) == pytest.approx(1.0, abs=1e-6)
    assert (arm.gripper.open, arm.gripper.closed) == (0.04, 0.0) and not arm.has_one_jaw


def test_a_finger_that_opens_towards_its_lower_limit_is_told_apart(tmp_path):
    def reversed_axis(text: str) -> str:
        return text.replace('axis xyz="-1 0 0"', 'axis xyz="1 0 0"').replace(
            'lower="-0.45" upper="1.6"', 'lower="-1.6" upper="0.45"'
        )

    arm = Arm(bare(tmp_path, "grip", reversed_axis))
    assert arm.gripper.closed == 0.45 and arm.gripper.open < 0


def test_a_finger_without_limits_needs_its_ends(tmp_path):
    def free(text: str) -> str:
        start = text.index('<joint name="grip"')
        return text[:start] + text[start:].replace("revolute", "continuous", 1)

    with pytest.raises(TavidError, match="finger joint grip of arm has no limits") as caught:
        Arm(bare(tmp_path, "grip", free))
    assert caught.value.code is ErrorCode.ROBOT_UNKNOWN and "gripper.open and gripper.closed" in caught.value.hint


@pytest.mark.parametrize("more", [", open: 0.5", ", open: 0.5, closed: 0.5"])
def test_one_end_alone_and_two_equal_ones_are_refused(tmp_path, more):
    with pytest.raises(InputError, match="gripper.open and gripper.closed"):
        bare(tmp_path, "grip", more=more)


def test_motors_are_as_the_robots_file_says_where_its_urdf_is_wrong(tmp_path):
    config = dataclasses.replace(load_robot_config(str(SMALL_ARM)), effort_nm={"lift": 1.25})
    joints = {j.get("name"): j for j in xml.fromstring(Arm(config).urdf_text).findall("joint")}
    assert joints["lift"].find("limit").get("effort") == "1.25" and joints["elbow"].find("limit").get("effort") == "3"


def test_a_force_that_is_not_given_is_one_at_the_finger_tips(tmp_path, panda, small_arm):
    """40 of a joint that turns would be Nm: a jaw of 76 mm would press with 500 N."""
    turning = Arm(bare(tmp_path, "grip"))
    assert turning.gripper.force_n == pytest.approx(40 * turning.opening.rate) and 0.8 < turning.gripper.force_n < 2.5
    sliding = dataclasses.replace(panda.config, gripper=GripperConfig(panda.config.gripper.joints), grasp_frame="")
    assert Arm(sliding).gripper.force_n == pytest.approx(40, rel=0.05)
    assert small_arm.gripper.force_n == 1.5  # of its file


def linkage(*joints: tuple[str, str, str]) -> xml.Element:
    """A robot of joints (name, parent, child)."""
    root = xml.Element("robot")
    for name, parent, child in joints:
        joint = xml.SubElement(root, "joint", name=name, type="revolute")
        xml.SubElement(joint, "parent", link=parent)
        xml.SubElement(joint, "child", link=child)
    return root


def driven(tree: xml.Element, sides) -> list[str]:
    names = tuple(joint.get("name") for joint in tree.findall("joint"))
    ones = np.ones(len(names))
    found = driven_fingers(tree, Fingers(names, ones, 0 * ones, names), np.array(sides))
    return [name for name, is_driven in zip(names, found) if is_driven]


def test_of_a_linkage_what_carries_the_finger_pushes_and_the_rest_follows():
    sides = [("l_knuckle", "palm", "a"), ("l_bar", "palm", "b"), ("l_tip", "a", "c")]
    other = [("r_knuckle", "palm", "d"), ("r_bar", "palm", "e"), ("r_tip", "d", "f")]
    assert driven(linkage(*sides, *other), [1, 1, 1, -1, -1, -1]) == ["l_knuckle", "r_knuckle"]


def test_fingers_that_carry_nothing_all_push_also_beside_a_linkage():
    assert driven(linkage(("left", "palm", "a"), ("right", "palm", "b")), [1, -1]) == ["left", "right"]
    mixed = linkage(("thumb", "palm", "a"), ("knuckle", "palm", "b"), ("tip", "b", "c"))
    assert driven(mixed, [1, -1, -1]) == ["thumb", "knuckle"]
