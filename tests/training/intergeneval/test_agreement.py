from dataclasses import replace

import pytest

from tavid_planner.config import load_profile
from tavid_planner.errors import InputError
from training.bench.cases import Case
from training.intergeneval.__main__ import agreement
from training.intergeneval.judges import judge_named
from training.intergeneval.run import GEOMETRIC
from training.scenes.doings import WHICH_ACTOR


class Silent:
    """A judge that must not be asked."""

    def answers(self, clip, interaction):
        raise AssertionError("asked again")


def test_what_a_judge_has_answered_is_not_asked_again_and_other_clips_are_refused(tmp_path):
    video = replace(load_profile("mini").video, height=48, width=64)
    cases = [Case(WHICH_ACTOR, 0)]
    first = agreement(judge_named(GEOMETRIC), GEOMETRIC, cases, video, tmp_path)
    assert "1 scenes" in first and agreement(Silent(), GEOMETRIC, cases, video, tmp_path) == first
    with pytest.raises(InputError, match="another height"):
        agreement(Silent(), GEOMETRIC, cases, replace(video, height=96), tmp_path)
