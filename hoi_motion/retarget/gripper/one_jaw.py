"""Whether only one finger of a gripper moves, towards one that stands still, as on most small arms."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import numpy as np

from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers

LINK_ENDING = " (link)"  # in the model: a URDF may give a link and a joint one name
PROBE_M = 0.05  # beyond a finger's joint: a turning finger's origin itself does not move
MOVES_M = 1e-4


def has_one_jaw(full, wrist: str, T_wrist_tool: np.ndarray, fingers: Fingers, config: RobotConfig) -> bool:
    """Whether all fingers open to the same side along y of the grasp frame.

    Args:
        full: pinocchio's model with arm and fingers; wrist: the arm's last joint.
        T_wrist_tool: (4, 4) the grasp frame in that joint.
    """
    closed, open = (
        finger_poses(full, wrist, T_wrist_tool, fingers, value)
        for value in (config.gripper.closed, config.gripper.open)
    )
    # the same point of each finger, beyond its joint when closed
    inside = [np.linalg.inv(T)[:3] @ np.append(T[:3, 3] + [0, 0, PROBE_M], 1.0) for T in closed]
    moves_m = [
        (after[:3] @ np.append(point, 1.0) - before[:3] @ np.append(point, 1.0))[1]
        for before, after, point in zip(closed, open, inside)
    ]
    sides = {bool(move > 0) for move in moves_m if abs(move) > MOVES_M}
    return len(sides) == 1


def finger_poses(full, wrist: str, T_wrist_tool: np.ndarray, fingers: Fingers, value: float) -> list[np.ndarray]:
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
