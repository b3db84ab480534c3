"""execute: carry a robot's motion out in physics and say what became of the object."""

from collections.abc import Callable

from hoi_motion.execute.carrying import SETTLE_S, WAIT_S, Carrying
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.execution_world import ExecutionWorld
from hoi_motion.execute.feeling.felt import execute_felt
from hoi_motion.execute.feeling.search import Feeler
from hoi_motion.execute.task import Task
from hoi_motion.motion import HoiMotion
from hoi_motion.retarget.robot_motion import RobotMotion


def execute(
    plan: RobotMotion,
    arm,
    scene: HoiMotion,
    task: Task | None = None,
    noun: str = "",
    on_look: Callable[[ExecutionWorld, float, float], None] | None = None,
    feeler: Feeler | None = None,
) -> Execution:
    """Let an arm's motors follow a plan among free objects.

    How the plan was made does not matter: only joints, gripper commands and the base's pose are used. The scene need
    not be the one used for planning.

    Args:
        plan: of an arm; arm: the Arm that it is for.
        scene: objects as they are in its first frame, supports.
        task: what should happen; None takes what the person does to the plan's object in `scene`.
        noun: what the object is called ("mug"), for its mass.
        on_look: called at every look with the world, the time of the plans and the source motion's, seconds.
        feeler: feels for the object first and makes another plan where it was felt; None follows `plan`.

    Raises:
        InputError: FILE_INVALID for a plan of another robot or an object that the scene does not have.
    """
    with Carrying(feeler.motion if feeler else plan, arm, scene, task, noun, on_look) as carrying:
        if feeler:
            return execute_felt(carrying, feeler, arm)
        carrying.follow(plan, SETTLE_S, WAIT_S)
        return carrying.execution()
