"""Which of the candidates of a plan is the best."""

from dataclasses import replace

from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict
from tavid_planner.sample import Sample, choose, is_good, score
from tests.tavid_planner.test_planner import report_of


def sample(seed, video, motion, verdict=Verdict.PASS, touches=True, attention=None):
    if not touches:
        motion = motion.replace(contacts=())
    video = video if attention is None else replace(video, target_attention=attention)
    return Sample(seed, video, motion, report_of(verdict))


def test_verdict_counts_before_touch_before_attention(make_request, video, motion):
    request = make_request()
    on_target = request.target_mask[None, ::8, ::8].astype("float32")
    off_target = 1 - on_target
    candidates = [
        sample(0, video, motion, Verdict.FAIL, True, on_target),
        sample(1, video, motion, Verdict.NOT_RUN, True, on_target),
        sample(2, video, motion, Verdict.PASS, False, on_target),
        sample(3, video, motion, Verdict.PASS, True, off_target),
        sample(4, video, motion, Verdict.PASS, True, on_target),
        sample(5, video, motion, Verdict.PASS, True, on_target),
    ]
    order = []
    while candidates:
        best = choose(candidates, request)
        order.append(best.seed)
        candidates.remove(best)
    assert order == [4, 5, 3, 2, 1, 0]


def test_of_equal_samples_the_one_farther_from_its_limits_is_chosen(make_request, video, motion):
    def with_value(seed, value):
        return Sample(seed, video, motion, PhysicsReport((CheckResult.at_most("skating", value, 2.0, "cm", 0, ""),)))

    assert choose([with_value(0, 1.9), with_value(1, 0.5), with_value(2, 1.0)], make_request()).seed == 1


def test_alignments_that_hardly_differ_leave_the_choice_to_the_margin(make_request, video, motion):
    request = make_request()
    on_target = request.target_mask[None, ::8, ::8].astype("float32")

    def aiming(seed: int, beside: float, value: float) -> Sample:
        clip = replace(video, target_attention=on_target + beside * (1 - on_target))
        return Sample(seed, clip, motion, PhysicsReport((CheckResult.at_most("skating", value, 2.0, "cm", 0, ""),)))

    sharper, safer = aiming(0, 1.0e-3, 1.9), aiming(1, 1.1e-3, 0.5)
    assert 0 < score(sharper, request).target_alignment - score(safer, request).target_alignment < 0.01
    assert choose([sharper, safer], request).seed == 1


def test_a_sample_in_which_somebody_else_acts_is_chosen_last(make_request, video, motion):
    passed = [Sample(0, video, motion, report_of(Verdict.PASS), right_people=False)]
    failed = [Sample(1, video, motion, report_of(Verdict.FAIL), right_people=True)]
    assert choose(passed + failed, make_request()).seed == 1
    assert not is_good(passed[0], make_request())
