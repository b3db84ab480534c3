"""InteractionVideo and InteractionPlan: what flows out of the planner. `bundle` puts a plan on disk."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.report import PhysicsReport, Verdict
from tavid_planner.errors import ErrorCode, TavidError, VideoError
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
        target_attention: (T', h, w) float32 in 0..1, where the video's tokens look at the [TGT] word, or None when
            it was not captured.
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
            raise VideoError(ErrorCode.GENERATION_FAILED, f"the video has {len(frames)} frames at {self.fps} fps")
        if self.target_attention is not None:
            attention = checked_array(
                self.target_attention, "target attention", ("T", "h", "w"), np.float32, ErrorCode.GENERATION_FAILED
            )
            object.__setattr__(self, "target_attention", attention)


@dataclass(frozen=True)
class EarlyLook:
    """What the first steps said of a sample.

    Attributes:
        step, steps: after which of how many it was looked at.
        alignment: 0..1, share of the first frame's attention to the target word that falls on the target.
        stopped: why the sample did not go on; empty when it did.
        again: whether it was taken up again, because none of those that went on is good.
    """

    step: int
    steps: int
    alignment: float
    stopped: str = ""
    again: bool = False


@dataclass(frozen=True)
class Generated:
    """What became of one seed: a video, an error of its own, or a look after which it stopped."""

    seed: int
    video: InteractionVideo | None = None
    error: TavidError | None = None
    early: EarlyLook | None = None


@dataclass(frozen=True)
class SampleScore:
    """How one of the K samples did.

    Attributes:
        target_alignment: 0..1, share of the target attention that falls on the mask; None when not captured.
        margin: how far the tightest check is from its limit, in limits; negative when it failed.
        error: code and message when the sample could not be lifted or checked, or why it was not lifted, else "".
        executed: whether the robot moved the object in physics; None when no robot was asked for or it was not tried.
        early: what the first steps of the video said of it; None when nobody looked.
        chance: share of the places where the object may stand at which it does; None as for `executed`.
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


@dataclass(frozen=True)
class InteractionPlan:
    """One answered request: video, 3D motion, verdict, and where all of it came from.

    Attributes:
        motion: what the report speaks of, after the repair if there was one; body: the body it belongs to.
        timings_s: seconds a stage, in order: load, video, lift, check.
        provenance: versions, profile, model digests, body model, machine.
        lifted: the motion as the video shows it, when the repair moved something; None when `motion` is that.
        repair: what became of the repair, None when the profile asks for none.
        robot: what the robot makes of the motion, None when none was named; robot_stage: the loaded robot, for a film.
        film: whether the bundle shows the plan as a film.
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
    def repair_words(self) -> str:
        """What the repair moved and by how much, or why it did not; empty when nothing had to be moved."""
        if self.repair is None or self.repair.outcome not in REPAIR_WORDS:
            return ""
        return f"{REPAIR_WORDS[self.repair.outcome]}: {self.repair.reason}"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the report, what the repair did, and what the robot does."""
        robot = "" if self.robot is None else self.robot.sentence
        return (*self.report.reasons, *filter(None, [self.repair_words, robot]))

    @cached_property
    def posed(self) -> "PosedBody":
        """The body in every frame of the motion, for everybody who draws it."""
        from hoi_motion.body import PosedBody

        return PosedBody(self.body, self.motion)
