"""A robot with wheels, a head and two arms, of which one is used."""

import xml.etree.ElementTree as xml

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.arm_joints import arm_joint_names
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.retarget.robots.held import fix

LIMIT = '<limit lower="-2" upper="2" velocity="1" effort="10"/>'
FINGER = '<limit lower="0" upper="0.04" velocity="0.1" effort="10"/>'


def joint(name: str, kind: str, parent: str, child: str, rest: str = LIMIT, xyz: str = "0 0 0.2", axis="0 1 0") -> str:
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="{xyz}"/><axis xyz="{axis}"/>{rest}</joint>'
    )


def robot_text(change=lambda text: text) -> str:
    """Both arms hang on a torso that can be lifted; joints stand in the file from the hand to the base."""
    joints = [
        joint("wheel", "continuous", "base", "wheel_link", ""),
        joint("head_pan", "revolute", "torso", "head"),
        joint("lift", "prismatic", "base", "torso", '<limit lower="0" upper="0.3" velocity="0.1" effort="10"/>'),
    ]
    for side, y in (("left", "0.2"), ("right", "-0.2")):
        joints += [
            joint(f"{side}_f2", "prismatic", f"{side}_tool", f"{side}_finger2", f'{FINGER}<mimic joint="{side}_f1"/>'),
            joint(f"{side}_f1", "prismatic", f"{side}_tool", f"{side}_finger1", FINGER, axis="0 -1 0"),
            joint(f"{side}_tool", "fixed", f"{side}_fore", f"{side}_tool", ""),
            joint(f"{side}_elbow", "revolute", f"{side}_upper", f"{side}_fore"),
            joint(f"{side}_shoulder", "revolute", "torso", f"{side}_upper", xyz=f"0 {y} 0.2"),
        ]
    names = ["base", "wheel_link", "torso", "head"]
    names += [
        f"{side}_{part}" for side in ("left", "right") for part in ("upper", "fore", "tool", "finger1", "finger2")
    ]
    links = "".join(f'<link name="{name}"/>' for name in names)
    return change(f'<robot name="mobile">{links}{"".join(joints)}</robot>')


@pytest.fixture
def config(tmp_path):
    def make(change=lambda text: text, more: str = ""):
        (tmp_path / "robot.urdf").write_text(robot_text(change))
        (tmp_path / "mobile.yaml").write_text(
            "urdf: robot.urdf\ngrasp_frame: right_tool\ngrasp_offset_m: [0, 0, 0.1]\n"
            "gripper: {joints: [right_f1], open: 0.04, closed: 0, open_width_m: 0.08, finger_depth_m: 0.03, tip_m: 0}\n"
            + more
        )
        return load_robot_config(str(tmp_path / "mobile.yaml"))

    return make


def test_only_what_moves_the_gripper_is_the_arm(config):
    """A controller of the arm rejects a trajectory with wheels and head; the other gripper's mimic is not its own."""
    arm = Arm(config())
    assert arm.joint_names == ("lift", "right_shoulder", "right_elbow")
    assert arm.fingers.names == ("right_f1", "right_f2")
    assert arm.joint_names == arm_joint_names(arm.config)


def test_joints_before_the_base_link_and_others_stand_where_home_has_them(config):
    more = "base_link: torso\nhome_rad: {lift: 0.25, head_pan: 0.5, left_f1: 0.03}"
    arm = Arm(config(more=more))
    assert arm.joint_names == ("right_shoulder", "right_elbow")
    assert arm.forward(np.zeros(2))[:3, 3] == pytest.approx([0, 0.25 - 0.2, 0.9])  # all slides and turns are along y
    joints = {element.get("name"): element for element in xml.fromstring(arm.urdf_text).findall("joint")}
    assert joints["left_f2"].get("type") == "fixed"
    assert joints["left_f2"].find("origin").get("xyz").split()[1] == "0.03"  # its leader's place


def test_a_held_follower_stands_by_its_leader_whichever_is_first_in_the_file(config):
    def leader_first(text: str) -> str:
        follower, leader, rest = (text.index(f'<joint name="left_{name}"') for name in ("f2", "f1", "tool"))
        first = text[leader:rest].replace('lower="0"', 'lower="0.02"')  # 0 is not among its places
        return text[:follower] + first + text[follower:leader] + text[rest:]

    joints = {j.get("name"): j for j in xml.fromstring(Arm(config(leader_first)).urdf_text).findall("joint")}
    shifts = [abs(float(joints[name].find("origin").get("xyz").split()[1])) for name in ("left_f1", "left_f2")]
    assert shifts == [0.02, 0.02]


