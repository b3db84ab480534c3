"""The order of the stages and the choice among samples, with stages that answer at once."""

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

import hoi_motion.body
import hoi_motion.lift
from hoi_motion.lift.clip import Clip
from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict
from hoi_motion.progress import CancelToken, part_of
from tavid_planner import planner as planner_module
from tavid_planner.config import PlannerConfig, with_options
from tavid_planner.errors import ControlError, ErrorCode, InputError, LiftError, TavidError, VideoError
from tavid_planner.instances import Instance
from tavid_planner.plan import EarlyLook, Generated
from tavid_planner.planner import Planner, clip_of
from tavid_planner.request import InteractionRequest

AS_LIFTED = PlannerConfig(check=CheckConfig(repair=False))


def report_of(verdict: Verdict) -> PhysicsReport:
    value = None if verdict is Verdict.NOT_RUN else 1.0
    return PhysicsReport((CheckResult("floating", verdict, value, 2.0, "m", 0, "because"),))


def one_by_one(generate):
    """`generate_videos` made of a function for one seed."""

    def generate_videos(pipeline, request, config, seeds, on_progress, cancel):
        parts = [part_of(on_progress, k / len(seeds), (k + 1) / len(seeds)) for k in range(len(seeds))]
        made = [generate(pipeline, request, config, seed, part, cancel) for seed, part in zip(seeds, parts)]
        return [Generated(seed, clip) for seed, clip in zip(seeds, made)]

    return generate_videos


@pytest.fixture
def stages(monkeypatch, video, motion):
    """Modules in place of video, lift, check and body; a test replaces their functions."""

    def module(name: str, **functions):
        fake = types.ModuleType(name)
        for key, function in functions.items():
            setattr(fake, key, function)
        monkeypatch.setitem(sys.modules, name, fake)
        return fake

    loads = []
    return types.SimpleNamespace(
        loads=loads,
        body=module(
            "hoi_motion.body",
            __path__=hoi_motion.body.__path__,
            load_body=lambda path: f"body {path}",
            forget_bodies=lambda: None,
        ),
        video=module(
            "tavid_planner.video",
            load_pipeline=lambda config, on_progress, cancel: loads.append(config) or "pipeline",
            generate_videos=one_by_one(lambda *args: video),
        ),
        lift=module(
            "hoi_motion.lift",
            __path__=hoi_motion.lift.__path__,
            Clip=Clip,
            observe_clip=lambda *args, **kwargs: types.SimpleNamespace(contacts=motion.contacts),
            lift_video=lambda *args, **kwargs: motion,
        ),
        check=module("hoi_motion.physics", check_motion=lambda *args, **kwargs: report_of(Verdict.PASS)),
    )


@pytest.mark.parametrize("option", ["base", "adapter"])
def test_a_missing_model_folder_is_named_before_anything_is_loaded(stages, option):
    stages.body.load_body = lambda path: pytest.fail("torch is imported for the body")
    with pytest.raises(VideoError, match="folder /nowhere/model does not exist") as caught:
        Planner(with_options(AS_LIFTED, [f"video.{option}=/nowhere/model"])).load()
    assert caught.value.code is ErrorCode.MODEL_MISSING and not stages.loads


@pytest.mark.parametrize(
    "option, code",
    [
        ("keypoints=nope", ErrorCode.CONFIG_INVALID),
        ("keypoints=nope.npz", ErrorCode.FILE_INVALID),
        ("keypoints=vitpose:/nowhere", ErrorCode.MODEL_MISSING),
        ("track=/nowhere", ErrorCode.FILE_INVALID),
    ],
)
def test_what_the_lift_lacks_is_named_before_a_video_is_made_for_it(stages, make_request, option, code):
    with pytest.raises(TavidError) as caught:
        Planner(with_options(AS_LIFTED, [f"lift.{option}"])).plan(make_request())
    assert caught.value.code is code and not stages.loads


def test_a_plan_holds_what_the_stages_gave(stages, make_request, video, motion):
    plan = Planner(AS_LIFTED).plan(make_request())
    assert plan.video is video and plan.motion is motion and plan.verdict is Verdict.PASS
    assert list(plan.timings_s) == ["load", "video", "lift", "check"]
    assert plan.provenance["profile"]["name"] == "mini"
    assert plan.provenance["body_model"] == "anny-free"
    assert plan.provenance["video"] == video.provenance
    assert {"versions", "machine", "created"} <= set(plan.provenance)


