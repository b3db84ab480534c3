"""Which joints a gripper moves, and how far each."""

import shutil
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.retarget.robots.fingers import find_fingers


def robot(**mimics) -> xml.Element:
    """Sliding joints a, b, c; mimics: joint -> attributes of its <mimic>."""
    root = xml.Element("robot")
    for name in "abc":
        joint = xml.SubElement(root, "joint", name=name, type="prismatic")
        xml.SubElement(joint, "parent", link="tip")
        xml.SubElement(joint, "child", link=f"finger_{name}")
        if name in mimics:
            xml.SubElement(joint, "mimic", **mimics[name])
    return root


def test_the_leader_alone_moves_what_mimics_it():
    found = find_fingers(robot(b={"joint": "a", "multiplier": "-1", "offset": "0.01"}), ["a"], "tip", "r")
    assert found.names == ("a", "b")
    assert found.values(0.04) == pytest.approx([0.04, -0.03])


def test_a_follower_of_a_follower_moves_too():
    found = find_fingers(robot(b={"joint": "a", "multiplier": "2"}, c={"joint": "b", "offset": "1"}), ["a"], "tip", "r")
    assert found.values(0.5) == pytest.approx([0.5, 1.0, 2.0])


def test_a_named_follower_alone_moves_its_leader():
    found = find_fingers(robot(b={"joint": "a", "multiplier": "-2", "offset": "0.1"}), ["b"], "tip", "r")
    assert dict(zip(found.names, found.values(0.06))) == pytest.approx({"b": 0.06, "a": 0.02})


def test_two_without_a_mimic_take_the_same_value():
    found = find_fingers(robot(), ["a", "b"], "tip", "r")
    assert found.names == ("a", "b") and found.values([0.0, 0.04]).tolist() == [[0, 0], [0.04, 0.04]]


@pytest.mark.parametrize(
    "mimics, named, words",
    [
        ({"b": {"joint": "nowhere"}}, ["a"], "'b' of r mimics 'nowhere'"),
        ({"a": {"joint": "b"}, "b": {"joint": "a"}}, ["a"], "in a circle"),
        ({"b": {"joint": "a", "multiplier": "0"}}, ["a"], "multiplier 0"),
        ({"c": {"joint": "b"}}, ["a"], "'c' of r mimics 'b', which is no finger"),
    ],
)
def test_a_mimic_that_cannot_be_followed_is_named(mimics, named, words):
    with pytest.raises(TavidError, match=words) as caught:
        find_fingers(robot(**mimics), named, "tip", "r")
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN


@pytest.mark.parametrize(
    "named, mimics, words",
    [
        (["a", "b"], {"b": {"joint": "c"}}, "'c' of r is coupled with the fingers"),
        (["a"], {"c": {"joint": "a"}}, "'c' of r is coupled with the fingers"),
        (["c"], {}, "'c' of r is named as a finger"),
    ],
)
def test_a_joint_that_carries_the_grasp_frame_is_no_finger(named, mimics, words):
    with pytest.raises(TavidError, match=words):
        find_fingers(robot(**mimics), named, "finger_c", "r")


def panda_with(as_yaml, tmp_path, change, **yaml) -> Arm:
    """A Panda whose URDF text was changed."""
    source, folder = Path(load_robot_config("panda").urdf), tmp_path / "panda"
    if not folder.exists():
        shutil.copytree(source.parent, folder)
    (folder / "changed.urdf").write_text(change(source.read_text()))
    return Arm(load_robot_config(as_yaml(urdf=str(folder / "changed.urdf"), **yaml)))


def gripper(**changes) -> dict:
    import dataclasses

    return dataclasses.asdict(load_robot_config("panda").gripper) | changes


def test_a_panda_of_which_only_the_leader_is_named_opens_both_fingers(as_yaml, tmp_path):
    arm = panda_with(as_yaml, tmp_path, lambda text: text, gripper=gripper(joints=["panda_finger_joint1"]))
    assert len(arm.joint_names) == 7 and arm.fingers.names == ("panda_finger_joint1", "panda_finger_joint2")
    assert arm.fingers.values(arm.gripper.open).sum() == pytest.approx(0.08)


def test_a_finger_that_is_turned_round_opens_the_other_way(as_yaml, tmp_path):
    def turned(text: str) -> str:
        text = text.replace(
            '<mimic joint="panda_finger_joint1"/>', '<mimic joint="panda_finger_joint1" multiplier="-1"/>'
        )
        second = text.index('name="panda_finger_joint2"')
        return text[:second] + text[second:].replace('xyz="0 -1 0"', 'xyz="0 1 0"', 1).replace(
            'lower="0.0" upper="0.04"', 'lower="-0.04" upper="0.0"', 1
        )

    assert panda_with(as_yaml, tmp_path, turned).fingers.values(0.04) == pytest.approx([0.04, -0.04])


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_finger_without_speed_is_named_unless_the_robots_file_gives_it(as_yaml, tmp_path, limit):
    def slow(text: str) -> str:
        return text.replace('velocity="0.2"', f'velocity="{limit}"')

    with pytest.raises(TavidError, match="panda_finger_joint1.*velocity"):
        panda_with(as_yaml, tmp_path, slow)
    given = panda_with(as_yaml, tmp_path, slow, velocity_rad_s={"panda_finger_joint1": 0.07})
    assert given.finger_velocity == 0.07


def test_an_opening_beyond_the_fingers_limits_is_named(as_yaml, tmp_path):
    with pytest.raises(TavidError, match="gripper.open puts panda_finger_joint1 of mine at 0.08"):
        panda_with(as_yaml, tmp_path, lambda text: text, gripper=gripper(open=0.08), name="mine")


def test_a_follower_goes_as_far_as_it_is_led(as_yaml, tmp_path):
    """Its own limits are often left as they were copied."""

    def short(text: str) -> str:
        second = text.index('name="panda_finger_joint2"')
        return text[:second] + text[second:].replace('upper="0.04"', 'upper="0.01"', 1)

    arm = panda_with(as_yaml, tmp_path, short)
    joint = next(j for j in xml.fromstring(arm.urdf_text).findall("joint") if j.get("name") == "panda_finger_joint2")
    assert float(joint.find("limit").get("upper")) == pytest.approx(0.04)


def test_a_joints_missing_speed_stands_in_the_robots_file(as_yaml, tmp_path):
    def without(text: str) -> str:
        assert 'velocity="2.6100"' in text
        return text.replace(' velocity="2.6100"', "")

    with pytest.raises(TavidError, match="panda_joint5 .* limits 0 of velocity"):
        panda_with(as_yaml, tmp_path, without)
    speeds = {f"panda_joint{i}": 1.5 for i in (5, 6, 7)}
    assert panda_with(as_yaml, tmp_path, without, velocity_rad_s=speeds).velocity_rad_s[-1] == 1.5


def test_an_arms_joint_without_limits_turns_any_way(as_yaml, tmp_path):
    def endless(text: str) -> str:
        start = text.index('name="panda_joint7"')
        return text[:start] + text[start:].replace("revolute", "continuous", 1)

    arm = panda_with(as_yaml, tmp_path, endless)
    i = arm.joint_names.index("panda_joint7")
    assert len(arm.joint_names) == 7 and np.degrees(arm.upper_rad[i] - arm.lower_rad[i]) > 360
