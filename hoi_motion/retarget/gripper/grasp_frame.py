"""Whether the grasp frame of a robot's file lies as its fingers move: a frame turned wrong grasps thin air."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.gripper.sides import posed
from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers

LEAST_MOVE_M = 0.002  # of the fingers together; what moves less says nothing
LEAST_SIDE_M = 0.001  # from the middle, on either side of which a finger is
NEAR_M = 0.03  # a grasp frame this near to the wrist says nothing
OUTWARDS = 0.2  # cosine between z and the way from the wrist; that of brackets at an angle is higher


def check_grasp_frame(full, wrist: str, T_wrist_tool: np.ndarray, fingers: Fingers, config: RobotConfig) -> None:
    """Check z against where the gripper is, and y and the opening against how the fingers' masses move.

    Args:
        full: pinocchio's model with arm and fingers; wrist: the arm's last joint.
        T_wrist_tool: the grasp frame, offset included, in that joint.

    Raises:
        RetargetError: ROBOT_UNKNOWN that says which way the frame lies, or that open is closed.
    """
    out_m = T_wrist_tool[:3, :3].T @ T_wrist_tool[:3, 3]  # from the wrist to the grasp, in the grasp frame
    if np.linalg.norm(out_m) > NEAR_M and out_m[2] < OUTWARDS * np.linalg.norm(out_m):
        raise _turned(config, f"z points across or back, not out of the gripper, which is its {_axis(out_m)}")
    closed_m, open_m = (_fingers_m(full, wrist, T_wrist_tool, fingers, config, v) for v in ("closed", "open"))
    moves_m = open_m - closed_m
    total_m = np.abs(moves_m).sum(axis=0)
    if total_m[0] > max(LEAST_MOVE_M, 2 * total_m[1]):
        raise _turned(config, "the fingers open along its x")
    side_m = (closed_m + open_m)[:, 1] / 2
    # a finger that is on one side closed and on the other open, such as the only jaw of a hand that opens wide, says
    # nothing: its mass is near its hinge
    inner_m = np.minimum(np.sign(side_m) * closed_m[:, 1], np.sign(side_m) * open_m[:, 1])
    says = (np.abs(side_m) > LEAST_SIDE_M) & (inner_m > -LEAST_SIDE_M)
    outwards_m = float((moves_m[:, 1] * np.sign(side_m) * says).sum())
    if outwards_m < -LEAST_MOVE_M:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"the fingers of {config.name} go together from gripper.closed {config.gripper.closed:g} to gripper.open "
            f"{config.gripper.open:g}",
            "exchange the two values, or give them the other sign",
        )


def _fingers_m(full, wrist: str, T_wrist_tool, fingers: Fingers, config: RobotConfig, what: str) -> np.ndarray:
    """(g, 3) Centres of mass of the fingers, in the grasp frame, for gripper.open or gripper.closed."""
    data = posed(full, fingers, getattr(config.gripper, what))
    T_tool = np.linalg.inv(data.oMi[full.getJointId(wrist)].homogeneous @ T_wrist_tool)
    ids = [full.getJointId(name) for name in fingers.names]
    centres = [data.oMi[joint].act(full.inertias[joint].lever) for joint in ids]
    return np.array(centres) @ T_tool[:3, :3].T + T_tool[:3, 3]


def _turned(config: RobotConfig, how: str) -> RetargetError:
    return RetargetError(
        ErrorCode.ROBOT_UNKNOWN,
        f"grasp_frame {config.grasp_frame!r} of {config.name} lies wrong: {how}",
        "z points out of the gripper and y along its opening: turn it by grasp_offset_rpy_rad, or name no frame",
    )


def _axis(direction: np.ndarray) -> str:
    largest = int(np.abs(direction).argmax())
    return f"{'-' if direction[largest] < 0 else ''}{'xyz'[largest]}"
