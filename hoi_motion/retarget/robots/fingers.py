"""Fingers: which joints of a URDF a gripper moves, and how each follows the one value that opens and closes it."""

import dataclasses
import xml.etree.ElementTree as xml
from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError

LIMIT_GIVE = 1e-4  # by which a gripper's file may be beyond its finger's limits: rounding


@dataclass(frozen=True)
class Fingers:
    """Finger joints, each at `multiplier * value + offset` of the gripper's value (m or rad).

    Attributes:
        names: (g,) as the robot's file names them first, then those that follow by a `<mimic>` of the URDF.
        multipliers, offsets: (g,).
        roots: (g,) the joint that each follows, or itself.
    """

    names: tuple[str, ...]
    multipliers: np.ndarray
    offsets: np.ndarray
    roots: tuple[str, ...]

    def values(self, value) -> np.ndarray:  # (...) -> (..., g)
        """Joint values for a value of the gripper."""
        return np.asarray(value, float)[..., None] * self.multipliers + self.offsets


def mirrored(fingers: Fingers, robot: xml.Element, ends: tuple[float, float], robot_name: str) -> Fingers:
    """Fingers of which those that follow nothing move the other way where their limits allow only that.

    Args:
        robot: tree of a URDF; ends: values of the gripper, open and closed.

    Raises:
        RetargetError: ROBOT_UNKNOWN for one that can be there in neither way.
    """
    limits, signs = {joint.get("name", ""): joint.find("limit") for joint in moving_joints(robot)}, {}
    for name, root, multiplier, offset in zip(fingers.names, fingers.roots, fingers.multipliers, fingers.offsets):
        limit = limits[name]
        if limit is None or root in signs:
            continue
        low, high = float(limit.get("lower", 0)) - LIMIT_GIVE, float(limit.get("upper", 0)) + LIMIT_GIVE
        fits = [all(low <= sign * multiplier * value + offset <= high for value in ends) for sign in (1, -1)]
        if signs and not any(fits):
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"gripper.open and gripper.closed put {name} of {robot_name} at {ends[0]:g} and {ends[1]:g}",
                f"its limits are {low + LIMIT_GIVE:g}..{high - LIMIT_GIVE:g}",
            )
        signs[root] = -1.0 if signs and fits == [False, True] else 1.0
    turned = np.array([signs.get(root, 1.0) for root in fingers.roots])
    return dataclasses.replace(fingers, multipliers=fingers.multipliers * turned)


def find_fingers(
    robot: xml.Element, named: list[str], grasp_frame: str, robot_name: str, base_link: str = ""
) -> Fingers:
    """The fingers of a gripper whose joints are named; what mimics them, or what they mimic, moves with them.

    Named joints that follow nothing take the gripper's value itself. The joints that carry the grasp frame are the arm.

    Args:
        robot: tree of a URDF; named: finger joints in the robot's file; grasp_frame: link, or joint, between them.
        base_link: on which the arm stands: joints before it are not the arm's. Empty: the root.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mimic that leads nowhere or in a circle, has a multiplier of 0, or couples a
            joint of the arm; for a finger that is one.
    """
    joints = [joint.get("name", "") for joint in moving_joints(robot)]
    leaders = {name: _leader(robot, name, robot_name) for name in joints}
    chains = {name: _to_root(name, leaders, robot_name) for name in joints}  # root, multiplier, offset
    names, multipliers, offsets, roots = [], [], [], []
    for root in dict.fromkeys(chains[name][0] for name in named if name in chains):
        reference = root if root in named else next(n for n in named if n in chains and chains[n][0] == root)
        _, scale, shift = chains[reference]
        group = [n for n in joints if chains[n][0] == root]
        for name in sorted(group, key=lambda n: named.index(n) if n in named else len(named)):
            _, multiplier, offset = chains[name]
            names.append(name)
            multipliers.append(multiplier / scale)
            offsets.append(offset - multiplier * shift / scale)
            roots.append(root)
    of_arm = [joint.get("name", "") for joint in way_to(robot, grasp_frame) if joint.get("type") != "fixed"]
    taken = next((name for name in names if name in of_arm), None)
    if taken:
        why = "is named as a finger" if taken in named else "is coupled with the fingers by a <mimic>"
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"joint {taken!r} of {robot_name} {why} and carries its grasp frame {grasp_frame!r}",
            "the grasp frame lies between the fingers and must not be attached to one",
        )
    # what follows neither an arm's joint nor a finger, such as the other arm's gripper, stands still
    of_arm = [joint.get("name", "") for joint in way_to(robot, grasp_frame, base_link) if joint.get("type") != "fixed"]
    hand = set(of_arm) | hanging_on(robot, of_arm[0]) if of_arm else set(joints)
    coupled = [name for name in joints if leaders[name] and name not in names]
    astray = next((name for name in coupled if name in hand or chains[name][0] in hand), None)
    if astray:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"joint {astray!r} of {robot_name} mimics {leaders[astray][0]!r}, which is no finger",
            "name the leader in gripper.joints if it is one; arms with coupled joints are not read",
        )
    return Fingers(tuple(names), np.array(multipliers, float), np.array(offsets, float), tuple(roots))