def test_the_stages_get_the_request_and_the_profile(stages, make_request, motion):
    seen = {}

    def lift(clip, **options):
        seen.update(options, clip=clip)
        return motion

    def check(checked, config, *, body, **options):
        seen.update(check_config=config, body=body)
        return report_of(Verdict.PASS)

    stages.lift.lift_video, stages.check.check_motion = lift, check
    config, request = (
        AS_LIFTED,
        make_request(intrinsics=[[90, 0, 48], [0, 90, 32], [0, 0, 1]], intrinsics_source="EXIF"),
    )
    Planner(config).plan(request)
    assert (seen["clip"].target_mask == request.target_mask).all()
    assert (seen["clip"].intrinsics == request.intrinsics).all() and seen["clip"].intrinsics_source == "EXIF"
    assert seen["config"] is config.lift and seen["check_config"] is config.check and seen["body"] == "body "


def test_a_repaired_motion_is_the_plans_and_the_plan_says_so(stages, make_request, motion):
    mended = motion.replace(fps=motion.fps)
    result = types.SimpleNamespace(
        motion=mended, report=report_of(Verdict.PASS), outcome="REPAIRED", reason="fixed floating: moved body"
    )
    stages.check.repair_motion = lambda *args, **kwargs: result
    plan = Planner(PlannerConfig()).plan(make_request())
    assert plan.motion is mended and plan.lifted is motion and plan.repair is result
    assert plan.repair_words == "repaired: fixed floating: moved body" and plan.repair_words in plan.reasons
    assert plan.reasons[0] == plan.report.reasons[0] and plan.reasons[-1] == plan.report.coverage[-1]
    as_lifted = Planner(AS_LIFTED).plan(make_request())
    assert as_lifted.motion is motion and as_lifted.lifted is as_lifted.repair is None


def test_a_motion_that_needed_no_repair_is_kept_once_and_nothing_is_said(stages, make_request, motion):
    result = types.SimpleNamespace(motion=motion, report=report_of(Verdict.PASS), outcome="NOT_NEEDED", reason="fine")
    stages.check.repair_motion = lambda *args, **kwargs: result
    plan = Planner(PlannerConfig()).plan(make_request())
    assert plan.motion is motion and plan.lifted is None and plan.repair_words == ""


def test_models_are_loaded_once_and_given_back(stages, make_request):
    planner = Planner(AS_LIFTED)
    assert not planner.loaded
    planner.plan(make_request())
    planner.plan(make_request())
    assert planner.loaded and len(stages.loads) == 1
    planner.unload()
    assert not planner.loaded
    planner.plan(make_request())
    assert len(stages.loads) == 2


def test_samples_have_consecutive_seeds_that_wrap(stages, make_request, video):
    seeds = []

    def generate(pipeline, request, config, seed, on_progress, cancel):
        seeds.append(seed)
        return video

    stages.video.generate_videos = one_by_one(generate)
    Planner(AS_LIFTED).plan(make_request(seed=2**63 - 1, samples=3))
    assert seeds == [2**63 - 1, 0, 1]


def test_a_sample_that_stopped_early_costs_no_stage_and_its_score_says_why(stages, make_request, video):
    looks = [EarlyLook(1, 4, 0.2, "stopped after step 1 of 4: ..."), EarlyLook(1, 4, 0.6)]
    stages.video.generate_videos = lambda pipeline, request, config, seeds, on_progress, cancel: [
        Generated(seeds[0], early=looks[0]),
        Generated(seeds[1], video, early=looks[1]),
    ]
    observed, observe = [], stages.lift.observe_clip
    stages.lift.observe_clip = lambda *args, **how: observed.append(1) or observe(*args, **how)
    plan = Planner(AS_LIFTED).plan(make_request(seed=5, samples=2))
    assert len(observed) == 1 and plan.provenance["chosen_seed"] == 6
    assert [s.early for s in plan.samples] == looks
    assert plan.samples[0].error == looks[0].stopped and plan.samples[0].verdict is Verdict.NOT_RUN


@pytest.mark.parametrize("first", ["fails its check", "cannot be generated"])
def test_when_none_that_went_on_is_good_those_that_stopped_are_taken_up_again(stages, make_request, video, first):
    asked = []

    def generate(pipeline, request, config, seeds, on_progress, cancel):
        asked.append((config.early_steps, seeds))
        if config.early_steps == 0:
            return [Generated(seed, video) for seed in seeds]
        error = VideoError(ErrorCode.GENERATION_FAILED, "NaN") if first == "cannot be generated" else None
        went_on = Generated(seeds[1], None if error else video, error, EarlyLook(1, 4, 0.6))
        return [Generated(seeds[0], early=EarlyLook(1, 4, 0.2, "stopped")), went_on]

    stages.video.generate_videos = generate
    verdicts = iter([Verdict.FAIL, Verdict.PASS] if first == "fails its check" else [Verdict.PASS])
    stages.check.check_motion = lambda *args, **kwargs: report_of(next(verdicts))
    config = with_options(AS_LIFTED, ["video.early_steps=1"])
    plan = Planner(config).plan(make_request(seed=5, samples=2))
    assert asked == [(1, [5, 6]), (0, [5])]
    assert plan.provenance["chosen_seed"] == 5 and plan.samples[0].early == EarlyLook(1, 4, 0.2, "stopped", again=True)


