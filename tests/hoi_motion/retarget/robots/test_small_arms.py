"""The profiles of the SO-100 and the SO-101, on arms of our own with their makers' names, axes and frames.

Lengths are the makers', rounded; shapes are boxes, of fingers about as long.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from hoi_motion.execute.execute import execute
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.trajectory import retarget_arm
from hoi_motion.retarget.robots.config import load_robot_config
from hoi_motion.retarget.robots.in_bullet import load_robot
from tests.hoi_motion.retarget.conftest import lifting

ARM_JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")
AXES = {"x": "1 0 0", "y": "0 1 0", "z": "0 0 1"}
QUARTER, HALF = np.pi / 2, np.pi


@dataclass(frozen=True)
class Like:
    """An arm as its maker's file has it.

    Attributes:
        links: from the base to the jaw; axes, origins, limits: of its six joints; xyz and rpy, and rad.
        finger, jaw: middle and size of the box of the standing finger, in the hand, and of the jaw.
        tip: of a frame that hangs on the hand, name and origin, if there is one.
        faces: where the gripper is from the shoulder, at home, in the base.
    """

    links: tuple
    axes: str
    origins: tuple
    limits: tuple
    finger: tuple
    jaw: tuple
    tip: tuple
    faces: tuple

    def urdf(self) -> str:
        inertia = '<inertia ixx="1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" iyz="0"/>'
        parts = []
        for i, name in enumerate(self.links):
            box = {5: self.finger, 6: self.jaw}.get(i)
            inside = f'<inertial><mass value="0.1"/>{inertia}</inertial>'
            if box:
                inside += f'<collision><origin xyz="{box[0]}"/><geometry><box size="{box[1]}"/></geometry></collision>'
            parts.append(f'<link name="{name}">{inside}</link>')
        for i, name in enumerate((*ARM_JOINTS, "gripper")):
            (xyz, rpy), (low, high) = self.origins[i], self.limits[i]
            ends = f'<parent link="{self.links[i]}"/><child link="{self.links[i + 1]}"/>'
            place = f'<origin xyz="{xyz}" rpy="{" ".join(map(str, rpy))}"/><axis xyz="{AXES[self.axes[i]]}"/>'
            limit = f'<limit lower="{low}" upper="{high}" velocity="10" effort="10"/>'
            parts.append(f'<joint name="{name}" type="revolute">{ends}{place}{limit}</joint>')
        if self.tip:
            name, xyz, rpy = self.tip
            ends = f'<parent link="{self.links[5]}"/><child link="{name}"/>'
            place = f'<origin xyz="{xyz}" rpy="{" ".join(map(str, rpy))}"/>'
            parts.append(f'<link name="{name}"/><joint name="tip" type="fixed">{ends}{place}</joint>')
        return f'<robot name="like">{"".join(parts)}</robot>'


SO101 = Like(
    ("base_link", "shoulder_link", "upper_arm_link", "lower_arm_link", "wrist_link", "gripper_link", "jaw_link"),
    "zzzzzz",
    (
        ("0.039 0 0.062", (HALF, 0, -HALF)),
        ("-0.030 -0.018 -0.054", (-QUARTER, -QUARTER, 0)),
        ("-0.113 -0.028 0", (0, 0, QUARTER)),
        ("-0.135 0.005 0", (0, 0, -QUARTER)),
        ("0 -0.061 0.018", (QUARTER, 0.049, HALF)),
        ("0.020 0.019 -0.023", (QUARTER, 0, 0)),
    ),
    ((-1.92, 1.92), (-1.745, 1.745), (-1.69, 1.69), (-1.658, 1.658), (-2.744, 2.841), (-0.1746, 1.7454)),
    ("-0.008 0 -0.068", "0.02 0.02 0.072"),
    ("0 -0.0375 0.019", "0.008 0.075 0.02"),
    ("gripper_frame_link", "-0.008 0 -0.098", (0, HALF, 0)),
    (1, 0),
)
SO100 = Like(
    ("base", "shoulder", "upper_arm", "lower_arm", "wrist", "gripper", "jaw"),
    "yxxxyz",
    (
        ("0 -0.045 0.0165", (QUARTER, 0, 0)),
        ("0 0.1025 0.031", (-1.8, 0, 0)),
        ("0 0.113 0.028", (QUARTER, 0, 0)),
        ("0 0.005 0.135", (-1, 0, 0)),
        ("0 -0.060 0", (0, QUARTER, 0)),
        ("-0.020 -0.024 0", (0, HALF, 0)),
    ),
    ((-2, 2), (0, 3.5), (-3.1416, 0), (-2.5, 1.2), (-3.1416, 3.1416), (-0.2, 2.0)),
    ("0.009 -0.069 0", "0.02 0.072 0.02"),
    ("0 -0.0375 0", "0.008 0.075 0.02"),
    (),
    (0, -1),
)


@pytest.fixture(scope="module", params=["so101", "so100"])
def like(request):
    return request.param, {"so101": SO101, "so100": SO100}[request.param]


@pytest.fixture(scope="module")
def arm(like, tmp_path_factory) -> Arm:
    name, made = like
    path = tmp_path_factory.mktemp(name) / "like.urdf"
    path.write_text(made.urdf())
    return Arm(load_robot_config(name, str(path)))


def test_its_profile_finds_five_axes_one_jaw_and_how_far_it_opens(arm):
    """A frame that is turned wrong, or whose offset lies beside the fingers, would be refused."""
    assert arm.joint_names == ARM_JOINTS and arm.fingers.names == ("gripper",)
    assert arm.has_one_jaw and not arm.has_all_axes
    assert 0.04 < arm.gripper.open_width_m < 0.08 and arm.gripper.finger_depth_m > 0.02
    assert arm.opening.value(0.0) == arm.gripper.closed and 0.25 < arm.farthest_m < 0.6


def test_at_home_its_gripper_is_ahead_of_the_shoulder_where_the_maker_has_the_front(arm, like):
    assert (np.cos(arm.heading_rad), np.sin(arm.heading_rad)) == pytest.approx(like[1].faces, abs=1e-6)


def test_its_motors_are_the_servos_and_not_what_the_makers_file_says(arm):
    np.testing.assert_allclose(arm.velocity_rad_s, 4.7)
    with bullet_client() as client:
        body = load_robot(arm.urdf_text, "like", client, seen=False, fixed_base=True)
        joints = [pybullet.getJointInfo(body, i, physicsClientId=client) for i in range(6)]
    assert {joint[1].decode(): joint[10] for joint in joints if joint[1].decode() in ARM_JOINTS} == {
        name: pytest.approx(2.94) for name in ARM_JOINTS
    }
    assert arm.gripper.force_n == 1.5


def test_it_lifts_a_box_by_friction(arm, body):
    scene = lifting((0.03, 0.03, 0.07))
    done = execute(retarget_arm(scene, arm, body), arm, scene)
    assert done.done and done.slip_m < 0.03
