"""A robot's motion as a scene that can be turned: carried out in physics, or as it was planned."""

import numpy as np

from hoi_motion.execute.execute import execute
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.execute.robot_scene import RobotScene, SceneRecorder
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.arm.world import ArmWorld
from hoi_motion.retarget.humanoid.world import HumanoidWorld
from hoi_motion.retarget.robot_motion import RobotMotion

FPS = 15.0


def executed_scene(plan: RobotMotion, arm: Arm, scene: HoiMotion, **how) -> tuple[Execution, RobotScene]:
    """What `execute` returns, and the scene over time.

    Args:
        how: more arguments of `execute`.

    Raises:
        InputError: as `execute`.
    """
    recorders: list[SceneRecorder] = []
    looks_s: list[float] = []
    sources_s: list[float] = []

    def look(world: ExecutionWorld, seconds: float, source_s: float) -> None:
        if not recorders:
            names = {name: body for body, name in world.bodies.items()}
            names[plan.facts["object"]] = world.target
            recorders.append(SceneRecorder(world.client, world.robot.body, names, scene))
        if seconds * FPS >= len(looks_s) and (not looks_s or seconds > looks_s[-1]):
            looks_s.append(seconds)
            sources_s.append(source_s)
            recorders[0].look()

    execution = execute(plan, arm, scene, on_look=look, **how)
    return execution, recorders[0].scene(FPS, np.array(sources_s))


def planned_scene(plan: RobotMotion, robot, motion: HoiMotion) -> RobotScene:
    """The motion of an Arm or a Humanoid as planned; nothing is carried out."""
    stride = max(1, round(plan.fps / FPS))
    samples = range(0, len(plan.positions_rad), stride)
    if isinstance(robot, Arm):
        recorder = _planned_arm(plan, robot, motion, samples)
        scale = 1.0
    else:
        scale = float(plan.facts["scene_scale"])
        with HumanoidWorld(robot, motion, plan) as world:
            world.show(0)  # before, nothing is in its place
            recorder = SceneRecorder(world.client, world.robot, world.bodies, motion, scale)
            for sample in samples:
                world.show(sample)
                recorder.look()
    return recorder.scene(plan.fps / stride, plan.source_time_s[::stride], to_scale=scale == 1.0)


def _planned_arm(plan: RobotMotion, arm: Arm, motion: HoiMotion, samples: range) -> SceneRecorder:
    n = len(arm.joint_names)
    with ArmWorld(arm, motion, plan.facts["object"], drawn=True) as world:
        world.set_base(plan.T_world_root())
        recorder = SceneRecorder(world.client, world.robot, world.bodies, motion)
        for sample in samples:
            world.place_at(plan.source_time_s[sample] * motion.fps, plan.T_world_object(sample))
            world.pose(plan.positions_rad[sample, :n], plan.positions_rad[sample, n:])
            recorder.look()
    return recorder
