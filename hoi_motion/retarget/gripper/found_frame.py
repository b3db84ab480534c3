"""Where a gripper grasps, found from how its fingers move and how far they reach, where its file does not say it."""

# pyright: reportAttributeAccessIssue=false
# pinocchio is compiled and has no types

import xml.etree.ElementTree as xml

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.gripper.sides import LINK_ENDING, posed
from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.fingers import Fingers, hand_link, links_on
from hoi_motion.retarget.robots.mesh_file import link_points_m
from hoi_motion.rigid import moved

AJAR = 0.1  # share of the way to open at which fingers show where they go
TIP_SHARE = 0.25  # of a finger's length is its tip
BEHIND_TIPS_M = 0.008  # things are held so far behind the tips, as with the hands that robots come with


def found_frame(
    tree: xml.Element, full, config: RobotConfig, fingers: Fingers, wrist: str
) -> np.ndarray:  # (4, 4) T_wrist_tool
    """z is the axis of the hand's link along which the fingers reach farthest from the wrist, y the one along which
    their tips open, when they are closed.

    Args:
        tree: of the URDF; full: pinocchio's model of it, fingers included; wrist: the arm's last joint.

    Raises:
        RetargetError: ROBOT_UNKNOWN for fingers without shapes, or that do not move apart.
    """
    import pinocchio

    closed, open = config.gripper.closed, config.gripper.open
    hand = hand_link(tree, config.gripper.joints, config.name)
    carried = {name: links_on(tree, name) for name in fingers.names}
    moving = sorted(set().union(*carried.values()))
    shapes_m = {
        link.get("name"): link_points_m(link, seen=False) for link in tree.findall("link") if link.get("name") in moving
    }

    def placed(value: float) -> tuple[np.ndarray, np.ndarray]:  # (P, 3), (3, 3)
        """Points of the fingers, and axes of the hand, in the wrist."""
        data = posed(full, fingers, value)
        T_wrist = data.oMi[full.getJointId(wrist)].inverse()
        frames = {name: full.getFrameId(name + LINK_ENDING, pinocchio.FrameType.BODY) for name in (*moving, hand)}
        place = {name: T_wrist * data.oMf[frame] for name, frame in frames.items()}
        points = [moved(place[name].homogeneous, shapes_m[name]) for name in moving if len(shapes_m[name])]
        return np.concatenate(points) if points else np.zeros((0, 3)), place[hand].rotation

    points, R_wrist_hand = placed(closed)
    if not len(points):
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"the fingers of {config.name} have neither collision shapes nor visual ones",
            "give them shapes, or grasp_frame, and gripper.open_width_m, finger_depth_m and tip_m",
        )
    axes = np.concatenate([R_wrist_hand.T, -R_wrist_hand.T])
    z = axes[int((points @ axes.T).max(axis=0).argmax())]
    far = points @ z
    is_tip = far > far.max() - TIP_SHARE * np.ptp(far)
    beside = [axis for axis in R_wrist_hand.T if abs(axis @ z) < 0.5]
    opens = placed(closed + AJAR * (open - closed))[0][is_tip] - points[is_tip]
    y = max(beside, key=lambda axis: np.abs(opens @ axis).mean())
    T = np.eye(4)
    T[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    tips = points[is_tip] @ T[:3, :3]
    middle = (tips.min(axis=0) + tips.max(axis=0)) / 2
    T[:3, 3] = T[:3, :3] @ [middle[0], middle[1], far.max() - BEHIND_TIPS_M]
    return T
