import dataclasses
import re
from html.parser import HTMLParser

import pytest

from hoi_motion.physics.repair import RepairOutcome, RepairResult
from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict
from tavid_planner.plan import SampleScore
from tavid_planner.report import report_page, rounded
from tavid_planner.robot_stage import RobotPlan
from tests.tavid_planner.test_robot_stage import execution, robot_motion

VOID = {"meta", "img", "input"}


class Balance(HTMLParser):
    """Collects tags and complains about what is not closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(plan, tmp_path):
    for name in ("video.mp4", "overlay.mp4", "attention.png", "motion.glb"):
        (tmp_path / name).write_bytes(name.encode())
    return lambda changed=plan: report_page(changed, tmp_path)


def test_the_page_is_whole_and_needs_nothing_else(page):
    html = page()
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert {"video", "svg", "table", "img"} <= set(parser.seen)
    links = [value for name, value in parser.attributes if name in ("src", "href", "poster")]
    assert links and all(link.startswith("data:") for link in links)
    assert not re.search(r"https?://|url\(|@import", html)


def test_the_page_says_verdict_reasons_numbers_and_errors(page):
    html = page()
    for text in (
        "FAIL",
        "lowest body point is 3.1 cm over the floor",
        "not checked: tracking",
        "0.031",
        "2 (0.2 s)",
        "NO_ACTOR (300)",
        "11.0 s",
    ):
        assert text in html


def test_a_repair_is_told(page, plan):
    result = RepairResult(
        RepairOutcome.REPAIRED, plan.motion, plan.report, plan.report, reason="fixed floating: moved body by 3.0 cm"
    )
    html = page(dataclasses.replace(plan, repair=result))
    assert "<li>repaired: fixed floating: moved body by 3.0 cm</li>" in html


def test_a_film_that_could_not_be_drawn_leaves_its_place_to_the_reason(plan, tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"clip")
    missing = {"overlay.mp4": "no encoder <here>", "attention.png": "too large"}
    html = report_page(plan, tmp_path, missing)
    assert "overlay.mp4 could not be drawn: no encoder &lt;here&gt;" in html
    assert "attention.png could not be drawn: too large" in html


def test_what_a_user_wrote_is_escaped(page, plan, make_request):
    request = make_request(instruction='lifts <script>alert("1")</script> & [TGT] mug')
    html = page(dataclasses.replace(plan, request=request))
    assert "lifts &lt;script&gt;" in html and "alert" not in html.replace("alert(&quot;1&quot;)", "")


EVIL = "it is <evil>"


def test_nothing_from_outside_becomes_markup(plan, tmp_path, make_request):
    robot = dataclasses.replace(robot_motion(), facts={"hand": EVIL, "grip": EVIL, "not_as_lifted": EVIL})
    checks = tuple(CheckResult(EVIL, verdict, 1.0, 2.0, EVIL, 0, EVIL) for verdict in (Verdict.FAIL, Verdict.PASS))
    repair = RepairResult(RepairOutcome.REPAIRED, plan.motion, plan.report, plan.report, reason=EVIL)
    profile = {"lift": {"keypoints": EVIL}}
    hostile = dataclasses.replace(
        plan,
        request=make_request(instruction=EVIL),
        motion=plan.motion.replace(notes=(EVIL,), diagnostics={EVIL: EVIL}),
        report=PhysicsReport((*checks, CheckResult.not_run(EVIL, None, EVIL, EVIL))),
        samples=(SampleScore(7, Verdict.FAIL, 0.4, (EVIL,)), SampleScore(8, Verdict.NOT_RUN, None, error=EVIL)),
        timings_s={EVIL: 1.0},
        provenance={"chosen_seed": 7, "created": EVIL, "profile": profile},
        repair=repair,
        robot=RobotPlan(EVIL, robot, execution(EVIL)),
    )
    missing = {name: EVIL for name in ("video.mp4", "overlay.mp4", "attention.png", "motion.glb", f"robot/{EVIL}.mp4")}
    html = report_page(hostile, tmp_path, missing)
    assert "<evil" not in html and html.count("&lt;evil") > 30


def test_a_motion_without_objects_still_has_a_page(page, plan):
    bare = plan.motion.replace(objects=(), contacts=())
    assert plan.verdict is Verdict.FAIL and "Hand to target" not in page(dataclasses.replace(plan, motion=bare))


@pytest.mark.parametrize(
    "value, limit, shown",
    [
        (1.19e-7, 0.02, "0"),
        (0.00503, 0.02, "0.005"),
        (-2e-9, 0.02, "0"),
        (0.4093, 0.8, "0.409"),
        (1234.5, 300, "1234"),
        (0.04123, None, "0.0412"),
        (0.5, 0.0, "0.5"),
        (None, 1.0, ""),
    ],
)
def test_a_number_is_rounded_to_a_hundredth_of_its_limit(value, limit, shown):
    assert rounded(value, limit) == shown


def test_checks_that_wait_for_one_thing_say_so_once(page, plan):
    idle = next(c for c in plan.report.checks if c.verdict is Verdict.NOT_RUN)
    checks = (*plan.report.checks, dataclasses.replace(idle, name="root_wrench"))
    html = page(dataclasses.replace(plan, report=dataclasses.replace(plan.report, checks=checks)))
    assert html.count('<li class="idle">') == 1 and "tracking, root wrench" in html


def test_what_the_robot_does_is_told_and_its_film_shown(page, plan, tmp_path):
    (tmp_path / "robot").mkdir()
    (tmp_path / "robot" / "arm.mp4").write_bytes(b"film")
    (tmp_path / "robot" / "arm.glb").write_bytes(b"scene")
    html = page(dataclasses.replace(plan, robot=RobotPlan("arm", robot_motion(), execution("it slipped"))))
    assert "Robot: in physics arm does not: it slipped" in html and "4 mm, 0°" in html
    assert 'data-packed="robot"' in html and "in real time, from the side" in html


def test_without_a_scene_the_videos_stand_alone_and_say_why(plan, tmp_path):
    for name in ("video.mp4", "overlay.mp4"):
        (tmp_path / name).write_bytes(b"clip")
    html = report_page(plan, tmp_path, {"motion.glb": "another body"})
    assert "motion.glb could not be drawn: another body" in html and html.count("<video") == 2
    assert 'class="card view"' not in html


def test_doubts_of_the_lift_are_told(page, plan):
    text = page(dataclasses.replace(plan, motion=plan.motion.replace(notes=("doubtful: <object_size>",))))
    assert "<li>doubtful: &lt;object_size&gt;</li>" in text
