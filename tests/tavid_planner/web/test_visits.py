"""Who is on the page, and what each has marked."""

import contextlib
import threading

import numpy as np
import pytest

from hoi_motion.progress import CancelToken
from hoi_motion.segment import MaskPrompt
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.web import visits as visits_module
from tavid_planner.web.visits import ACTOR, MAX_VISITS, TARGET, UNUSED_S, Visits


@pytest.fixture
def visit(visits, make_request):
    visit = visits.of("one")
    visit.show(make_request().rgb)
    return visit


def test_two_pages_know_nothing_of_each_other(visits, visit):
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    other = visits.of("two")
    assert other.rgb is None and not other.found and other.folder != visit.folder
    assert visits.of("one") is visit


def test_a_marked_picture_makes_the_request_that_the_command_would(visit, make_request):
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    request = visit.request("picks up the [TGT] mug", 7.0, 2)
    assert (request.target_mask == make_request().target_mask).mean() > 0.99
    assert (request.seed, request.samples) == (7, 2) and request.target_source.startswith("click 66,43 by grabcut")
    assert request.actor_mask is None


def test_a_person_that_is_marked_goes_into_the_request(visit):
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    visit.mark(ACTOR, MaskPrompt(box_px=(58, 34, 74, 52)))
    assert visit.request("picks up the [TGT] mug", 0, 1).actor_mask.any()


def test_the_focal_length_that_an_uploaded_photo_states_goes_into_its_request_alone(visit):
    K = np.array([[90.0, 0, 48], [0, 90.0, 32], [0, 0, 1]])
    rgb = visit.rgb
    visit.show(rgb, K)
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    request = visit.request("picks up the [TGT] mug", 0, 1)
    np.testing.assert_array_equal(request.intrinsics, K)
    assert request.intrinsics_source == "EXIF"
    visit.show(np.array(rgb))
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    assert visit.request("picks up the [TGT] mug", 0, 1).intrinsics is None


@pytest.mark.parametrize("seed, samples", [(0.5, 1), (None, 1), (-1, 1), (0, 0), (0, 65)])
def test_a_seed_or_number_of_samples_that_is_none_is_refused(visit, seed, samples):
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    with pytest.raises(TavidError) as error:
        visit.request("picks up the [TGT] mug", seed, samples)
    assert error.value.code == ErrorCode.CONFIG_INVALID


def test_without_picture_or_target_there_is_no_request_and_a_new_picture_forgets_the_marks(visits, visit):
    with pytest.raises(TavidError, match="no picture"):
        visits.of("two").request("x", 0, 1)
    with pytest.raises(TavidError, match="no picture"):
        visits.of("two").mark(TARGET, MaskPrompt(click_px=(1, 1)))
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    visit.show(np.array(visit.rgb))
    with pytest.raises(TavidError, match="no target"):
        visit.request("x", 0, 1)


def test_a_page_that_is_closed_cancels_its_plan_and_takes_its_bundles_along(visits, visit):
    folder, cancel = visit.begin()
    folder.mkdir()
    visits.leave("one")
    assert cancel.cancelled and not visit.folder.exists()
    visits.leave("one")
    visits.leave(None)


def test_what_a_plan_still_writes_when_its_page_was_closed_goes_with_it(visits, visit):
    folder, _ = visit.begin()
    visits.leave("one")
    folder.mkdir(parents=True)  # by the planning process, which had not heard of the cancel yet
    visit.end()
    assert not visit.folder.exists()


def test_a_mark_on_a_picture_that_was_replaced_meanwhile_is_none(visit, monkeypatch):
    """Of two pictures of one size, the next plan took the mask of the one for the other."""
    find = visits_module.segment

    def slow(rgb, prompt):
        visit.show(np.array(rgb))
        return find(rgb, prompt)

    monkeypatch.setattr(visits_module, "segment", slow)
    with pytest.raises(TavidError, match="another picture was given meanwhile"):
        visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    with pytest.raises(TavidError, match="no target"):
        visit.request("picks up the [TGT] mug", 0, 1)


