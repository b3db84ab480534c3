"""A gripper made complete: where it grasps, how it opens, and the shapes it touches with."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import dataclasses
import xml.etree.ElementTree as xml
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.gripper.found_frame import found_frame
from hoi_motion.retarget.gripper.grasp_frame import check_grasp_frame
from hoi_motion.retarget.gripper.opening import Opening
from hoi_motion.retarget.gripper.pads import measured_gripper
from hoi_motion.retarget.gripper.shapes import take_in_parts
from hoi_motion.retarget.gripper.sides import LINK_ENDING, carried_by_fingers, driven_fingers, finger_sides, posed
from hoi_motion.retarget.robots.config import GripperConfig, RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers, grasp_link, links_on

TIP_FORCE_N = 40.0
"""Of each finger whose file gives no force: hands of this size hold with 20 to 140 N."""


@dataclass(frozen=True)
class FittedGripper:
    """A gripper with all that its robot's file leaves out.

    Attributes:
        config: with all sizes; opening: over its value; has_one_jaw: whether one finger alone moves.
        driven: (g,) bool, whether a finger joint pushes, rather than follow.
        T_wrist_tool: (4, 4) the grasp frame in the arm's last joint.
        urdf_text: the robot, its shapes as `load_robot` takes them.
    """

    config: GripperConfig
    opening: Opening
    has_one_jaw: bool
    driven: np.ndarray
    T_wrist_tool: np.ndarray
    urdf_text: str


def ends_of(config: RobotConfig, tree: xml.Element) -> list[tuple[float, float]]:
    """Values of the gripper that may be open and closed: as its file says, else the limits of the first finger.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a finger without limits.
    """
    grip = config.gripper
    if grip.open is not None:
        return [(grip.open, grip.closed)]
    joint = next(joint for joint in tree.findall("joint") if joint.get("name") == grip.joints[0])
    limit = joint.find("limit")
    low, high = (0.0, 0.0) if limit is None else (float(limit.get("lower", 0)), float(limit.get("upper", 0)))
    if not 0 < high - low < 2 * np.pi:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"finger joint {grip.joints[0]} of {config.name} has no limits that say how far it opens",
            "give its values in gripper.open and gripper.closed",
        )
    return [(high, low), (low, high)]


def fitted_gripper(
    tree: xml.Element, full, config: RobotConfig, fingers: Fingers, wrist: str, is_found: bool
) -> FittedGripper:
    """The gripper of a robot.

    Args:
        tree: of the URDF; full: pinocchio's model of it, fingers included; wrist: the arm's last joint.
        is_found: whether the grasp frame is looked for, in the link that `config` names.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a frame that lies wrong, or fingers that cannot be measured.
    """
    errors = []
    for open, closed in ends_of(config, tree):
        there = dataclasses.replace(config, gripper=dataclasses.replace(config.gripper, open=open, closed=closed))
        try:
            return _fitted(tree, full, there, fingers, wrist, is_found)
        except RetargetError as error:
            errors.append(error)
    raise errors[0]


def _fitted(
    tree: xml.Element, full, config: RobotConfig, fingers: Fingers, wrist: str, is_found: bool
) -> FittedGripper:
    offset = np.eye(4)
    offset[:3, :3] = Rotation.from_euler("xyz", config.grasp_offset_rpy_rad).as_matrix()
    offset[:3, 3] = config.grasp_offset_m
    at_rest = posed(full, fingers, config.gripper.closed)
    if is_found:
        T_wrist_tool = found_frame(tree, full, config, fingers, wrist) @ offset
    else:
        (T_wrist_frame,) = _links_in(full, at_rest, wrist, [config.grasp_frame], tree)
        T_wrist_tool = T_wrist_frame @ offset
    check_grasp_frame(full, wrist, T_wrist_tool, fingers, config)
    sides = finger_sides(full, wrist, T_wrist_tool, fingers, config)
    one_jaw = len(set(sides[~carried_by_fingers(tree, fingers)]) - {0}) == 1
    if one_jaw:
        tree = xml.fromstring(xml.tostring(tree))
        hand = sorted(links_on(tree, wrist))
        T_wrist_links = _links_in(full, at_rest, wrist, hand, tree)
        take_in_parts(tree, {name: np.linalg.inv(T) @ T_wrist_tool for name, T in zip(hand, T_wrist_links)})
    text = xml.tostring(tree, encoding="unicode")
    grip, opening, beside_m = measured_gripper(text, config, fingers, wrist, T_wrist_tool)
    if grip.force_n is None:
        moving = 1 if one_jaw else 2
        grip = dataclasses.replace(grip, force_n=TIP_FORCE_N * opening.rate / moving)
    T_wrist_tool[:3, 3] += beside_m * T_wrist_tool[:3, 1]
    return FittedGripper(grip, opening, one_jaw, driven_fingers(tree, fingers, sides), T_wrist_tool, text)


def _links_in(full, data, wrist: str, links: list[str], tree: xml.Element) -> list[np.ndarray]:
    """Links, or what joints of these names carry, in the arm's last joint, (4, 4) each."""
    import pinocchio

    T_wrist = data.oMi[full.getJointId(wrist)].inverse()
    names = [grasp_link(tree, link) + LINK_ENDING for link in links]
    frames = [full.getFrameId(name, pinocchio.FrameType.BODY) for name in names]
    return [(T_wrist * data.oMf[frame]).homogeneous for frame in frames]
