"""What of a robot stands still while one arm works: wheels, head, other arms, and fingers that are not used."""

import xml.etree.ElementTree as xml

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.elements import text_of
from hoi_motion.retarget.robots.fingers import Fingers, followers, hanging_on, moving_joints, way_to

ROUNDING = 1e-9


def hold_others(robot: xml.Element, config: RobotConfig, grasp_frame: str, fingers: Fingers) -> tuple[str, ...]:
    """Fix all joints that are neither fingers nor on the way from `base_link` to the grasp frame where home_rad has
    them, in place; returns the arm's joints, from the base to the gripper.

    Args:
        robot: tree of a URDF, without joints of type continuous.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a base_link that does not carry the grasp frame, a joint of the arm whose
            limits leave it no room, a home beyond a joint's limits, and a joint beyond the arm's last that is neither a
            finger nor has a home.
    """
    arm = _arm_joints(robot, config, grasp_frame)
    joints = {joint.get("name", ""): joint for joint in moving_joints(robot)}
    beyond = hanging_on(robot, arm[-1]) if arm else set()
    coupled = followers(robot, config.name)
    held_at = {}  # all before the first is fixed: a follower's place needs the limits of its leader
    for name, joint in joints.items():
        if name in arm:
            low, high = _limits(joint)
            if low == high:
                told = f"joint {name!r} of {config.name} moves from {low:g} to {high:g} and carries its grasp frame"
                hint = "give it the range of the robot, or make it of type fixed"
                raise RetargetError(ErrorCode.ROBOT_UNKNOWN, told, hint)
        elif name not in fingers.names:
            if name in beyond and name not in config.home_rad and not np.equal(*_limits(joint)):
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN,
                    f"joint {name!r} of {config.name} is in its hand, and its file does not say what it does",
                    "name it in gripper.joints if it opens and closes with them, or in home_rad where it stays",
                )
            leader, multiplier, offset = coupled.get(name, (name, 1.0, 0.0))
            held_at[name] = multiplier * _home(joints[leader], config) + offset
    for name, value in held_at.items():
        fix(joints[name], value)
    return arm


def fix(joint: xml.Element, value: float) -> None:
    """Make a joint one of type fixed that stands at a value, m or rad, in place."""
    origin, axis = joint.find("origin"), joint.find("axis")
    given = {} if origin is None else origin.attrib
    xyz, rpy = (np.array(given.get(what, "0 0 0").split(), float) for what in ("xyz", "rpy"))
    along = np.array("1 0 0".split() if axis is None else axis.get("xyz", "1 0 0").split(), float)
    turn = Rotation.from_euler("xyz", rpy)
    if value and joint.get("type") == "prismatic":
        xyz = xyz + turn.apply(value * along)
    elif value and joint.get("type") in ("revolute", "continuous"):
        rpy = (turn * Rotation.from_rotvec(value * along)).as_euler("xyz", suppress_warnings=True)
    for tag in ("origin", "axis", "limit", "mimic", "dynamics", "safety_controller", "calibration"):
        for element in joint.findall(tag):
            joint.remove(element)
    xml.SubElement(joint, "origin", xyz=text_of(xyz), rpy=text_of(rpy))
    joint.set("type", "fixed")


def _arm_joints(robot: xml.Element, config: RobotConfig, grasp_frame: str) -> tuple[str, ...]:
    way = way_to(robot, grasp_frame, config.base_link)
    if config.base_link and (not way or way[-1].find("parent").get("link") != config.base_link):
        links = [joint.find("parent").get("link") for joint in way]
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"base_link {config.base_link!r} of {config.name} does not carry its grasp frame {grasp_frame!r}",
            f"links that do: {', '.join(reversed(links))}",
        )
    return tuple(joint.get("name", "") for joint in reversed(way) if joint.get("type") != "fixed")


def _limits(joint: xml.Element) -> tuple[float, float]:
    limit = joint.find("limit")
    return (-np.inf, np.inf) if limit is None else (float(limit.get("lower", 0)), float(limit.get("upper", 0)))


def _home(joint: xml.Element, config: RobotConfig) -> float:
    (low, high), name = _limits(joint), joint.get("name", "")
    home = config.home_rad.get(name, float(np.clip(0.0, low, high)))
    if not low - ROUNDING <= home <= high + ROUNDING:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN, f"home_rad of {name} is {home:g}", f"its limits are {low:g}..{high:g}"
        )
    return home
