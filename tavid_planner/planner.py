"""The planner: a request goes in, the best of K generated, lifted and checked interactions comes out."""

import logging
import time
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hoi_motion.options import to_mapping
from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import PlannerConfig, VideoConfig, load_profile, resolve_model
from tavid_planner.errors import ErrorCode, LiftError, TavidError, VideoError
from tavid_planner.instances import check_somebody_is_marked, other_people
from tavid_planner.others import hands_seen
from tavid_planner.plan import InteractionPlan, InteractionVideo
from tavid_planner.provenance import machine_provenance
from tavid_planner.request import InteractionRequest
from tavid_planner.robot_stage import RobotStage, target_noun, told_act
from tavid_planner.sample import Sample, choose, is_good, score, without_misses
from tavid_planner.video.model_files import check_folders_exist, model_state

if TYPE_CHECKING:
    import numpy as np

    from hoi_motion.body import BodyModel
    from hoi_motion.lift import Clip
    from hoi_motion.motion import HoiMotion

log = logging.getLogger(__name__)

STAGES = ("load", "video", "lift", "check", "robot")
SEED_LIMIT = 2**63
# errors that another seed may avoid; a missing model or a bad mask is the same for every seed
FAILURES_OF_ONE_SAMPLE = {
    ErrorCode.GENERATION_FAILED,
    ErrorCode.NO_ACTOR,
    ErrorCode.NO_TARGET_TRACK,
    ErrorCode.FIT_DIVERGED,
    ErrorCode.CHECK_NOT_RUN,
}
LOST_PERSON = "the video model lost the person: try more samples, or a model trained on such pictures"
# shares of a stage's time that its parts take, for progress
PARTS = {"keypoints": (0.0, 0.8), "object": (0.8, 1.0)}


