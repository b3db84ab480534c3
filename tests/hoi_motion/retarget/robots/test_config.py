"""Robots from YAML and URDF, and each way in which they can be wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config, robot_names, robots_folder


@pytest.mark.parametrize("name", ["iiwa", "panda", "panda_wide", "xarm6"])
def test_every_robot_solves_for_a_pose_it_can_reach(name):
    assert name in robot_names()
    arm = Arm(load_robot_config(name))
    T = arm.forward(arm.home_rad)
    T[:3, 3] += [0.03, 0.05, -0.04]
    q = arm.solve(arm.home_rad, T, 40)
    assert np.linalg.norm(arm.forward(q)[:3, 3] - T[:3, 3]) < 1e-3
    assert (q >= arm.lower_rad).all() and (q <= arm.upper_rad).all()


def test_a_jaw_takes_the_place_of_a_hand_and_its_fingers():
    arm = Arm(load_robot_config("panda_wide"))
    assert "panda_hand" not in arm.urdf_text and "finger" not in arm.urdf_text
    assert len(arm.joint_names) == 7 and arm.gripper.open_width_m == 0.14


def error_of(path: str) -> TavidError:
    with pytest.raises(TavidError) as caught:
        Arm(load_robot_config(path))
    return caught.value


def test_an_unknown_robot_lists_the_known_ones():
    error = error_of("pandda")
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "panda" in error.hint


@pytest.mark.parametrize(
    "changes, listed",
    [
        ({"home_rad": {"elbow": 0.1}}, "panda_joint4"),
        ({"velocity_rad_s": {"elbow": 1}}, "panda_joint4"),
        ({"grasp_frame": "palm"}, "panda_hand"),
        ({"gripper": {"joints": ["thumb"]}}, "panda_finger_joint1"),
        ({"gripper": {}}, "panda_finger_joint1"),
        ({"jaw": {"link": "wrist"}}, "panda_link7"),
        ({"jaw": {"link": "panda_link8", "instead_of": "fist"}}, "panda_hand"),
    ],
)
def test_an_unknown_joint_frame_or_link_lists_the_valid_names(as_yaml, changes, listed):
    error = error_of(as_yaml(**changes))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and listed in error.hint


def test_an_unknown_option_lists_the_valid_ones(as_yaml):
    error = error_of(as_yaml(speed=3))
    assert error.code == ErrorCode.CONFIG_INVALID and "velocity_rad_s" in error.hint


def test_a_missing_urdf_is_named(as_yaml):
    assert "no URDF at" in error_of(as_yaml(urdf="nowhere.urdf")).message


def test_missing_meshes_are_named(as_yaml, tmp_path):
    shutil.copy(load_robot_config("panda").urdf, tmp_path / "alone.urdf")
    error = error_of(as_yaml(urdf=str(tmp_path / "alone.urdf")))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "link0.obj" in error.message


def test_a_floating_base_is_named(as_yaml, tmp_path):
    shutil.copytree(Path(load_robot_config("panda").urdf).parent, tmp_path / "panda")
    text = (tmp_path / "panda" / "panda.urdf").read_text()
    root = (
        '<link name="world"/>'
        '<joint name="loose" type="floating"><parent link="world"/><child link="panda_link0"/></joint>'
    )
    loose = tmp_path / "panda" / "loose.urdf"
    loose.write_text(text.replace("</robot>", root + "</robot>"))
    error = error_of(as_yaml(urdf=str(loose)))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "floating base" in error.message


def test_a_home_outside_the_limits_is_named(as_yaml):
    assert "panda_joint4" in error_of(as_yaml(home_rad={"panda_joint4": 1.0})).message


def test_an_empty_mjcf_and_a_part_of_one_are_named(as_yaml, tmp_path):
    for text, words in (("<mujoco/>", "has no body"), ("<mujocoinclude/>", "is <mujocoinclude>, not a URDF")):
        (tmp_path / "robot.xml").write_text(text)
        assert words in error_of(as_yaml(urdf=str(tmp_path / "robot.xml"))).message


def test_a_tilde_stands_for_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text((robots_folder() / "panda.yaml").read_text())
    assert load_robot_config("~/mine.yaml").name == "mine"


@pytest.mark.parametrize("frames", [3, True, "pelvis", ["pelvis"], {"pelvis": 3}, {1: "root"}])
def test_frames_that_are_no_names_of_links_are_one_error(tmp_path, frames):
    data = yaml.safe_load((robots_folder() / "humanoid.yaml").read_text())
    whole = data["frames"] | frames if isinstance(frames, dict) else frames
    (tmp_path / "robot.yaml").write_text(yaml.safe_dump(data | {"frames": whole}))
    with pytest.raises(InputError, match="option frames is") as caught:
        load_robot_config(str(tmp_path / "robot.yaml"))
    assert caught.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b"])
def test_a_name_that_can_be_no_file_s_is_an_unknown_robot(as_yaml, name):
    assert error_of(name).code is ErrorCode.ROBOT_UNKNOWN
    assert error_of(as_yaml(urdf=name)).code is ErrorCode.ROBOT_UNKNOWN
