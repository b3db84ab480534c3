"""InteractionVideo and InteractionPlan: the planner's output. `bundle` saves a plan to disk."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.errors import counted
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.report import PhysicsReport, Verdict
from tavid_planner.errors import ErrorCode, TavidError, VideoError
from tavid_planner.others import hands_over
from tavid_planner.request import InteractionRequest

if TYPE_CHECKING:
    from hoi_motion.body import BodyModel, PosedBody
    from hoi_motion.physics import RepairResult
    from tavid_planner.robot_stage import RobotPlan, RobotStage

REPAIR_WORDS = {"REPAIRED": "repaired", "BEYOND_LIMIT": "not repaired", "NOT_REPAIRED": "not repaired"}


@dataclass(frozen=True)
class InteractionVideo:
    """A generated clip.

    Attributes:
        frames: (T, H, W, 3) uint8, in the request's pixels.
        fps: frames per second.
        target_attention: (T', h, w) float32 in 0..1, attention of the video's tokens to the [TGT] word, or None when it
            was not captured.
        provenance: model, adapter, their digests, seed, steps, sizes, device.
    """

    frames: np.ndarray  # (T, H, W, 3)
    fps: float
    target_attention: np.ndarray | None = None  # (T', h, w)
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        frames = checked_array(self.frames, "video frames", ("T", "H", "W", 3), np.uint8, ErrorCode.GENERATION_FAILED)
        object.__setattr__(self, "frames", frames)
        if not (len(frames) > 1 and np.isfinite(self.fps) and self.fps > 0):
            raise VideoError(
                ErrorCode.GENERATION_FAILED, f"the video has {counted(len(frames), 'frame')} at {self.fps} fps"
            )
        if self.target_attention is not None:
            attention = checked_array(
                self.target_attention, "target attention", ("T", "h", "w"), np.float32, ErrorCode.GENERATION_FAILED
            )
            object.__setattr__(self, "target_attention", attention)


@dataclass(frozen=True)
class EarlyLook:
    """Alignment of a sample after its first steps.

    Attributes:
        step, steps: the step at which it was measured, of how many.
        alignment: 0..1, share of the first frame's attention to the target word that falls on the target mask.
        stopped: why the sample was stopped; empty if it continued.
        again: whether it was resumed, because none of those that continued is good.
    """

    step: int
    steps: int
    alignment: float
    stopped: str = ""
    again: bool = False


@dataclass(frozen=True)
class Generated:
    """The outcome of one seed: a video, an error, or an early stop."""

    seed: int
    video: InteractionVideo | None = None
    error: TavidError | None = None
    early: EarlyLook | None = None


@dataclass(frozen=True)
class SampleScore:
    """Scores of one of the K samples.

    Attributes:
        target_alignment: 0..1, share of the target attention that falls on the mask; None when not captured.
        margin: of the tightest check (CheckResult.margin); negative if it failed.
        error: code and message when the sample could not be lifted or checked, or why it was not lifted, else "".
        executed: whether the robot moved the object in simulation; None without a robot or if it was not tried.
        early: its alignment after the first steps; None if not measured.
        chance: share of the object's possible places from which the robot succeeds; None as for `executed`.
        right_people: whether nobody else takes the target, or the one who is handed it; None where nobody is marked
            beside the actor.
    """

    seed: int
    verdict: Verdict
    target_alignment: float | None
    failed_checks: tuple[str, ...] = ()
    touches_target: bool | None = None
    margin: float | None = None
    error: str = ""
    executed: bool | None = None
    early: EarlyLook | None = None
    chance: float | None = None
    right_people: bool | None = None


@dataclass(frozen=True)
class InteractionPlan:
    """One answered request: video, 3D motion, verdict, and provenance.

    Attributes:
        motion: the checked motion, after the repair if there was one; body: its body.
        timings_s: seconds per stage, in order: load, video, lift, check.
        provenance: versions, profile, model digests, body model, machine.
        lifted: the motion as lifted, when the repair changed something; None when `motion` is that.
        repair: the outcome of the repair, None when the profile asks for none.
        robot: the robot's plan for the motion, None without a robot; robot_stage: the loaded robot, for a film.
        film: whether the bundle includes a film.
    """

    request: InteractionRequest
    video: InteractionVideo
    motion: HoiMotion
    report: PhysicsReport
    samples: tuple[SampleScore, ...]
    timings_s: dict[str, float]
    provenance: dict
    body: "BodyModel"
    lifted: HoiMotion | None = None
    repair: "RepairResult | None" = None
    robot: "RobotPlan | None" = None
    robot_stage: "RobotStage | None" = None
    film: bool = True

    @property
    def verdict(self) -> Verdict:
        return self.report.verdict

    @property
    def people_words(self) -> str:
        """That the wrong people act in the video, in words; empty where nothing shows it."""
        chosen = [s.right_people for s in self.samples if s.seed == self.provenance.get("chosen_seed")]
        if False not in chosen:
            return ""
        if hands_over(self.request.instruction):
            return "nobody is seen to take the target from the actor's hand"
        return "somebody other than the actor is seen to take the target"

    @property
    def repair_words(self) -> str:
        """What the repair moved and by how much, or why it failed; empty when nothing had to be moved."""
        if self.repair is None or self.repair.outcome not in REPAIR_WORDS:
            return ""
        return f"{REPAIR_WORDS[self.repair.outcome]}: {self.repair.reason}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons in the report, what the repair did, what the robot does; of a PASS, last what was not checked."""
        robot = "" if self.robot is None else self.robot.sentence
        told = filter(None, [self.people_words, self.repair_words, robot])
        return (*self.report.reasons, *told, *(self.report.coverage if self.verdict is Verdict.PASS else ()))

    @cached_property
    def still_motion(self) -> HoiMotion:
        """The motion in a world that stands still: without what the video's camera does."""
        from hoi_motion.ground.still_world import in_still_world

        return in_still_world(self.motion, self.body)

    @cached_property
    def posed(self) -> "PosedBody":
        """The body posed in every frame of the motion, for drawing."""
        from hoi_motion.body import PosedBody

        return PosedBody(self.body, self.motion)

    @cached_property
    def still_posed(self) -> "PosedBody":
        """The body posed in every frame of the motion in the world that stands still."""
        from hoi_motion.body import PosedBody

        return self.posed if self.still_motion is self.motion else PosedBody(self.body, self.still_motion)
