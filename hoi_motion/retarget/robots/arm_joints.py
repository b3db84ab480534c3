"""Names of an arm's joints, for whoever hears where they stand: read from its files, without loading the robot."""

import xml.etree.ElementTree as xml
from pathlib import Path

from hoi_motion.retarget.robots.config import RobotConfig
from hoi_motion.retarget.robots.fingers import find_fingers, hand_link
from hoi_motion.retarget.robots.held import hold_others
from hoi_motion.retarget.robots.urdf import JAW_FRAME, JAW_JOINTS, read_urdf


def arm_joint_names(config: RobotConfig) -> tuple[str, ...]:
    """The joints that move the gripper, from the base to it.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a URDF that is not a robot.
    """
    tree = xml.fromstring(read_urdf(Path(config.urdf), config.jaw, config.grasp_frame))
    named, frame = config.gripper.joints, config.grasp_frame
    if config.jaw.link:
        named, frame = list(JAW_JOINTS), JAW_FRAME
    elif not frame and named:
        frame = hand_link(tree, named, config.name)
    return hold_others(tree, config, frame, find_fingers(tree, named, frame, config.name, config.base_link))
