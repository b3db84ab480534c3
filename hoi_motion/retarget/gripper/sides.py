"""To which side each finger opens, and which of them a gripper's motors drive."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import xml.etree.ElementTree as xml

import numpy as np

from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers, hanging_on

LINK_ENDING = " (link)"  # in the model: a URDF may give a link and a joint one name
PROBE_M = 0.05  # beyond a finger's joint: a turning finger's origin itself does not move
MOVES_M = 1e-4


def finger_sides(full, wrist: str, T_wrist_tool: np.ndarray, fingers: Fingers, config: RobotConfig) -> np.ndarray:
    """(g,) of each finger joint: 1 where what it carries opens along y of the grasp frame, -1 against it, 0 neither.

    Args:
        full: pinocchio's model with arm and fingers; wrist: the arm's last joint.
        T_wrist_tool: (4, 4) the grasp frame in that joint.
    """
    closed, open = (
        _poses(full, wrist, T_wrist_tool, fingers, value) for value in (config.gripper.closed, config.gripper.open)
    )
    # the same point of each finger, beyond its joint when closed
    inside = [np.linalg.inv(T)[:3] @ np.append(T[:3, 3] + [0, 0, PROBE_M], 1.0) for T in closed]
    moves_m = np.array(
        [((after - before)[:3] @ np.append(point, 1.0))[1] for before, after, point in zip(closed, open, inside)]
    )
    return np.sign(moves_m) * (np.abs(moves_m) > MOVES_M)


def carried_by_fingers(tree: xml.Element, fingers: Fingers) -> np.ndarray:  # (g,) bool
    """Whether a finger joint hangs on another one, as the far ones of a linkage."""
    below = set().union(*(hanging_on(tree, name) for name in fingers.names))
    return np.array([name in below for name in fingers.names])


def driven_fingers(tree: xml.Element, fingers: Fingers, sides: np.ndarray) -> np.ndarray:  # (g,) bool
    """Finger joints that push: of each side those on the hand that carry the rest of its finger.

    The others of a linkage (the parallel bar, the far joint) follow, and add no force.
    """
    first = ~carried_by_fingers(tree, fingers)
    carries = first & np.array([bool(hanging_on(tree, name) & set(fingers.names)) for name in fingers.names])
    driven = carries.copy()
    for side in (-1, 0, 1):
        if not (carries & (sides == side)).any():
            driven |= first & (sides == side)
    return driven


def _poses(full, wrist: str, T_wrist_tool: np.ndarray, fingers: Fingers, value: float) -> list[np.ndarray]:
    """Finger joints' frames (4, 4) in the grasp frame, at a value of the gripper."""
    data = posed(full, fingers, value)
    T_tool = np.linalg.inv(data.oMi[full.getJointId(wrist)].homogeneous @ T_wrist_tool)
    return [T_tool @ data.oMi[full.getJointId(name)].homogeneous for name in fingers.names]


def posed(full, fingers: Fingers, value: float):
    """Pinocchio's data with the arm at rest and the fingers at a value of the gripper."""
    import pinocchio

    data, q = full.createData(), pinocchio.neutral(full)
    for name, joint in zip(fingers.names, fingers.values(value)):
        q[full.joints[full.getJointId(name)].idx_q] = joint
    pinocchio.framesForwardKinematics(full, data, q)
    return data
