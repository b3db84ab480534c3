"""Carrying: an arm in a scene that follows one plan after the other, and is observed."""

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


class Carrying:
    """Physics with one arm and one task; use it in a `with` statement.

    Attributes:
        world: the ExecutionWorld; base and first sample are those of the first plan.
        kind: of the task.
    """

    def __init__(self, plan: RobotMotion, arm, scene: HoiMotion, task: Task | None, noun: str, on_look=None):
        """Arguments as in `execute`."""
        check_robot(plan, arm)
        task = task or task_of(scene, plan.facts.get("object", ""))
        source = next((o for o in scene.objects if o.name == task.object_name), None)
        if source is None:
            known = ", ".join(o.name for o in scene.objects) or "none"
            told = f"the scene has no object {task.object_name!r}"
            raise InputError(ErrorCode.FILE_INVALID, told, f"objects: {known}")
        self._arm, self._plan, self._task, self._on_look = arm, plan, task, on_look
        self._thing, self._n = RigidThing(source, noun), len(arm.joint_names)
        self.world = ExecutionWorld(arm, scene, self._thing, plan.T_world_root(), seen=on_look is not None)
        self.kind, self._steps, self._before_s = task.kind, 0, 0.0

    def __enter__(self) -> "Carrying":
        self.world.__enter__()
        first = self._plan.positions_rad[0]
        self.world.robot.stand(self._plan.T_world_root(), first[: self._n], first[self._n :])
        self._observer = Observer(self.world, self._task, self._thing, self._arm.joint_names)
        return self

    def __exit__(self, *error) -> None:
        self.world.__exit__(*error)

    def follow(
        self, plan: RobotMotion, lead_s: float, wait_s: float, stop: Callable[[float], bool] | None = None
    ) -> float | None:
        """Carry a plan out.

        Args:
            lead_s: time at its first sample before; wait_s: at its last one behind.
            stop: asked at every look, with the plan's time, whether to end it there.

        Returns:
            The plan's time at which `stop` ended it, None when it was carried out whole.
        """
        world, n, end_s = self.world, self._n, (len(plan.positions_rad) - 1) / plan.fps
        steps = int(np.ceil((lead_s + end_s + wait_s) / STEP_S))
        times = np.clip(np.arange(steps) * STEP_S - lead_s, 0.0, end_s)
        path, told = plan.spline(), None
        for step, (t, q, velocity) in enumerate(zip(times, path(times)[:, :n], path(times, 1)[:, :n])):
            world.robot.drive(q, velocity)
            if told != (told := _told(plan, t)):  # motors go on with what they were told last
                world.robot.grip(*_grip(plan, self._arm, told, n))
            world.step()
            self._steps += 1
            if step % LOOK_STEPS == LOOK_STEPS - 1 and self._steps * STEP_S >= SETTLE_S:
                self._observer.look(q, LOOK_STEPS * STEP_S)
                if self._on_look:
                    self._on_look(world, self._before_s + t, plan.source_s(t))
                if stop and stop(t):
                    self._before_s += t
                    return float(t)
        self._before_s += end_s
        return None

    def execution(self, notes: tuple[str, ...] = ()) -> Execution:
        """What has become of it."""
        return self._observer.execution(self._plan.robot, self._steps * STEP_S - SETTLE_S, notes)


def check_robot(plan: RobotMotion, arm) -> None:
    """Raises: InputError: FILE_INVALID for a plan of another robot than the Arm."""
    names = (*arm.joint_names, *arm.fingers.names)
    if plan.joint_names != names:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the motion moves {', '.join(plan.joint_names)}",
            f"{arm.config.name} has {', '.join(names)}",
        )


def _told(plan: RobotMotion, t: float) -> GripperCommand | int:
    """What holds for the gripper at a time: a command of the plan, before the first the fingers' sample."""
    command = next((c for c in reversed(plan.gripper) if c.time_s <= t + 1e-9), None)
    return min(int(round(t * plan.fps)), len(plan.positions_rad) - 1) if command is None else command


def _grip(plan: RobotMotion, arm, told: GripperCommand | int, n: int) -> tuple[np.ndarray, float]:
    """Joint values of the fingers and the force of each."""
    if isinstance(told, GripperCommand):
        return arm.fingers.values(arm.finger_value(told.width_m)), told.force_n
    return plan.positions_rad[told, n:], arm.gripper.force_n