class Planner:
    """Keeps the models loaded between plans. One plan at a time; not thread-safe.

    Attributes:
        config: the profile, fixed for the life of the planner.
    """

    def __init__(self, config: PlannerConfig | None = None):
        self.config = config if config is not None else load_profile("mini")
        self._pipeline = None
        self._loaded_from = ()
        self._body = None
        self._robot = None

    @property
    def loaded(self) -> bool:
        return self._pipeline is not None

    def load(self, on_progress: OnProgress = silent, cancel: CancelToken | None = None) -> None:
        """Load the video model and the body, unless they are loaded and their files are as they were then.

        Raises:
            VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
            LiftError: BODY_MODEL_MISSING.
            InputError: CONFIG_INVALID, FILE_INVALID for what the lift is told to look with.
            ControlError: CANCELLED.
        """
        files = model_state(self.config.video)
        if self.loaded and files == self._loaded_from:
            self._body = self._load_body()  # which is the same one while its file is
            return
        if self.loaded:  # other weights under the same name
            self.unload()
        check_folders_exist(resolve_model(self.config.video.base), resolve_model(self.config.video.adapter))
        from hoi_motion.keypoints.sources import keypoint_source
        from hoi_motion.lift.track.sources import track_source

        keypoint_source(self.config.lift.keypoints)  # what the lift lacks is reported before a video is made for it
        track_source(self.config.lift.track)
        from tavid_planner.video import load_pipeline

        cancel = cancel or CancelToken()
        with _memory_errors():
            on_progress("load", 0.0)
            cancel.raise_if_cancelled()
            self._body = self._load_body()
            on_progress("load", 0.2)
            cancel.raise_if_cancelled()

            def loading(stage: str, fraction: float) -> None:
                on_progress(stage, 0.2 + 0.8 * fraction)

            self._pipeline = load_pipeline(self.config.video, loading, cancel)
            self._loaded_from = files
            on_progress("load", 1.0)

    def _load_body(self) -> "BodyModel":
        from hoi_motion.body import load_body

        return load_body(self.config.lift.body_model)

    def unload(self) -> None:
        """Free the memory of the models."""
        import gc
        import sys

        self._pipeline = self._body = None
        torch, bodies = sys.modules.get("torch"), sys.modules.get("hoi_motion.body")
        if bodies is not None:
            bodies.forget_bodies()
        gc.collect()
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def plan(
        self, request: InteractionRequest, on_progress: OnProgress = silent, cancel: CancelToken | None = None
    ) -> InteractionPlan:
        """Answer one request.

        Args:
            on_progress: called with the stages load, video, lift and check, and robot where one is named.
            cancel: checked between the steps of every stage.

        Raises:
            TavidError: of the stage that failed; with K samples, the first error if none gets through.
        """
        run = _Run(on_progress, cancel or CancelToken())
        robot = self._named_robot(request)  # a wrong name or start is reported before any work
        if request.actor_mask is not None:
            check_somebody_is_marked(request.rgb, request.actor_mask, cancel=run.cancel)
        with _memory_errors():
            with run.stage("load"):
                self.load(run.on_progress, run.cancel)
            seeds = [(request.seed + k) % SEED_LIMIT for k in range(request.samples)]
            samples = self._answers(request, seeds, self.config.video, robot, run)
            if self.config.video.early_again and not any(is_good(s, request) for s in samples):
                samples = self._taken_up_again(request, samples, robot, run)
            best = choose(samples, request)
            return self._assemble(request, samples, best, robot, run)

    def _answers(
        self, request: InteractionRequest, seeds: list[int], video: VideoConfig, robot: RobotStage | None, run: "_Run"
    ) -> list[Sample]:
        """One sample per seed, through all stages."""
        videos = self._generate(request, seeds, video, run)
        motions = self._lift(request, videos, run)
        samples = self._check(motions, run)
        return self._robot_stage(request, samples, robot, run)

    def _taken_up_again(
        self, request: InteractionRequest, samples: list[Sample], robot: RobotStage | None, run: "_Run"
    ) -> list[Sample]:
        """The samples, with those that stopped early now completed; a seed gives the same video as before."""
        stopped = {s.seed: s.early for s in samples if s.stopped}
        if not stopped:
            return samples
        log.info("none of the samples that continued is good: the %d that stopped are resumed", len(stopped))
        whole = replace(self.config.video, early_steps=0)
        try:
            answers = self._answers(request, list(stopped), whole, robot, run)
        except TavidError as error:
            if error.code not in FAILURES_OF_ONE_SAMPLE:
                raise
            # none of them worked: the others may still become a plan
            answers = [Sample(seed, error=error) for seed in stopped]
        again = {s.seed: s for s in answers}
        looks = {seed: replace(early, again=True) for seed, early in stopped.items()}
        return [replace(again[s.seed], early=looks[s.seed]) if s.stopped else s for s in samples]

    def _generate(self, request: InteractionRequest, seeds: list[int], video: VideoConfig, run: "_Run") -> list[Sample]:
        from tavid_planner.video import generate_videos

        with run.stage("video"):
            run.on_progress("video", 0.0)
            made = generate_videos(
                self._pipeline, request, video, seeds, on_progress=run.on_progress, cancel=run.cancel
            )
            run.on_progress("video", 1.0)
        return [Sample(one.seed, one.video, error=one.error, early=one.early) for one in made]

    def _lift(self, request: InteractionRequest, samples: list[Sample], run: "_Run") -> list[Sample]:
        from hoi_motion.lift import lift_video

        how = dict(config=self.config.lift, cancel=run.cancel)
        known = request.known

        def observe(sample: Sample, on_progress: OnProgress) -> Sample:
            clip = clip_of(request, sample.video)
            seen, people = hands_seen(request, clip, self.config.lift, on_progress, run.cancel)
            return replace(sample, observation=seen, right_people=people)

        def lift(sample: Sample, on_progress: OnProgress) -> Sample:
            clip, seen = clip_of(request, sample.video), sample.observation
            motion = lift_video(clip, known=known, body=self._body, observation=seen, on_progress=on_progress, **how)
            return replace(sample, motion=motion, observation=None)

        seen = run.each("lift", observe, samples, span=(0.0, 0.5))
        return run.each("lift", lift, without_misses(seen), span=(0.5, 1.0))

    def _check(self, samples: list[Sample], run: "_Run") -> list[Sample]:
        def check(sample: Sample, on_progress: OnProgress) -> Sample:
            how = dict(body=self._body, on_progress=on_progress, cancel=run.cancel)
            if self.config.check.repair:
                from hoi_motion.physics import repair_motion

                result = repair_motion(sample.motion, self.config.check, **how)
                lifted = None if result.motion is sample.motion else sample.motion
                return replace(sample, motion=result.motion, report=result.report, lifted=lifted, repair=result)
            from hoi_motion.physics import check_motion

            return replace(sample, report=check_motion(sample.motion, self.config.check, **how))

        return run.each("check", check, samples)

    def _named_robot(self, request: InteractionRequest) -> RobotStage | None:
        """The robot of the request, else of the profile."""
        name = request.robot or self.config.robot.name
        if not name:
            return None
        urdf = self.config.robot.urdf if name == self.config.robot.name else ""
        wanted = replace(self.config.robot, name=name, urdf=urdf)
        if self._robot is None or self._robot.config != wanted or not self._robot.is_current:
            self._robot = RobotStage(wanted)
        self._robot.check_start(request.robot_start_rad)
        return self._robot

    def _robot_stage(
        self, request: InteractionRequest, samples: list[Sample], robot: RobotStage | None, run: "_Run"
    ) -> list[Sample]:
        if robot is None:
            return samples
        noun, act = target_noun(request.prompt), told_act(request.instruction)

        def answer(sample: Sample, on_progress: OnProgress) -> Sample:
            beside = obstacles_in(clip_of(request, sample.video), sample.motion, self._body)
            how = (noun, act, run.cancel, request.robot_start_rad, beside)
            return replace(sample, robot=robot.answer(sample.motion, self._body, *how))

        return run.each("robot", answer, samples)

    def _assemble(
        self,
        request: InteractionRequest,
        samples: list[Sample],
        best: Sample,
        robot: RobotStage | None,
        run: "_Run",
    ) -> InteractionPlan:
        provenance = machine_provenance() | {
            "profile": to_mapping(self.config),
            "video": best.video.provenance,
            "body_model": best.motion.body_model,
            "chosen_seed": best.seed,
        }
        return InteractionPlan(
            request=request,
            video=best.video,
            motion=best.motion,
            report=best.report,
            samples=tuple(score(s, request) for s in samples),
            timings_s={stage: round(run.timings_s[stage], 3) for stage in STAGES if stage in run.timings_s},
            provenance=provenance,
            body=self._body,
            lifted=best.lifted,
            repair=best.repair,
            robot=best.robot,
            robot_stage=robot,
            film=self.config.bundle.film,
        )


