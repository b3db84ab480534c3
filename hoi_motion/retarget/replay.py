"""A film of a retargeted motion, drawn by PyBullet's TinyRenderer without a window."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.lift.video_file import write_video
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.world import pybullet
from hoi_motion.retarget.arm import Arm
from hoi_motion.retarget.arm_trajectory import timeline
from hoi_motion.retarget.collision import ArmWorld
from hoi_motion.retarget.grasp import acting_contact
from hoi_motion.retarget.robot_motion import RobotMotion

MAX_FPS = 20.0
SIZE_PX = (480, 360)
TARGET_RGBA, OTHER_RGBA, TABLE_RGBA = (0.9, 0.45, 0.1, 1), (0.5, 0.6, 0.7, 1), (0.75, 0.65, 0.5, 1)


def record_replay(robot_motion: RobotMotion, motion: HoiMotion, arm: Arm, path) -> None:
    """Write an mp4 at the robot's own pace.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    contact = acting_contact(motion)
    line = timeline(motion, contact)
    stride = max(1, int(np.ceil(robot_motion.fps / MAX_FPS)))
    root = robot_motion.root_pose[0]
    base = np.eye(4)
    base[:3, :3], base[:3, 3] = Rotation.from_quat(root[3:]).as_matrix(), root[:3]
    look_at = (line.T_world_object[line.touch][:3, 3] + base[:3, 3]) / 2 + [0, 0, 0.15]
    n = len(arm.joint_names)
    frames = []
    with ArmWorld(arm, motion, contact.object_name) as world:
        world.set_base(base)
        for name, body in world.bodies.items():
            colour = TARGET_RGBA if name == contact.object_name else TABLE_RGBA
            colour = OTHER_RGBA if name in {o.name for o in motion.objects} - {contact.object_name} else colour
            pybullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=world.client)
        view = pybullet.computeViewMatrixFromYawPitchRoll(look_at.tolist(), 1.7, 55, -25, 0, 2)
        projection = pybullet.computeProjectionMatrixFOV(45, SIZE_PX[0] / SIZE_PX[1], 0.05, 10)
        for i in range(0, line.count, stride):
            world.place_at(i / line.rate_hz * motion.fps, line.T_world_object[i])
            world.pose(robot_motion.positions_rad[i, :n], robot_motion.positions_rad[i, n])
            image = pybullet.getCameraImage(
                *SIZE_PX, view, projection, renderer=pybullet.ER_TINY_RENDERER, physicsClientId=world.client
            )
            frames.append(np.reshape(image[2], (SIZE_PX[1], SIZE_PX[0], 4))[..., :3].astype(np.uint8))
    write_video(path, np.stack(frames), robot_motion.fps / stride)
