"""A film of what happens in physics, drawn by PyBullet's TinyRenderer without a window."""

import numpy as np

from hoi_motion.execute.execute import execute
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.media.video_file import write_video
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.eye import eye_on_arm, picture
from hoi_motion.retarget.replay import OTHER_RGBA, SUPPORT_RGBA, TARGET_RGBA
from hoi_motion.retarget.robot_motion import RobotMotion

FPS = 15.0
FLOOR_RGBA = (0.85, 0.85, 0.83, 1)


def record_execution(plan: RobotMotion, arm, scene: HoiMotion, path, **how) -> Execution:
    """Carry a plan out and write an mp4 of it, in real time.

    Args:
        how: more arguments of `execute`.

    Raises:
        InputError: as `execute`; OUTPUT_INVALID when the film cannot be written.
    """
    frames, eye = [], eye_on_arm(plan, arm)

    def look(world: ExecutionWorld, seconds: float, _: float) -> None:
        if not frames:
            _paint(world, scene)
        if seconds * FPS >= len(frames):
            frames.append(picture(world.client, eye))

    result = execute(plan, arm, scene, on_look=look, **how)
    write_video(path, np.stack(frames), FPS)
    return result


def _paint(world: ExecutionWorld, scene: HoiMotion) -> None:
    objects = {thing.name for thing in scene.objects}
    colours = {body: OTHER_RGBA if name in objects else SUPPORT_RGBA for body, name in world.bodies.items()}
    colours |= {body: FLOOR_RGBA for body, name in world.bodies.items() if name == "floor"}
    for body, colour in (colours | {world.target: TARGET_RGBA}).items():
        pybullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=world.client)