def clip_of(request: InteractionRequest, video: InteractionVideo) -> "Clip":
    """The input of the lift: a video with what the request knows about its first frame."""
    import numpy as np

    from hoi_motion.lift import Clip

    # a thing stays as it is: a hand that passes in front of it would vanish with it
    others = [person.mask for person in other_people(request.instances)]
    return Clip(
        video.frames,
        video.fps,
        request.target_mask,
        request.actor_mask,
        request.intrinsics,
        request.depth_m,
        target_noun(request.prompt),
        np.any(others, axis=0) if others else None,
        request.intrinsics_source,
    )


def obstacles_in(clip: "Clip", motion: "HoiMotion", body: "BodyModel") -> tuple["np.ndarray", ...]:
    """What a robot keeps clear of besides what the motion has; nothing without a depth image."""
    if clip.depth_m is None:
        return ()
    from hoi_motion.retarget.obstacles import seen_obstacles

    return seen_obstacles(motion, clip.depth_m, clip.target_mask, body)


class _Run:
    """Timing, progress and cancellation of one plan."""

    def __init__(self, on_progress: OnProgress, cancel: CancelToken):
        self.on_progress = on_progress
        self.cancel = cancel
        self.timings_s: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str):
        self.cancel.raise_if_cancelled()
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings_s[name] = self.timings_s.get(name, 0.0) + time.perf_counter() - start

    def each(self, stage: str, step, samples: Iterable[Sample], span=(0.0, 1.0)) -> list[Sample]:
        """Apply a step of a stage to every sample that got this far; progress covers the step's span once."""
        samples = list(samples)
        errors = [s.error for s in samples if s.error is not None]
        stopped = sum(s.stopped for s in samples)
        if len(errors) + stopped == len(samples):
            if stopped:
                return samples  # these may still be resumed
            raise errors[0]  # no sample is left: the plan ends with the previous stage
        with self.stage(stage):
            edges = [span[0] + (span[1] - span[0]) * k / len(samples) for k in range(len(samples) + 1)]
            self.on_progress(stage, edges[0])
            done = [self._one(stage, step, s, start, end) for s, start, end in zip(samples, edges, edges[1:])]
            self.on_progress(stage, edges[-1])
        return done

    def _one(self, stage: str, step, sample: Sample, start: float, end: float) -> Sample:
        if sample.over:
            return sample
        self.cancel.raise_if_cancelled()

        def on_progress(part: str, fraction: float) -> None:
            low, high = PARTS.get(part, (0.0, 1.0))
            self.on_progress(stage, start + (end - start) * (low + (high - low) * fraction))

        try:
            return step(sample, on_progress)
        except TavidError as error:
            if error.code not in FAILURES_OF_ONE_SAMPLE:
                raise
            if error.code == ErrorCode.NO_ACTOR:  # whoever asks sees a person in their picture
                error = LiftError(error.code, f"in the generated video: {error.message}", LOST_PERSON)
            log.info("sample with seed %d failed in stage %s: %s", sample.seed, stage, error)
            return replace(sample, error=error)


@contextmanager
def _memory_errors():
    try:
        yield
    except MemoryError as error:
        raise VideoError(
            ErrorCode.OUT_OF_MEMORY,
            "the machine ran out of memory",
            "use fewer samples, a smaller frame size, or video.memory=model or sequential",
        ) from error