def followers(robot: xml.Element, robot_name: str) -> dict[str, tuple[str, float, float]]:
    """Each joint that mimics another: the joint at the end of its chain, multiplier and offset.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mimic that leads nowhere or in a circle, or has a multiplier of 0.
    """
    joints = [joint.get("name", "") for joint in moving_joints(robot)]
    leaders = {name: _leader(robot, name, robot_name) for name in joints}
    return {name: _to_root(name, leaders, robot_name) for name in joints if leaders[name]}


def moving_joints(robot: xml.Element) -> list[xml.Element]:
    """Joints that are not fixed, in the order of the URDF."""
    return [joint for joint in robot.findall("joint") if joint.get("type") != "fixed"]


def grasp_link(robot: xml.Element, frame: str) -> str:
    """The link of this name, or the one that a joint of this name carries."""
    if any(link.get("name") == frame for link in robot.findall("link")):
        return frame
    carried = (joint.find("child").get("link") for joint in robot.findall("joint") if joint.get("name") == frame)
    return next(carried, frame)


def way_to(robot: xml.Element, frame: str, base_link: str = "") -> list[xml.Element]:
    """The joints from a link, or the one that a joint of this name carries, to a link or the root, fixed ones too."""
    above = {joint.find("child").get("link"): joint for joint in robot.findall("joint")}
    at, way = grasp_link(robot, frame), []
    while at != base_link and at in above and above[at] not in way:
        way.append(above[at])
        at = above[at].find("parent").get("link")
    return way


def hanging_on(robot: xml.Element, joint_name: str) -> set[str]:
    """Names of the joints that a joint carries."""
    below, found = {}, set()
    for joint in robot.findall("joint"):
        below.setdefault(joint.find("parent").get("link"), []).append(joint)
    waiting = [joint for joint in robot.findall("joint") if joint.get("name") == joint_name]
    while waiting:
        more = below.get(waiting.pop().find("child").get("link"), [])
        found.update(joint.get("name", "") for joint in more)
        waiting += more
    return found


def hand_link(robot: xml.Element, named: list[str], robot_name: str) -> str:
    """The link on which the first named finger, or the one that it follows, moves.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mimic that leads nowhere or in a circle.
    """
    parents = {joint.get("name"): joint.find("parent").get("link") for joint in moving_joints(robot)}
    leader = followers(robot, robot_name).get(named[0], (named[0],))[0]
    return parents[leader]


def links_on(robot: xml.Element, joint_name: str) -> set[str]:
    """Names of the links that a joint carries."""
    joints = hanging_on(robot, joint_name) | {joint_name}
    return {joint.find("child").get("link") for joint in robot.findall("joint") if joint.get("name") in joints}


def _leader(robot: xml.Element, name: str, robot_name: str) -> tuple[str, float, float] | None:
    """The joint that a joint mimics, with multiplier and offset."""
    mimic = next(j for j in robot.findall("joint") if j.get("name", "") == name).find("mimic")
    if mimic is None:
        return None
    try:
        multiplier, offset = float(mimic.get("multiplier", "1")), float(mimic.get("offset", "0"))
    except ValueError as error:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN, f"<mimic> of joint {name!r} of {robot_name} is no number: {error}"
        ) from error
    if multiplier == 0 or not np.isfinite([multiplier, offset]).all():
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"<mimic> of joint {name!r} of {robot_name} has multiplier {multiplier:g} and offset {offset:g}",
            "both are finite and the multiplier is not 0; a joint that never moves is of type fixed",
        )
    return mimic.get("joint", ""), multiplier, offset


def _to_root(name: str, leaders: dict, robot_name: str) -> tuple[str, float, float]:
    """The joint that a chain of mimics leads to, and name = multiplier * root + offset."""
    multiplier, offset, at, seen = 1.0, 0.0, name, [name]
    while leaders[at]:
        leader, m, o = leaders[at]
        multiplier, offset, at = multiplier * m, multiplier * o + offset, leader
        if at not in leaders or at in seen:
            what = "in a circle" if at in seen else f"{at!r}, which is no joint of the URDF that moves"
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"joint {name!r} of {robot_name} mimics {what}",
                f"joints: {', '.join(leaders)}",
            )
        seen.append(at)
    return at, multiplier, offset
