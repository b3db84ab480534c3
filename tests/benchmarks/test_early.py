"""The measures of early looks, on rows of which they are known."""

import math

import numpy as np

from benchmarks import early, early_signs


def sample(hit: bool, value: float) -> dict:
    """Two steps, two blocks; only block 1 says something, and only its first reading after step 2."""
    signs = np.full((2, 2, 3), 0.5)
    signs[1, 1, 0] = value
    return {"hit": hit, "signs": signs.tolist()}


ROWS = [
    {"of": [sample(True, 0.3), sample(False, 0.1)]},
    {"of": [sample(True, 0.9), sample(False, 0.6), sample(True, 0.6)]},
]


def test_auc_is_the_share_of_pairs_in_which_the_success_has_the_larger_sign():
    sign = (1, 2, "first")
    assert early_signs.auc(ROWS, sign, within=True) == (1 + 1 + 0.5) / 3
    assert early_signs.auc(ROWS, sign) == (1 + 0 + 1 + 1 + 1 + 0.5) / 6
    assert early_signs.auc(ROWS, (0, 1, "mass")) == 0.5
    assert math.isnan(early_signs.auc([{"of": [sample(True, 0.3)]}], sign))


def test_every_block_step_and_reading_is_a_sign_and_so_is_the_mean_of_blocks():
    found = list(early_signs.signs(ROWS))
    assert len(found) == len(set(found)) == 2 * 3 * (2 + 1)


def planned(right: bool, passes: bool, seconds: float) -> dict:
    return {"right": right, "passes": passes, "seconds": seconds}


def test_only_pass_at_the_right_target_is_success_and_time_is_compared_as_a_whole():
    rows = [
        {"full": planned(True, True, 10.0), "early": planned(True, True, 4.0)},
        {"full": planned(True, True, 10.0), "early": planned(True, False, 6.0)},
        {"full": planned(False, True, 20.0), "early": planned(True, True, 10.0)},
        {"full": planned(True, False, 10.0), "early": planned(True, False, 5.0)},
    ]
    found = early.values([row | {"again": row["full"]} for row in rows])
    assert [found[f"early_{name}"].value for name in ("won", "lost", "gain")] == [1, 1, 0]
    assert found["early_time_ratio"].value == 25 / 50 and found["early_right"].value == 1
    assert found["again_time_ratio"].value == 1 and found["again_lost"].value == 0
