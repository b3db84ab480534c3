"""The last stage of a plan, where a robot is named: its joint motion, and what physics says of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, TavidError, counted, shown
from hoi_motion.motion import HoiMotion
from hoi_motion.options import check_options, option
from hoi_motion.progress import CancelToken
from hoi_motion.reading.model_folder import folder_state
from tavid_planner.request import TARGET_TOKEN

if TYPE_CHECKING:
    from hoi_motion.body import BodyModel
    from hoi_motion.execute.execution import Execution
    from hoi_motion.execute.feeling.search import Feeler
    from hoi_motion.execute.robot_scene import RobotScene
    from hoi_motion.retarget.arm.arm import Arm
    from hoi_motion.retarget.robot_motion import RobotMotion

# what another sample may do better
NOT_FOR_THIS_MOTION = {ErrorCode.UNREACHABLE, ErrorCode.FILE_INVALID}
MOST_NOUN_WORDS = 3


@dataclass(frozen=True)
class RobotStageConfig:
    """Which robot does what the person did, and how that is tried."""

    name: str = option("", "robot that carries the plan out: a name that hoi-retarget --list shows, or a YAML file")
    urdf: str = option("", "URDF to take instead of the one that the robot's file names")
    start: str = option("", "where an arm stands: JOINT=RADIANS of every joint, with commas; empty: at its home")
    execute: bool = option(True, "carry its motion out in physics; of several samples one that works is kept")
    tries: bool = option(
        True,
        "also try it where the object may stand instead, until most places agree; takes three to five times as long",
    )
    wrist_noise_n: float = option(
        0.5,
        "noise of the force sensor with which a simulated arm feels for an object: standard deviation of each of 240 "
        "readings a second, per axis; its bias is not known either",
        minimum=0.0,
        maximum=10.0,
        unit="N",
    )
    film: bool = option(True, "film of that and a 3D scene in the bundle; a few seconds")

    def __post_init__(self):
        check_options(self, "robot.")
        self.start_rad()  # refused now, and not when the robot is wanted

    def start_rad(self) -> dict[str, float]:
        """Joint -> radians (metres where it slides); empty for the robot's home.

        Raises:
            InputError: CONFIG_INVALID for anything but numbers with names, each once.
        """
        told = [part.split("=") for part in self.start.split(",") if part.strip()]
        try:
            values = {name.strip(): float(value) for name, value in told}
        except ValueError:
            values = {}
        if len(values) < len(told) or not np.isfinite(list(values.values())).all():
            hint = "as 'panda_joint1=0.1, panda_joint2=-0.8', every joint once"
            raise InputError(ErrorCode.CONFIG_INVALID, f"option robot.start is {shown(self.start)}", hint)
        return values


@dataclass(frozen=True)
class RobotPlan:
    """What a robot makes of a motion.

    Attributes:
        name: of the robot.
        motion: its joints over time; None when it cannot do what the person did.
        execution: what became of it in physics; None when it was not carried out.
        error: why there is no motion, in words.
        beside: whether it works where the object may stand instead, a place each; empty where that was not tried.
        feeler: feels for the object before anything else; None where its distance is known, or it cannot.
        followed: the person's motion with another path of the object, where the instruction says another act than the
            video shows, and in a world that stands still, where the video's camera moves; None where the robot follows
            the plan's motion as it is.
    """

    name: str
    motion: "RobotMotion | None" = None
    execution: "Execution | None" = None
    error: str = ""
    beside: tuple[bool, ...] = ()
    feeler: "Feeler | None" = None
    followed: HoiMotion | None = None

    @property
    def done(self) -> bool | None:
        """Whether the object was moved as the person moved it, in the scene as lifted; None when it was not tried."""
        if self.motion is None:
            return False
        return None if self.execution is None else self.execution.done

    @property
    def chance(self) -> float | None:
        """Share of the equally likely places of the object at which it works; None when it was not tried."""
        if self.done is None:
            return None
        tries = (self.done, *self.beside)
        return sum(tries) / len(tries)

    @property
    def sentence(self) -> str:
        """In one line for a person."""
        if self.motion is None:
            return f"{self.name} cannot do it: {self.error}"
        changed = f"; {self.followed.notes[-1]}" if self.followed is not None else ""
        if self.motion.facts.get("obstacles_ignored"):
            changed += "; no way was found past what the depth image shows beside the object, so it is ignored"
        if self.execution is None:
            count = len(self.motion.positions_rad)
            return f"{self.name} has a motion of {counted(count, 'sample')}, not carried out in physics{changed}"
        tries = (self.execution.done, *self.beside)
        where = f"; it works at {sum(tries)} of {len(tries)} places where the object may stand" if self.beside else ""
        notes = "".join(f"; {note}" for note in self.execution.notes) if self.feeler else ""
        return self.execution.sentence() + notes + where + changed


class RobotStage:
    """A loaded robot that answers one motion after the other."""

    def __init__(self, config: RobotStageConfig):
        """Raises: RetargetError ROBOT_UNKNOWN; InputError CONFIG_INVALID for a broken robot file or a name that leads
        out of the bundle, whose files are called after it."""
        from hoi_motion.retarget.robots.config import HumanoidConfig, load_robot_config

        self.config = config
        self._robot_config = load_robot_config(config.name, config.urdf)
        self.name = self._robot_config.name
        if self.name != Path(self.name).name:
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"a robot's name is {shown(self.name)}", "give it a name without /"
            )
        self._humanoid = isinstance(self._robot_config, HumanoidConfig)
        self._robot, self._files = None, self._files_now()

    @property
    def is_current(self) -> bool:
        """Whether the robot's files are still those that were read."""
        return self._files == self._files_now()

    def _files_now(self) -> tuple:
        from hoi_motion.retarget.robots.config import robot_file

        return tuple(folder_state(Path(path)) for path in (robot_file(self.config.name), self._robot_config.urdf))

    def check_start(self, start_rad: dict[str, float] | None) -> None:
        """Check where a plan should start; a robot whose start nobody says is not loaded for it.

        Args:
            start_rad: as in `answer`.

        Raises:
            InputError: CONFIG_INVALID for joints that the arm lacks or that are left out, and for values beyond limits.
        """
        from hoi_motion.retarget.arm.trajectory import checked_start

        if not self._humanoid and (start_rad or self.config.start_rad()):
            checked_start(self._arm(), self._start_rad(start_rad))

    def answer(
        self,
        motion: HoiMotion,
        body: "BodyModel",
        noun: str,
        act: str,
        cancel: CancelToken,
        start_rad: dict[str, float] | None = None,
        obstacles: Sequence[np.ndarray] = (),
    ) -> RobotPlan:
        """Joint motion for a person's motion, carried out if the profile says so and the robot is an arm.

        Args:
            body: the motion's; noun: what the target is called, for its mass.
            act: what should happen by the instruction, one of hoi_motion.retarget.act.ACTS; empty if it does not say.
            start_rad: joint -> where an arm stands at the beginning, rad; None for the profile's; not for humanoids.
            obstacles: vertices (N, 3) of convex bodies that an arm avoids, in the motion's world.

        Raises:
            ControlError: CANCELLED.
            RetargetError: for a robot whose files are broken.
        """
        from hoi_motion.execute.feeling.search import Feeler
        from hoi_motion.ground.still_world import in_still_world
        from hoi_motion.retarget.act import with_act

        try:
            source = in_still_world(motion, body)
            source = source if self._humanoid else with_act(source, act, body)
            result, feeling = self._retargeted(source, body, cancel, start_rad, obstacles)
        except TavidError as error:
            if error.code not in NOT_FOR_THIS_MOTION:
                raise
            return RobotPlan(self.name, error=error.message)
        followed = None if source is motion else source
        feeler = None if feeling is None else Feeler(feeling, source, body, self.config.wrist_noise_n)
        if self._humanoid or not self.config.execute:
            return RobotPlan(self.name, result, feeler=feeler, followed=followed)
        from hoi_motion.execute.chance import tried_beside
        from hoi_motion.execute.execute import execute

        cancel.raise_if_cancelled()
        done = execute(result, self._robot, source, noun=noun, feeler=feeler)
        how = dict(noun=noun, feeler=feeler, cancel=cancel)
        beside = tried_beside(result, self._robot, source, done.done, **how) if self.config.tries else ()
        return RobotPlan(self.name, result, done, beside=beside, feeler=feeler, followed=followed)

    def scene(self, plan: RobotPlan, motion: HoiMotion, noun: str) -> "RobotScene":
        """The execution as a scene to look at, or the bare motion where nothing was carried out.

        Args:
            plan: with a motion; motion: the plan's; noun: as in `answer`.
        """
        from hoi_motion.execute.recording import executed_scene, planned_scene

        source = plan.followed or motion
        if plan.execution is None:
            return planned_scene(plan.motion, self._robot, source)
        return executed_scene(plan.motion, self._robot, source, noun=noun, feeler=plan.feeler)[1]

    def _retargeted(
        self,
        motion: HoiMotion,
        body: "BodyModel",
        cancel: CancelToken,
        start_rad: dict[str, float] | None,
        obstacles: Sequence[np.ndarray],
    ) -> "tuple[RobotMotion, RobotMotion | None]":
        """The robot's motion, and how it feels for the object."""
        if self._humanoid:
            from hoi_motion.retarget.humanoid.humanoid import Humanoid
            from hoi_motion.retarget.humanoid.motion import retarget_humanoid

            self._robot = self._robot or Humanoid(self._robot_config)
            return retarget_humanoid(motion, self._robot, body, cancel), None
        from hoi_motion.retarget.arm.unsure import unsure_arm

        how = dict(cancel=cancel, start_rad=self._start_rad(start_rad), obstacles=obstacles)
        answer = unsure_arm(motion, self._arm(), body, **how)
        return answer.plan, answer.feeling

    def _arm(self) -> "Arm":
        from hoi_motion.retarget.arm.arm import Arm

        self._robot = self._robot or Arm(self._robot_config)
        return self._robot

    def _start_rad(self, told: dict[str, float] | None) -> np.ndarray | None:  # (n,)
        """Where the arm stands, in its own order, as told or by the profile; None at its home.

        Raises:
            InputError: CONFIG_INVALID for joints that it lacks, or that are left out; values are checked by the arm.
        """
        start, names = told or self.config.start_rad(), self._arm().joint_names
        if start and set(start) != set(names):
            where = "robot_start_rad" if told else "option robot.start"
            wrong = f"{where} names {', '.join(sorted(start))}"
            raise InputError(ErrorCode.CONFIG_INVALID, wrong, f"{self.name} has {', '.join(names)}")
        return np.array([start[name] for name in names]) if start else None


def target_noun(instruction: str) -> str:
    """The words behind [TGT] up to the next sign of punctuation, at most three; empty without [TGT]."""
    _, found, behind = instruction.partition(TARGET_TOKEN)
    words = re.match(r"[\w' -]*", behind).group().split() if found else []
    return " ".join(words[:MOST_NOUN_WORDS])


def told_act(instruction: str) -> str:
    """The act that an instruction says: of the words before [TGT], without [TGT] of all; empty where it says none."""
    from hoi_motion.retarget.act import act_of

    return act_of(instruction.partition(TARGET_TOKEN)[0])
