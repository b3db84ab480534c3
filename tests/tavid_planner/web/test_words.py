"""What the page says: everything that comes from outside is escaped."""

import numpy as np
import pytest

from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict
from hoi_motion.segment.answer import Doubt, SegmentedMask
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.web import words

EVIL = "it is <evil>"
CHECKED = PhysicsReport((CheckResult(EVIL, Verdict.PASS, 1.0, 2.0, EVIL, None, EVIL),))
DOUBTED = SegmentedMask(np.ones((4, 4), bool), (Doubt(EVIL, EVIL, EVIL),), EVIL)


@pytest.mark.parametrize(
    "told, times",
    [
        (words.error_words(InputError(ErrorCode.CONFIG_INVALID, EVIL, EVIL)), 2),
        (words.verdict_words(CHECKED, (EVIL, EVIL), 3.0), 2),
        (words.checks_table(CHECKED), 3),
        (words.found_words(EVIL, DOUBTED), 2),
        (words.instruction_hint(EVIL), 0),
    ],
)
def test_nothing_from_outside_becomes_markup(told, times):
    assert "<evil" not in told and told.count("&lt;evil") == times


def test_an_error_is_told_in_sentences():
    told = words.error_words(InputError(ErrorCode.CONFIG_INVALID, "seed is 0.5", "give a whole number"))
    assert "<b>Seed is 0.5.</b> Give a whole number." in told


def test_a_doubt_says_what_was_seen_and_what_to_do():
    found = SegmentedMask(np.ones((4, 4), bool), (Doubt("large", "it covers 100% of the picture", "a box"),), "click")
    told = words.found_words("target", found)
    assert "covers 100%" in told and "strokes" in told and 'class="doubt"' in told


def test_a_queued_visitor_sees_the_place_and_a_running_plan_its_stages():
    assert "number 2 in the queue" in words.progress_words({}, 2)
    told = words.progress_words({"video": 0.5}, 0)
    assert "50%" in told and "line" not in told


def test_a_stage_that_had_nothing_to_do_is_shown_as_done_when_the_next_has_begun():
    told = words.progress_words({"lift": 0.5}, 0)
    assert told.count("100%") == 2 and told.count("50%") == 1 and told.count(" 0%") + told.count(">0%") == 2


def test_every_check_is_in_the_table_with_its_verdict(report):
    table = words.checks_table(report)
    assert all(c.name in table and c.reason in table for c in report.checks)


def test_the_hint_goes_when_the_target_is_named():
    assert "Good" in words.instruction_hint("picks up the [TGT] mug") and "Good" not in words.instruction_hint("hm")
