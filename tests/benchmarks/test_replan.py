"""Pushes that the benchmark gives, and its table."""

import numpy as np
import pytest

from benchmarks.replan import PUSH_M, pushed, table
from tests.hoi_motion.retarget.conftest import lifting


@pytest.mark.parametrize("seed", range(8))
def test_a_push_is_5_to_10_cm_and_leaves_the_object_on_its_table(seed):
    motion = lifting(place_m=(0.3, 0.1, 0.76))  # 5 cm from the table's edge
    T = pushed(motion, "bar", np.random.default_rng(seed))
    step = (T - motion.objects[0].T_world_object[0])[:3, 3]
    assert PUSH_M[0] <= np.linalg.norm(step) <= PUSH_M[1] and step[2] == 0
    assert 0.25 < T[0, 3] < 0.85 and T[:3, :3] == pytest.approx(np.eye(3))


def test_only_scenes_that_end_well_without_a_push_count():
    rows = [
        {"kind": "lift", "left_out": "out of reach"},
        {"kind": "lift", "left_out": "", "without": "it is not lifted", "with": ""},
        {"kind": "touch", "left_out": "", "without": "", "with": "not noticed"},
    ]
    lines = table(rows)
    assert "without monitoring, pushed by 5 to 10 cm: 1 of 2" in lines[1]
    assert any("with monitoring, pushed by 5 to 10 cm: 1 of 2" in line for line in lines)
    assert "  touch, not noticed: 1" in lines
