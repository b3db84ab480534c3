import numpy as np
import pytest
from scipy import stats

from training.bench.intervals import mean_interval, wilson_interval
from training.bench.scoring import VideoScore
from training.bench.table import summary


def test_a_mean_s_interval_is_the_normal_one():
    values = np.random.default_rng(0).normal(3.0, 2.0, 40)
    ends = stats.norm.interval(0.95, values.mean(), values.std(ddof=1) / np.sqrt(40))
    assert mean_interval(values)[1:] == pytest.approx(ends, abs=1e-4)


def test_one_scene_tells_no_interval():
    assert mean_interval([0.3]) == (0.3, -np.inf, np.inf)


def test_more_trainings_on_the_same_scenes_are_no_more_scenes():
    values = np.random.default_rng(1).normal(size=20)
    assert mean_interval(np.tile(values, 3), trainings=3) == pytest.approx(mean_interval(values))
    scores = [VideoScore("hit" if v > 0 else "none", max(v, 0.0), "kept", 30.0, 0.05, 0.99) for v in values]
    once, thrice = summary(scores), summary(3 * scores, trainings=3)
    for name in ("hit", "contact", "permanence", "target_share"):
        assert [thrice[name][k] for k in ("value", "low", "high")] == pytest.approx(
            [once[name][k] for k in ("value", "low", "high")]
        )


def test_trainings_that_differ_are_averaged_scene_by_scene():
    first, second = np.array([0.0, 1.0, 2.0]), np.array([2.0, 1.0, 0.0])
    assert mean_interval([*first, *second], trainings=2) == pytest.approx((1.0, 1.0, 1.0))


def test_a_proportion_s_interval_is_wilson_s():
    found = stats.binomtest(17, 20).proportion_ci(0.95, method="wilson")
    assert wilson_interval(17, 20) == pytest.approx((found.low, found.high), abs=1e-4)