def test_one_page_makes_one_plan_at_a_time(visit):
    visit.begin()
    with pytest.raises(TavidError, match="still being made"):
        visit.begin()
    visit.end()
    assert visit.begin()[0].name == "plan-2"


def test_of_two_clicks_at_once_one_begins(visit, monkeypatch):
    begun, second = [], threading.Thread(target=lambda: begin())

    def begin():
        with contextlib.suppress(TavidError):
            begun.append(visit.begin()[0].name)

    def token():
        if second.ident is None:  # in the middle of the first
            second.start()
            second.join(0.2)
        return CancelToken()

    monkeypatch.setattr("tavid_planner.web.visits.CancelToken", token)
    begin()
    second.join()
    assert begun == ["plan-1"]


def test_a_cancel_while_the_plan_ends_is_none(visit):
    """The page asked for the token twice, and called None where the plan ended in between."""
    visit.cancel_plan()
    _, token = visit.begin()
    visit.cancel_plan()
    assert token.cancelled
    visit.end()
    visit.cancel_plan()
    assert not visit.begin()[1].cancelled


def test_no_plan_begins_on_a_page_that_was_closed(visits, visit):
    visits.leave("one")
    with pytest.raises(TavidError, match="closed") as error:
        visit.begin()
    assert error.value.code == ErrorCode.CANCELLED and not visit.folder.exists()


def test_too_many_open_pages_are_refused(visits):
    for k in range(MAX_VISITS):
        visits.of(str(k))
    with pytest.raises(TavidError, match="pages are open"):
        visits.of("one more")
    visits.leave("3")
    visits.of("one more")


def test_pages_of_which_no_end_was_heard_give_their_place_to_a_new_one(visits):
    pages = [visits.of(str(k)) for k in range(MAX_VISITS)]
    for page in pages[:3]:
        page.used_s -= UNUSED_S + 1
    pages[1].begin()  # its plan is being made
    visits.of("2")  # used just now
    visits.of("one more")
    assert [page.closed for page in pages[:3]] == [True, False, False] and not pages[0].folder.exists()
    with pytest.raises(TavidError, match="pages are open"):
        visits.of("yet another")


def test_nobody_waits_while_the_files_of_an_unused_page_are_removed(visits, monkeypatch):
    pages, free = [visits.of(str(k)) for k in range(MAX_VISITS)], []
    pages[0].used_s -= UNUSED_S + 1
    monkeypatch.setattr(pages[0], "close", lambda: free.append(not visits._lock.locked()))
    visits.of("one more")
    assert free == [True]


def test_a_page_whose_plan_has_just_ended_is_in_use(visits):
    pages = [visits.of(str(k)) for k in range(MAX_VISITS)]
    pages[0].begin()
    pages[0].used_s -= UNUSED_S + 1
    pages[0].end()
    with pytest.raises(TavidError, match="pages are open"):
        visits.of("one more")


def test_a_call_without_a_page_is_refused(visits):
    with pytest.raises(TavidError):
        visits.of(None)


@pytest.mark.parametrize("keep", [False, True])
def test_when_the_page_is_served_no_longer_only_kept_bundles_stay(tmp_path, keep):
    visits = Visits(tmp_path / "bundles", keep)
    pages = [visits.of(session) for session in ("one", "two")]
    pages[0].shown = tmp_path / "shown"
    pages[0].shown.mkdir()
    visits.close()
    assert [page.folder.exists() for page in pages] == [keep, keep] and not (tmp_path / "shown").exists()


def test_no_place_for_bundles_is_said_without_the_path(tmp_path):
    (tmp_path / "bundles").write_text("a file")
    with pytest.raises(TavidError, match="no place for your plans") as error:
        Visits(tmp_path / "bundles").of("one")
    assert error.value.code == ErrorCode.OUTPUT_INVALID and str(tmp_path) not in str(error.value)
