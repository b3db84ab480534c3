"""Fingers: which joints of a URDF a gripper moves, and how each follows the one value that opens and closes it."""

import xml.etree.ElementTree as xml
from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError


@dataclass(frozen=True)
class Fingers:
    """Finger joints, each at `multiplier * value + offset` of the gripper's value (m or rad).

    Attributes:
        names: (g,) as the robot's file names them first, then those that follow by a `<mimic>` of the URDF.
        multipliers, offsets: (g,).
    """

    names: tuple[str, ...]
    multipliers: np.ndarray
    offsets: np.ndarray

    def values(self, value) -> np.ndarray:  # (...) -> (..., g)
        """Joint values for a value of the gripper."""
        return np.asarray(value, float)[..., None] * self.multipliers + self.offsets


def find_fingers(robot: xml.Element, named: list[str], grasp_frame: str, robot_name: str) -> Fingers:
    """The fingers of a gripper whose joints are named; what mimics them, or what they mimic, moves with them.

    Named joints that follow nothing take the gripper's value itself. The joints that carry the grasp frame are the arm.

    Args:
        robot: tree of a URDF; named: finger joints in the robot's file; grasp_frame: link, or joint, between them.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mimic that leads nowhere or in a circle, has a multiplier of 0, or couples a
            joint of the arm; for a finger that is one.
    """
    joints = [joint.get("name", "") for joint in robot.findall("joint") if joint.get("type") != "fixed"]
    leaders = {name: _leader(robot, name, robot_name) for name in joints}
    chains = {name: _to_root(name, leaders, robot_name) for name in joints}  # root, multiplier, offset
    names, multipliers, offsets = [], [], []
    for root in dict.fromkeys(chains[name][0] for name in named if name in chains):
        reference = root if root in named else next(n for n in named if n in chains and chains[n][0] == root)
        _, scale, shift = chains[reference]
        group = [n for n in joints if chains[n][0] == root]
        for name in sorted(group, key=lambda n: named.index(n) if n in named else len(named)):
            _, multiplier, offset = chains[name]
            names.append(name)
            multipliers.append(multiplier / scale)
            offsets.append(offset - multiplier * shift / scale)
    of_arm = _carrying(robot, grasp_frame)
    taken = next((name for name in names if name in of_arm), None)
    if taken:
        why = "is named as a finger" if taken in named else "is coupled with the fingers by a <mimic>"
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"joint {taken!r} of {robot_name} {why} and carries its grasp frame {grasp_frame!r}",
            "the grasp frame lies between the fingers and must not be attached to one",
        )
    astray = next((name for name in joints if leaders[name] and name not in names), None)
    if astray:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"joint {astray!r} of {robot_name} mimics {leaders[astray][0]!r}, which is no finger",
            "name the leader in gripper.joints if it is one; arms with coupled joints are not read",
        )
    return Fingers(tuple(names), np.array(multipliers, float), np.array(offsets, float))


def followers(robot: xml.Element, robot_name: str) -> dict[str, tuple[str, float, float]]:
    """Each joint that mimics another: the joint at the end of its chain, multiplier and offset.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mimic that leads nowhere or in a circle, or has a multiplier of 0.
    """
    joints = [joint.get("name", "") for joint in robot.findall("joint") if joint.get("type") != "fixed"]
    leaders = {name: _leader(robot, name, robot_name) for name in joints}
    return {name: _to_root(name, leaders, robot_name) for name in joints if leaders[name]}


def _carrying(robot: xml.Element, frame: str) -> set[str]:
    """The joints from the base to a link, or to the link that a joint of this name moves."""
    above = {}
    for joint in robot.findall("joint"):
        parent, child = (end.get("link", "") for end in (joint.find("parent"), joint.find("child")))
        above[child] = (joint.get("name", ""), parent)
    at, names = (
        next((child for child, (name, _) in above.items() if name == frame and frame not in above), frame),
        set(),
    )
    while at in above and above[at][0] not in names:
        name, at = above[at]
        names.add(name)
    return names


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
