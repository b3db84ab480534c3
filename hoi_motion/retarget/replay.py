"""A film of a retargeted motion, drawn by PyBullet's TinyRenderer without a window."""

import numpy as np

from hoi_motion.media.video_file import write_video
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.eye import eye_at, eye_on_arm, picture
from hoi_motion.retarget.humanoid.world import HumanoidWorld
from hoi_motion.retarget.robot_motion import RobotMotion

MAX_FPS = 20.0
ASIDE_DEG = 35.0
TARGET_RGBA = (0.9, 0.45, 0.1, 1)
OTHER_RGBA = (0.5, 0.6, 0.7, 1)
SUPPORT_RGBA = (0.75, 0.65, 0.5, 1)


def record_replay(
    robot_motion: RobotMotion, motion: HoiMotion, robot, path, source_pace: bool = False, max_fps: float = MAX_FPS
) -> None:
    """Write an mp4.

    Args:
        robot: the Arm or Humanoid that moves.
        max_fps: faster motions are subsampled.
        source_pace: play at the speed of the source motion, even if the robot needs longer.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    fps = robot_motion.fps * (robot_motion.stretch if source_pace else 1.0)
    stride = max(1, int(np.ceil(fps / max_fps)))
    film = _arm_film if isinstance(robot, Arm) else _humanoid_film
    write_video(path, np.stack(list(film(robot_motion, motion, robot, stride))), fps / stride)


def _arm_film(robot_motion: RobotMotion, motion: HoiMotion, arm: Arm, stride: int):
    n, eye = len(arm.joint_names), eye_on_arm(robot_motion, arm)
    with ArmWorld(arm, motion, robot_motion.facts["object"], drawn=True) as world:
        world.set_base(robot_motion.T_world_root())
        _paint(world, motion)
        for i in range(0, len(robot_motion.positions_rad), stride):
            world.place_at(robot_motion.source_time_s[i] * motion.fps, robot_motion.T_world_object(i))
            world.pose(robot_motion.positions_rad[i, :n], robot_motion.positions_rad[i, n:])
            yield picture(world.client, eye)


def _humanoid_film(robot_motion: RobotMotion, motion: HoiMotion, robot, stride: int):
    eye = eye_at(robot_motion.root_pose[:, :3].mean(axis=0), 2.2, eye_yaw_deg(robot_motion, robot), 25.0)
    with HumanoidWorld(robot, motion, robot_motion) as world:
        _paint(world, motion)
        for i in range(0, len(robot_motion.positions_rad), stride):
            world.show(i)
            yield picture(world.client, eye)


def eye_yaw_deg(robot_motion: RobotMotion, robot) -> float:
    """PyBullet's yaw of an eye that sees a humanoid from ahead, at first, and somewhat from its left."""
    ahead = robot_motion.T_world_root()[:3, :3] @ robot.body_axes[:, 2]
    heading_deg = np.degrees(np.arctan2(ahead[1], ahead[0]))
    return float(heading_deg + 90 + ASIDE_DEG)  # with yaw 0 the eye stands at -y


def _paint(world, motion: HoiMotion) -> None:
    target = motion.target.name if motion.target else ""
    for name, body in world.bodies.items():
        colour = OTHER_RGBA if name in {o.name for o in motion.objects} else SUPPORT_RGBA
        colour = TARGET_RGBA if name == target else colour
        pybullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=world.client)