def test_stages_of_a_lift_before_the_base_link_may_be_coupled(config):
    def two_stages(text: str) -> str:
        limit = '<limit lower="0" upper="0.3" velocity="0.1" effort="10"/><mimic joint="lift"/>'
        text = text.replace('<parent link="torso"/><child link="head"/>', '<parent link="stage"/><child link="head"/>')
        stage = '<link name="stage"/>' + joint("stage", "prismatic", "base", "stage", limit)
        lift = text.index('<joint name="lift"')
        return text[:lift] + stage + text[lift:].replace('<parent link="base"/>', '<parent link="stage"/>', 1)

    config = config(two_stages, "base_link: torso\nhome_rad: {lift: 0.1}")
    arm = Arm(config)
    assert arm.joint_names == arm_joint_names(config) == ("right_shoulder", "right_elbow")
    assert arm.forward(np.zeros(2))[:3, 3] == pytest.approx([0, 2 * 0.1 - 0.2, 1.1])


def test_a_held_joint_needs_no_speed(config):
    assert Arm(config(lambda text: text.replace('velocity="1"', 'velocity="0"', 1))).joint_names[-1] == "right_elbow"


def test_a_link_may_have_the_name_of_a_joint(config):
    arm = Arm(config(lambda text: text.replace('joint name="right_elbow"', 'joint name="right_upper"')))
    assert arm.forward(arm.home_rad)[2, 3] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "change, more, words",
    [
        (lambda text: text, "base_link: head", "'head' of mobile does not carry its grasp frame 'right_tool'"),
        (lambda text: text, "home_rad: {lift: 0.4}", "home_rad of lift is 0.4"),
        (lambda text: text, "home_rad: {head_pan: 3}", "home_rad of head_pan is 3"),
        (
            lambda text: text.replace('<mimic joint="right_f1"/>', ""),
            "",
            "joint 'right_f2' of mobile is in its hand",
        ),
        (
            lambda text: text.replace('<mimic joint="right_f1"/>', '<mimic joint="right_elbow"/>'),
            "",
            "'right_f2' of mobile mimics 'right_elbow'",
        ),
    ],
)
def test_what_is_not_said_or_wrong_is_named(config, change, more, words):
    with pytest.raises(TavidError, match=words) as caught:
        Arm(config(change, more))
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN


@pytest.mark.parametrize("kind", ["revolute", "prismatic"])
def test_a_fixed_joint_stands_as_it_was_moved(kind):
    import pinocchio

    text = '<robot name="r"><link name="a"/><link name="b"/>' + joint("j", kind, "a", "b") + "</robot>"
    root = xml.fromstring(text.replace('xyz="0 0 0.2"', 'xyz="0.1 0 0.2" rpy="0.3 -0.2 0.9"'))
    model = pinocchio.buildModelFromXML(xml.tostring(root, encoding="unicode"))
    fix(root.find("joint"), 0.7)
    stiff = pinocchio.buildModelFromXML(xml.tostring(root, encoding="unicode"))
    poses = []
    for made, q in ((model, np.array([0.7])), (stiff, np.zeros(0))):
        data = made.createData()
        pinocchio.framesForwardKinematics(made, data, q)
        poses.append(data.oMf[made.getFrameId("b")].homogeneous)
    assert np.allclose(*poses)


def test_a_joint_without_room_is_refused_where_the_arm_needs_it_and_held_elsewhere(config):
    def stiff(name: str):
        def change(text: str) -> str:
            at = text.index(f'<joint name="{name}"')
            return text[:at] + text[at:].replace('lower="-2" upper="2"', 'lower="0" upper="0"', 1)

        return change

    assert Arm(config(stiff("head_pan"))).joint_names == ("lift", "right_shoulder", "right_elbow")
    with pytest.raises(TavidError, match="'right_elbow' of mobile moves from 0 to 0 and carries its grasp frame"):
        Arm(config(stiff("right_elbow")))
