"""The page asks for the same plan as the command does."""

import numpy as np

from benchmarks.page import differences
from hoi_motion.progress import CancelToken
from hoi_motion.segment import SegmentedMask
from tavid_planner.bundle import load_plan_json, save_plan
from tavid_planner.config import with_options
from tavid_planner.web.runs import run
from tavid_planner.web.visits import TARGET
from tests.tavid_planner.web.conftest import MINI


def test_the_same_picture_mask_words_and_seed_give_the_same_bundle(desk, visits, make_request, tmp_path):
    from quick_planner import QuickPlanner

    asked = make_request(instruction="picks up the [TGT] mug", seed=5, samples=2)
    direct = save_plan(QuickPlanner(MINI).plan(asked, cancel=CancelToken()), tmp_path / "direct")
    visit = visits.of("one")
    visit.show(asked.rgb)
    visit.found[TARGET] = SegmentedMask(np.array(asked.target_mask), (), "")
    *_, last = run(desk, visit, visit.request(asked.instruction, 5, 2), MINI)
    assert differences(direct, last.made.folder) == []
    requests = [load_plan_json(folder)["request"] for folder in (direct, last.made.folder)]
    # a click and a file are told apart
    assert [r | {"target_source": ""} for r in requests] == [requests[0] | {"target_source": ""}] * 2


def test_a_bundle_of_another_mask_is_not_the_same(desk, visits, make_request, tmp_path):
    from quick_planner import QuickPlanner

    asked = make_request(instruction="picks up the [TGT] mug")
    planner = QuickPlanner(with_options(MINI, ["bundle.film=false"]))
    one = save_plan(planner.plan(asked, cancel=CancelToken()), tmp_path / "one")
    moved = make_request(instruction="picks up the [TGT] mug", target_mask=np.roll(asked.target_mask, 9, axis=1))
    other = save_plan(planner.plan(moved, cancel=CancelToken()), tmp_path / "other")
    assert {"mask.png", "overlay.mp4"} <= set(differences(one, other))
