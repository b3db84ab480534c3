"""The last stage of a plan, for who names a robot: its joint motion, and what physics says of it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.motion import HoiMotion
from hoi_motion.options import check_options, option
from hoi_motion.progress import CancelToken
from tavid_planner.request import TARGET_TOKEN

if TYPE_CHECKING:
    from hoi_motion.body import BodyModel
    from hoi_motion.execute.execution import Execution
    from hoi_motion.execute.robot_scene import RobotScene
    from hoi_motion.retarget.robot_motion import RobotMotion

# what another sample may do better
NOT_FOR_THIS_MOTION = {ErrorCode.UNREACHABLE, ErrorCode.FILE_INVALID}
MOST_NOUN_WORDS = 3


@dataclass(frozen=True)
class RobotStageConfig:
    """Which robot shall do what the person did."""

    name: str = option("", "robot that carries the plan out: a name that hoi-retarget --list shows, or a YAML file")
    urdf: str = option("", "URDF to take instead of the one that the robot's file names")
    execute: bool = option(True, "carry its motion out in physics; of several samples one that works is kept")
    film: bool = option(True, "film of that and a 3D scene in the bundle; a few seconds")

    def __post_init__(self):
        check_options(self, "robot.")


@dataclass(frozen=True)
class RobotPlan:
    """What a robot makes of a motion.

    Attributes:
        name: of the robot.
        motion: its joints over time; None when it cannot do what the person did.
        execution: what became of it in physics; None when it was not carried out.
        error: why there is no motion, in words.
    """

    name: str
    motion: "RobotMotion | None" = None
    execution: "Execution | None" = None
    error: str = ""

    @property
    def done(self) -> bool | None:
        """Whether the object was moved as the person moved it, in the scene as lifted; None when it was not tried."""
        if self.motion is None:
            return False
        return None if self.execution is None else self.execution.done

    @property
    def sentence(self) -> str:
        """In one line for a person."""
        if self.motion is None:
            return f"{self.name} cannot do it: {self.error}"
        if self.execution is None:
            return f"{self.name} has a motion of {len(self.motion.positions_rad)} samples, not carried out in physics"
        return self.execution.sentence()


class RobotStage:
    """A loaded robot that answers one motion after the other."""

    def __init__(self, config: RobotStageConfig):
        """Raises: RetargetError ROBOT_UNKNOWN; InputError CONFIG_INVALID for a broken robot file."""
        from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config

        self.config = config
        self._robot_config = load_robot_config(config.name, config.urdf)
        self.name = self._robot_config.name
        self._humanoid = isinstance(self._robot_config, HumanoidConfig)
        self._robot = None

    def answer(self, motion: HoiMotion, body: "BodyModel", noun: str, cancel: CancelToken) -> RobotPlan:
        """Joint motion for a person's motion, carried out if the profile says so and the robot is an arm.

        Args:
            body: the motion's; noun: what the target is called, for its mass.

        Raises:
            ControlError: CANCELLED.
            RetargetError: for a robot whose files are broken.
        """
        try:
            result = self._retargeted(motion, body, cancel)
        except TavidError as error:
            if error.code not in NOT_FOR_THIS_MOTION:
                raise
            return RobotPlan(self.name, error=error.message)
        if self._humanoid or not self.config.execute:
            return RobotPlan(self.name, result)
        from hoi_motion.execute.execute import execute

        cancel.raise_if_cancelled()
        return RobotPlan(self.name, result, execute(result, self._robot, motion, noun=noun))

    def scene(self, plan: RobotPlan, motion: HoiMotion, noun: str) -> "RobotScene":
        """The execution as a scene to look at, or the bare motion where nothing was carried out.

        Args:
            plan: with a motion; motion: what it was made of; noun: as in `answer`.
        """
        from hoi_motion.execute.recording import executed_scene, planned_scene

        if plan.execution is None:
            return planned_scene(plan.motion, self._robot, motion)
        return executed_scene(plan.motion, self._robot, motion, noun=noun)[1]

    def _retargeted(self, motion: HoiMotion, body: "BodyModel", cancel: CancelToken) -> "RobotMotion":
        if self._humanoid:
            from hoi_motion.retarget.humanoid.humanoid import Humanoid
            from hoi_motion.retarget.humanoid.motion import retarget_humanoid

            self._robot = self._robot or Humanoid(self._robot_config)
            return retarget_humanoid(motion, self._robot, body, cancel)
        from hoi_motion.retarget.arm.arm import Arm
        from hoi_motion.retarget.arm.trajectory import retarget_arm

        self._robot = self._robot or Arm(self._robot_config)
        return retarget_arm(motion, self._robot, body, cancel=cancel)


def target_noun(instruction: str) -> str:
    """The words behind [TGT] up to the next sign of punctuation, at most three; empty without [TGT]."""
    _, found, behind = instruction.partition(TARGET_TOKEN)
    words = re.match(r"[\w' -]*", behind).group().split() if found else []
    return " ".join(words[:MOST_NOUN_WORDS])
