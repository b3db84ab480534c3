"""A run as the page sees it, over a real planning process."""

import threading
import zipfile

import pytest

from hoi_motion.segment import MaskPrompt
from tavid_planner.config import with_options
from tavid_planner.errors import ErrorCode
from tavid_planner.web.runs import packed, run
from tavid_planner.web.visits import TARGET
from tests.tavid_planner.web.conftest import MINI

WITHOUT_FILM = with_options(MINI, ["bundle.film=false"])


@pytest.fixture
def asked(desk, visits, make_request):
    """A function that starts the run of a page, asked with an instruction."""

    def ask(instruction: str, session: str = "one"):
        visit = visits.of(session)
        visit.show(make_request().rgb)
        visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
        return visit, run(desk, visit, visit.request(instruction, 0, 1), WITHOUT_FILM)

    return ask


def test_a_run_tells_its_stages_and_ends_with_the_plan_and_its_bundle(asked, tmp_path):
    visit, steps = asked("picks up the [TGT] mug")
    *before, last = list(steps)
    assert last.made is not None and last.error is None and visit.cancel is None
    assert {"load", "video", "lift", "check", "save"} <= set(last.done) and before[0].done == {}
    with zipfile.ZipFile(packed(last.made.folder, tmp_path)) as file:
        assert "plan-1/plan.json" in file.namelist()


def test_a_cancel_ends_the_run_in_words_and_the_next_one_works(asked):
    visit, steps = asked("slowly picks up the [TGT] mug")
    next(steps)
    visit.cancel.cancel()
    assert list(steps)[-1].error.code == ErrorCode.CANCELLED
    _, steps = asked("picks up the [TGT] mug")
    assert list(steps)[-1].made is not None


def test_a_crash_of_the_planner_is_told_and_the_page_goes_on(asked):
    _, steps = asked("dies over the [TGT] mug")
    assert list(steps)[-1].error is not None
    _, steps = asked("picks up the [TGT] mug")
    assert list(steps)[-1].made is not None


def test_a_second_visitor_sees_the_place_in_the_queue_and_gets_a_turn(asked):
    first, slow = asked("slowly picks up the [TGT] mug", "one")
    next(slow)
    _, steps = asked("picks up the [TGT] mug", "two")
    places = []
    for step in steps:
        places.append(step.place)
        if step.place == 1 and not first.cancel.cancelled:
            first.cancel.cancel()
            threading.Thread(target=list, args=(slow,)).start()
        last = step
    assert 1 in places and last.made is not None


def test_a_caller_that_stops_listening_cancels_the_run(asked):
    visit, steps = asked("slowly picks up the [TGT] mug")
    next(steps)
    cancel = visit.cancel
    steps.close()
    assert cancel.cancelled and visit.cancel is None