def test_a_plan_that_fails_its_check_stays_when_those_that_stopped_cannot_be_made_either(stages, make_request, video):
    def generate(pipeline, request, config, seeds, on_progress, cancel):
        if config.early_steps:
            return [Generated(seeds[0], early=EarlyLook(1, 4, 0.2, "stopped")), Generated(seeds[1], video)]
        return [Generated(seed, error=VideoError(ErrorCode.GENERATION_FAILED, "NaN")) for seed in seeds]

    stages.video.generate_videos = generate
    stages.check.check_motion = lambda *args, **kwargs: report_of(Verdict.FAIL)
    plan = Planner(with_options(AS_LIFTED, ["video.early_steps=1"])).plan(make_request(samples=2))
    assert plan.verdict is Verdict.FAIL and "NaN" in plan.samples[0].error


def test_when_none_gets_through_the_first_error_is_the_plan_s(stages, make_request):
    def generate(pipeline, request, config, seeds, on_progress, cancel):
        errors = [VideoError(ErrorCode.GENERATION_FAILED, f"NaN of {seed}") for seed in seeds]
        if config.early_steps:
            return [Generated(seeds[0], early=EarlyLook(1, 4, 0.2, "stopped")), Generated(seeds[1], error=errors[1])]
        return [Generated(seed, error=error) for seed, error in zip(seeds, errors)]

    stages.video.generate_videos = generate
    with pytest.raises(VideoError, match="NaN of 7"):
        Planner(with_options(AS_LIFTED, ["video.early_steps=1"])).plan(make_request(samples=2))


def test_progress_of_every_stage_runs_from_0_to_1(stages, make_request, video):
    def generate(pipeline, request, config, seed, on_progress, cancel):
        for step in range(3):
            on_progress("video", step / 2)
        return video

    stages.video.generate_videos = one_by_one(generate)
    calls = []
    Planner(AS_LIFTED).plan(make_request(samples=2), lambda stage, fraction: calls.append((stage, fraction)))
    assert [stage for stage, _ in calls] == sorted((s for s, _ in calls), key=["load", "video", "lift", "check"].index)
    for stage in ("load", "video", "lift", "check"):
        fractions = [f for s, f in calls if s == stage]
        assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0


def test_a_sample_that_cannot_be_lifted_is_reported_and_passed_over(stages, make_request, motion):
    calls = []

    def lift(*args, **kwargs):
        calls.append(None)
        if len(calls) == 1:
            raise LiftError(ErrorCode.NO_ACTOR, "nobody is in the video")
        return motion

    stages.lift.lift_video = lift
    plan = Planner(AS_LIFTED).plan(make_request(seed=5, samples=2))
    assert "NO_ACTOR" in plan.samples[0].error and plan.samples[0].verdict is Verdict.NOT_RUN
    assert plan.samples[1].error == "" and plan.provenance["chosen_seed"] == 6


def test_a_video_that_misses_the_target_is_not_lifted_when_another_touches_it(stages, make_request, motion):
    contacts, lifted = iter([(), motion.contacts]), []

    def lift(*args, observation, **kwargs):
        lifted.append(observation.contacts)
        return motion

    stages.lift.observe_clip = lambda *args, **kwargs: types.SimpleNamespace(contacts=next(contacts))
    stages.lift.lift_video = lift
    plan = Planner(AS_LIFTED).plan(make_request(seed=5, samples=2))
    assert lifted == [motion.contacts] and plan.provenance["chosen_seed"] == 6
    missed = plan.samples[0]
    assert missed.touches_target is False and missed.verdict is Verdict.NOT_RUN and "not lifted" in missed.error


def test_when_no_video_touches_the_target_all_are_lifted(stages, make_request):
    stages.lift.observe_clip = lambda *args, **kwargs: types.SimpleNamespace(contacts=())
    plan = Planner(AS_LIFTED).plan(make_request(samples=2))
    assert [s.error for s in plan.samples] == ["", ""]


