"""The table of the check's benchmark: what counts as caught, as a false alarm and as followed."""

from benchmarks.check import table
from benchmarks.faults import FAULTS


def row(scene: int, caught: bool, alarm: bool, geometric=None) -> dict:
    planted = {name: {"above": [2.0, caught], "below": [0.2, alarm]} for name in FAULTS}
    return {
        "piece": scene,
        "verb": "touches",
        "geometric": geometric or {},
        "simulated": {},
        "faults": {} if geometric else planted,
        "tracking_mean": 0.02,
        "root_wrench": 0.1,
        "object_follows": 0.01,
        "geometric_s": 1.0,
        "simulated_s": 4.0,
    }


def test_shares_are_over_the_scenes_that_pass():
    text = table([row(0, True, False), row(1, False, True), row(2, True, True, {"balance": "it leans"})], 49, 16.0)
    assert "ground truth: 2/3 PASS" in text and "scene 2: balance: it leans" in text
    assert "caught 50.0%" in text and "false alarms 50.0%" in text
    assert "follows in 3/3" in text and "'touches': within 8 cm in 3/3" in text
