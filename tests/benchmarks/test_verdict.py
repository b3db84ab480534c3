"""How the benchmark of verdicts counts."""

import numpy as np
import pytest

from benchmarks.verdict import auroc, interval, table, values


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    scores, works = rng.integers(0, 4, 40).astype(float), rng.random(40) < 0.4
    pairs = [(a > b) + (a == b) / 2 for a in scores[works] for b in scores[~works]]
    assert auroc(scores, works) == pytest.approx(np.mean(pairs))
    low, high = interval(list(scores.reshape(8, 5)), list(works.reshape(8, 5)))
    assert low < auroc(scores, works) < high


def sample(why_not: str, chance: float, verdict: str, margin: float | None) -> dict:
    told = {"why_not": why_not, "chance": chance, "own": chance > 0, "verdict": verdict, "margin": margin}
    return told | {"lifted_verdict": verdict, "lifted_margin": margin, "checks": {"floating": margin}}


@pytest.fixture
def rows():
    """Three cases of two samples: the chance is right everywhere, PASS nowhere."""
    good, bad = sample("", 1.0, "FAIL", -0.5), sample("it falls over", 0.2, "PASS", 0.4)
    rows = [{"of_samples": [bad, good], "kept": {"first": 0, "verdict": 0, "chance": 1}} for _ in range(2)]
    return [*rows, {"of_samples": [sample("no lift", 0.0, "NOT_RUN", None)] * 2, "kept": {}}]


def test_predictive_signals_have_a_higher_auroc_than_others(rows):
    found = values(rows)
    assert found["auroc_chance"].value == 1 and found["auroc_pass"].value < 0.5
    assert (found["bets"].value, found["precision"].value) == (2, 1)
    assert found["best_chance"].value == pytest.approx(2 / 3) and found["best_verdict"].value == 0
    text = "\n".join(table(rows))
    assert "trusted from 0.6 on: 2 of 6 plans, 2/2 = 1.00" in text
    assert "floating" in text and "kept by chance: 2/3" in text
