"""execute: carry a robot's motion out in physics and say what became of the object."""

from collections.abc import Callable

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.execution_world import STEP_S, ExecutionWorld
from hoi_motion.execute.observer import Observer
from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.execute.task import Task, task_of
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.robot_motion import GripperCommand, RobotMotion

SETTLE_S = 0.25  # before the robot starts
WAIT_S = 0.5  # after it has stopped
LOOK_STEPS = 4  # steps between two looks at the contacts


def execute(
    plan: RobotMotion,
    arm,
    scene: HoiMotion,
    task: Task | None = None,
    noun: str = "",
    on_look: Callable[[ExecutionWorld, float], None] | None = None,
) -> Execution:
    """Let an arm's motors follow a plan among free objects.

    How the plan was made does not matter: only joints, gripper commands and the base's pose are used. The scene need
    not be the one used for planning.

    Args:
        plan: of an arm; arm: the Arm that it is for.
        scene: objects as they are in its first frame, supports.
        task: what should happen; None takes what the person does to the plan's object in `scene`.
        noun: what the object is called ("mug"), for its mass.
        on_look: called with the world and the time in seconds at every look.

    Raises:
        InputError: FILE_INVALID for a plan of another robot or an object that the scene does not have.
    """
    names = (*arm.joint_names, *arm.fingers.names)
    if plan.joint_names != names:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the motion moves {', '.join(plan.joint_names)}",
            f"{arm.config.name} has {', '.join(names)}",
        )
    task = task or task_of(scene, plan.facts.get("object", ""))
    source = next((o for o in scene.objects if o.name == task.object_name), None)
    if source is None:
        known = ", ".join(o.name for o in scene.objects) or "none"
        raise InputError(ErrorCode.FILE_INVALID, f"the scene has no object {task.object_name!r}", f"objects: {known}")
    thing = RigidThing(source, noun)
    base = plan.T_world_root()
    n, end_s = len(arm.joint_names), (len(plan.positions_rad) - 1) / plan.fps
    with ExecutionWorld(arm, scene, thing, base, seen=on_look is not None) as world:
        first = plan.positions_rad[0]
        world.robot.stand(base, first[:n], first[n:])
        observer = Observer(world, task, thing, arm.joint_names)
        steps = int(np.ceil((SETTLE_S + end_s + WAIT_S) / STEP_S))
        times = np.clip(np.arange(steps) * STEP_S - SETTLE_S, 0.0, end_s)
        path = plan.spline()
        told = None
        for step, (t, q, velocity) in enumerate(zip(times, path(times)[:, :n], path(times, 1)[:, :n])):
            world.robot.drive(q, velocity)
            if told != (told := _told(plan, t)):  # motors go on with what they were told last
                world.robot.grip(*_grip(plan, arm, told, n))
            world.step()
            if step % LOOK_STEPS == LOOK_STEPS - 1 and step * STEP_S >= SETTLE_S:
                observer.look(q, LOOK_STEPS * STEP_S)
                if on_look:
                    on_look(world, t)
        return observer.execution(plan.robot, steps * STEP_S - SETTLE_S)


def _told(plan: RobotMotion, t: float) -> GripperCommand | int:
    """What holds for the gripper at a time: a command of the plan, before the first the fingers' sample."""
    command = next((c for c in reversed(plan.gripper) if c.time_s <= t + 1e-9), None)
    return min(int(round(t * plan.fps)), len(plan.positions_rad) - 1) if command is None else command


def _grip(plan: RobotMotion, arm, told: GripperCommand | int, n: int) -> tuple[np.ndarray, float]:
    """Joint values of the fingers and the force of each."""
    if isinstance(told, GripperCommand):
        return arm.fingers.values(arm.finger_value(told.width_m)), told.force_n
    return plan.positions_rad[told, n:], arm.gripper.force_n
