from dataclasses import replace

import pytest

from training.bench.scoring import VideoScore
from training.bench.table import markdown_table, summary

HIT = VideoScore("hit", 0.5, "kept", 30.0, 0.05, 0.99)


def test_rates_and_means_of_a_known_set():
    scores = [
        HIT,
        replace(HIT, outcome="wrong", target_share=0.1, permanence="vanished"),
        replace(HIT, outcome="none", target_share=0.0, permanence="unclear"),
    ]
    numbers = summary(scores)
    assert {k: numbers[k]["value"] for k in ("hit", "wrong", "contact", "permanence", "target_share")} == {
        "hit": pytest.approx(1 / 3),
        "wrong": pytest.approx(1 / 3),
        "contact": pytest.approx(2 / 3),
        "permanence": pytest.approx(1 / 2),
        "target_share": pytest.approx(0.2),
    }
    assert numbers["permanence"]["count"] == 2
    assert all(n["low"] <= n["value"] <= n["high"] for n in numbers.values())


def test_a_score_that_nothing_was_judged_by_is_a_dash():
    table = markdown_table([("all", [replace(HIT, permanence="unclear")])], {"permanence": "permanence", "hit": "hit"})
    assert table.splitlines()[2].startswith("| all | 1 | - | 1.00 [")
    table = markdown_table([("all", [HIT, replace(HIT, permanence="unclear")])], {"permanence": "permanence"})
    assert table.splitlines()[2].endswith("] of 1 |")
