import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavid_planner.alignment import area_coverage, target_alignment


def test_attention_on_the_mask_counts_fully_and_beside_it_not_at_all():
    mask = np.zeros((16, 24), bool)
    mask[4:8, 8:16] = True
    attention = np.zeros((4, 6))
    attention[1, 2:4] = 3.0
    assert target_alignment(attention, mask) == pytest.approx(1.0)
    assert target_alignment(np.roll(attention, 2, axis=0), mask) == pytest.approx(0.0)


def test_even_attention_scores_the_area_of_the_mask():
    mask = np.zeros((10, 10), bool)
    mask[:3] = True
    assert target_alignment(np.ones((7, 9)), mask) == pytest.approx(0.3)


def test_no_attention_at_all_scores_0():
    assert target_alignment(np.zeros((2, 2)), np.eye(4, dtype=bool)) == 0.0


@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    coarse=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    seed=st.integers(0, 99),
)
def test_coverage_keeps_the_mean(size, coarse, seed):
    mask = np.random.default_rng(seed).random(size) < 0.4
    coverage = area_coverage(mask, coarse)
    assert coverage.shape == coarse
    assert coverage.mean() == pytest.approx(mask.mean())
    assert coverage.min() >= 0 and coverage.max() <= 1 + 1e-9
