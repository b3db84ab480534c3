"""A wrist with two fingers, and grasp frames that lie right and wrong in it."""

import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config, robot_names

MASS = (
    '<inertial><origin xyz="{} 0 0.05"/><mass value="0.1"/>'
    '<inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial>'
)
JOINT = (
    '<joint name="{}" type="{}"><parent link="{}"/><child link="{}"/><origin xyz="0 0 0.1"/><axis xyz="{}"/>'
    '<limit lower="{}" upper="{}" velocity="1" effort="1"/></joint>'
)

SIZES = "open_width_m: 0.08, finger_depth_m: 0.03, tip_m: 0"  # the links here have no shapes to measure


def arm(folder, second_limits=("-0.04", "0"), **given) -> Arm:
    """The fingers open along x of the hand: the first by 0 to 0.04, the second, of the same axis, by 0 to -0.04."""
    links = "".join(f'<link name="{name}"/>' for name in ("base", "hand"))
    links += "".join(f'<link name="{name}">{MASS.format(x)}</link>' for name, x in (("f1", 0.02), ("f2", -0.02)))
    joints = JOINT.format("turn", "revolute", "base", "hand", "0 0 1", -2, 2)
    joints += JOINT.format("j1", "prismatic", "hand", "f1", "1 0 0", 0, 0.04)
    joints += JOINT.format("j2", "prismatic", "hand", "f2", "1 0 0", *second_limits)
    (folder / "hand.urdf").write_text(f'<robot name="hand">{links}{joints}</robot>')
    rpy, ends = given.get("rpy", "[0, 0, 1.5708]"), given.get("ends", "open: 0.04, closed: 0.0")
    (folder / "hand.yaml").write_text(
        f"urdf: hand.urdf\ngrasp_frame: hand\ngrasp_offset_m: [0, 0, 0.15]\ngrasp_offset_rpy_rad: {rpy}\n"
        f"gripper: {{joints: [j1, j2], {ends}, {SIZES}}}\n"
    )
    return Arm(load_robot_config(str(folder / "hand.yaml")))


def test_a_finger_that_can_only_go_the_other_way_does(tmp_path):
    """Two fingers of one axis, without a mimic: by the first one's value the second would close as the first opens."""
    assert arm(tmp_path).fingers.values(0.04) == pytest.approx([0.04, -0.04])


def test_a_finger_that_can_go_neither_way_is_named(tmp_path):
    with pytest.raises(TavidError, match="put j2 of hand at 0.04 and 0.*its limits are 0..0.01"):
        arm(tmp_path, second_limits=("0", "0.01"))


@pytest.mark.parametrize(
    "given, words",
    [
        ({"rpy": "[0, 0, 0]"}, "'hand' of hand lies wrong: the fingers open along its x"),
        ({"rpy": "[3.14159, 0, 1.5708]"}, "z points across or back, not out of the gripper, which is its -z"),
        ({"rpy": "[0, 1.5708, 0]"}, "z points across or back, not out of the gripper, which is its -x"),
        ({"ends": "open: 0.0, closed: 0.04"}, "fingers of hand go together from gripper.closed 0.04 to gripper.open 0"),
    ],
)
def test_a_frame_or_an_opening_that_is_wrong_is_named(tmp_path, given, words):
    with pytest.raises(TavidError, match=words) as caught:
        arm(tmp_path, **given)
    assert caught.value.code == ErrorCode.ROBOT_UNKNOWN


def test_the_robots_that_come_along_pass():
    for name in ("panda", "panda_wide", "iiwa", "xarm6"):
        assert name in robot_names() and Arm(load_robot_config(name)).joint_names


def test_a_single_jaw_may_be_inside_of_the_middle_until_it_opens(tmp_path):
    """Its fixed partner is at y = 0; 0.9 rad open, its tip is 0.1 m from it, its mass hardly half of that."""
    links = '<link name="base"/><link name="hand"/>' + f'<link name="jaw">{MASS.format(0)}</link>'
    joints = JOINT.format("turn", "revolute", "base", "hand", "0 0 1", -2, 2)
    joints += JOINT.format("hinge", "revolute", "hand", "jaw", "-1 0 0", 0, 1.5)
    (tmp_path / "jaw.urdf").write_text(f'<robot name="jaw">{links}{joints}</robot>')
    (tmp_path / "jaw.yaml").write_text(
        "urdf: jaw.urdf\ngrasp_frame: hand\ngrasp_offset_m: [0, 0.03, 0.18]\n"
        f"gripper: {{joints: [hinge], open: 0.9, closed: 0.0, {SIZES}}}\n"
    )
    assert Arm(load_robot_config(str(tmp_path / "jaw.yaml"))).fingers.names == ("hinge",)
