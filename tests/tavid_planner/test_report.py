import dataclasses
import re
from html.parser import HTMLParser

import pytest

from hoi_motion.physics.repair import RepairOutcome, RepairResult
from hoi_motion.physics.report import Verdict
from tavid_planner.report import report_page

VOID = {"meta", "img"}


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
    for name in ("video.mp4", "overlay.mp4", "attention.png"):
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
        "tracking did not run",
        "0.031",
        "2 (0.2 s)",
        "NO_ACTOR (300)",
        "11.0 s",
    ):
        assert text in html


def test_a_repair_is_told(page, plan):
    result = RepairResult(
        RepairOutcome.REPAIRED, plan.motion, plan.report, plan.report, reason="mended floating: moved body by 3.0 cm"
    )
    html = page(dataclasses.replace(plan, repair=result))
    assert "<li>repaired: mended floating: moved body by 3.0 cm</li>" in html


def test_a_film_that_could_not_be_drawn_leaves_its_place_to_the_reason(plan, tmp_path):
    (tmp_path / "video.mp4").write_bytes(b"clip")
    missing = {"overlay.mp4": "no encoder <here>", "attention.png": "too large"}
    html = report_page(plan, tmp_path, missing)
    assert "overlay.mp4 could not be drawn: no encoder &lt;here&gt;" in html
    assert "attention.png could not be drawn: too large" in html


def test_what_a_user_wrote_is_escaped(page, plan, make_request):
    request = make_request(instruction='lifts <script>alert("1")</script> & [TGT] mug')
    html = page(dataclasses.replace(plan, request=request))
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_motion_without_objects_still_has_a_page(page, plan):
    bare = plan.motion.replace(objects=(), contacts=())
    assert plan.verdict is Verdict.FAIL and "Hand to target" not in page(dataclasses.replace(plan, motion=bare))
