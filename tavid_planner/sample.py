"""Sample: one of the K candidates of a plan, what plan.json says about it, and which of them is the best."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.report import PhysicsReport, Verdict
from tavid_planner.alignment import target_alignment
from tavid_planner.errors import TavidError
from tavid_planner.plan import EarlyLook, InteractionVideo, SampleScore
from tavid_planner.request import InteractionRequest
from tavid_planner.robot_stage import RobotPlan

if TYPE_CHECKING:
    from hoi_motion.lift.pipeline import Observation
    from hoi_motion.physics import RepairResult

TRUSTED_CHANCE = 0.6
"""At this share of the object's places a robot's plan counts as reliable; chosen on development cases, a higher share
predicts nothing more (docs/retargeting.md)."""
VERDICT_RANK = {Verdict.PASS: 2, Verdict.NOT_RUN: 1, Verdict.FAIL: 0}


@dataclass(frozen=True)
class Sample:
    """One of the K candidates on its way through the stages; a stage that failed leaves its error here.

    Attributes:
        observation: a hoi_motion.lift.pipeline.Observation of the video.
        lifted: the motion before the repair, if the repair changed something.
        missed: no hand touches the target in the video while one does in another sample's: not lifted.
        early: its alignment after the first steps, at which it may have been stopped.
        right_people: whether the right people act in the video; None where nobody is marked beside the actor.
    """

    seed: int
    video: InteractionVideo | None = None
    motion: HoiMotion | None = None
    report: PhysicsReport | None = None
    lifted: HoiMotion | None = None
    repair: "RepairResult | None" = None
    error: TavidError | None = None
    observation: "Observation | None" = None
    missed: bool = False
    robot: RobotPlan | None = None
    early: EarlyLook | None = None
    right_people: bool | None = None

    @property
    def over(self) -> bool:
        """Whether it needs no further stage."""
        return self.error is not None or self.missed or self.stopped

    @property
    def stopped(self) -> bool:
        return self.early is not None and bool(self.early.stopped) and not self.early.again


def choose(samples: list[Sample], request: InteractionRequest) -> Sample:
    """The best sample: by who acts, reliable success of the robot, verdict, touch, target alignment, margin, order.

    Alignments that round to the same twentieth count as equal: smaller differences are noise.

    Raises:
        TavidError: the first sample's error when no sample got through all stages.
    """
    whole = [s for s in samples if s.report is not None]
    if not whole:
        raise next(s.error for s in samples if s.error is not None)

    def rank(sample: Sample) -> tuple:
        s = score(sample, request)
        margin = -1.0 if s.margin is None else s.margin
        alignment = round(20 * (s.target_alignment or 0.0))
        trusted = (s.chance or 0.0) >= TRUSTED_CHANCE - 1e-9
        who = s.right_people is not False
        return who, trusted, bool(s.executed), VERDICT_RANK[s.verdict], bool(s.touches_target), alignment, margin

    return max(whole, key=rank)  # max keeps the first of equals


def is_good(sample: Sample, request: InteractionRequest) -> bool:
    """Whether it is good in every respect: it passes, the right people act, a hand touches the target, and the robot,
    if any, succeeded."""
    if sample.report is None:
        return False
    s = score(sample, request)
    people = s.right_people is not False
    return s.verdict is Verdict.PASS and people and bool(s.touches_target) and s.executed is not False


def without_misses(samples: list[Sample]) -> list[Sample]:
    """Mark the samples whose video misses the target, if there are others."""

    def touches(sample: Sample) -> bool:
        return not sample.over and bool(sample.observation.contacts)

    if not any(touches(s) for s in samples):
        return samples
    return [replace(s, missed=not s.over and not touches(s)) for s in samples]


def score(sample: Sample, request: InteractionRequest) -> SampleScore:
    """What plan.json says about one sample."""
    attention = sample.video.target_attention if sample.video is not None else None
    alignment = None if attention is None else target_alignment(attention[0], request.target_mask)
    early = sample.early
    if sample.error is not None:
        return SampleScore(sample.seed, Verdict.NOT_RUN, alignment, error=str(sample.error), early=early)
    if sample.stopped:
        return SampleScore(sample.seed, Verdict.NOT_RUN, alignment, error=early.stopped, early=early)
    if sample.missed:
        why = "not lifted: no hand touches the target in the video"
        return SampleScore(sample.seed, Verdict.NOT_RUN, alignment, touches_target=False, error=why, early=early)
    failed = tuple(c.name for c in sample.report.checks if c.verdict is Verdict.FAIL)
    touches, margin = touches_target(sample.motion), sample.report.margin
    verdict, robot = sample.report.verdict, sample.robot
    tried = {} if robot is None else {"executed": robot.done, "chance": robot.chance}
    tried["right_people"] = sample.right_people
    return SampleScore(sample.seed, verdict, alignment, failed, touches, margin, early=early, **tried)


def touches_target(motion: HoiMotion) -> bool:
    """Whether a hand is in contact with the target in any frame."""
    return motion.target is not None and any(c.object_name == motion.target.name for c in motion.contacts)