def test_when_every_sample_fails_the_first_error_is_raised(stages, make_request):
    errors = iter([LiftError(ErrorCode.NO_ACTOR, "first"), LiftError(ErrorCode.FIT_DIVERGED, "second")])

    def lift(*args, **kwargs):
        raise next(errors)

    stages.lift.lift_video = lift
    with pytest.raises(LiftError, match="first") as caught:
        Planner(AS_LIFTED).plan(make_request(samples=2))
    assert "in the generated video" in caught.value.message and "model lost the person" in caught.value.hint


@pytest.mark.parametrize(
    "error",
    [
        VideoError(ErrorCode.OUT_OF_MEMORY, "full"),
        InputError(ErrorCode.MASK_EMPTY, "the mask vanishes at latent size"),
        ControlError(ErrorCode.CANCELLED, "cancelled"),
    ],
)
def test_an_error_that_another_seed_cannot_avoid_ends_the_plan(stages, make_request, error):
    calls = []

    def generate(*args, **kwargs):
        calls.append(None)
        raise error

    stages.video.generate_videos = one_by_one(generate)
    with pytest.raises(TavidError) as raised:
        Planner(AS_LIFTED).plan(make_request(samples=3))
    assert raised.value.code is error.code and len(calls) == 1


@pytest.mark.parametrize("stage", ["load", "video", "lift", "check"])
def test_cancelling_in_any_stage_ends_the_plan(stages, make_request, stage):
    cancel = CancelToken()

    def on_progress(name, fraction):
        if name == stage:
            cancel.cancel()

    with pytest.raises(ControlError) as error:
        planner = Planner(AS_LIFTED)
        planner.plan(make_request(samples=2), on_progress, cancel)
        cancel.raise_if_cancelled()
    assert error.value.code is ErrorCode.CANCELLED


def test_memory_that_runs_out_is_an_error_with_a_hint(stages, make_request):
    def generate(*args, **kwargs):
        raise MemoryError

    stages.video.generate_videos = one_by_one(generate)
    with pytest.raises(VideoError) as error:
        Planner(AS_LIFTED).plan(make_request())
    assert error.value.code is ErrorCode.OUT_OF_MEMORY and error.value.hint


def test_a_failed_load_leaves_an_unloaded_planner(stages, make_request):
    def load(config, on_progress, cancel):
        raise VideoError(ErrorCode.MODEL_MISSING, "gone")

    stages.video.load_pipeline = load
    planner = Planner(AS_LIFTED)
    with pytest.raises(VideoError):
        planner.plan(make_request())
    assert not planner.loaded


def test_the_profiles_urdf_is_for_the_profiles_robot_alone(make_request, monkeypatch):
    def stage(config):
        return SimpleNamespace(config=config, check_start=repr, is_current=True)

    monkeypatch.setattr(planner_module, "RobotStage", stage)
    planner = Planner(with_options(AS_LIFTED, ["robot.name=mine", "robot.urdf=mine.urdf"]))
    named = [planner._named_robot(make_request(robot=name)).config for name in ("", "mine", "panda")]
    assert [(config.name, config.urdf) for config in named] == [
        ("mine", "mine.urdf"),
        ("mine", "mine.urdf"),
        ("panda", ""),
    ]


def test_other_people_of_a_request_are_those_of_the_clip_and_marked_things_are_not(make_request, video):
    def block(rows: slice, columns: slice) -> np.ndarray:
        mask = np.zeros(plain.size_px, bool)
        mask[rows, columns] = True
        return mask

    plain = make_request()
    ann, bob, jar = (
        block(slice(5, 45), slice(0, 20)),
        block(slice(5, 45), slice(40, 56)),
        block(slice(30, 40), slice(24, 30)),
    )
    marked = [("mug", "target", plain.target_mask), ("Ann", "actor", ann), ("Bob", "other", bob), ("jar", "other", jar)]
    request = InteractionRequest.of_instances(plain.rgb, [Instance(*one) for one in marked], plain.instruction)
    assert np.array_equal(clip_of(request, video).others_mask, bob)


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        ("Ann lifts the [TGT] mug", "somebody other than the actor is seen"),
        ("Ann hands the [TGT] mug to Bob", "nobody is seen to take"),
    ],
)
def test_a_plan_in_which_the_wrong_people_act_says_so(stages, make_request, monkeypatch, instruction, words):
    seen = stages.lift.observe_clip()
    monkeypatch.setattr(planner_module, "hands_seen", lambda *args: (seen, False))
    plan = Planner(AS_LIFTED).plan(make_request(instruction=instruction))
    assert plan.samples[0].right_people is False and any(words in reason for reason in plan.reasons)
