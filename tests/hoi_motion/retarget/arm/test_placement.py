"""Where a base stands."""

import numpy as np
import pytest

from hoi_motion.motion import SupportBox
from hoi_motion.retarget.arm.placement import base_candidates


@pytest.mark.parametrize("given_m, height_m", [(None, 0.76), (0.0, 0.0), (0.9, 0.9)])
def test_a_base_stands_as_high_as_the_support_unless_the_robot_brings_its_own(given_m, height_m):
    T = np.eye(4)
    T[2, 3] = 0.74
    table = SupportBox("table", np.array([0.6, 1.2, 0.04]), T)
    places = base_candidates(np.array([0.2, 0, 0.8]), np.array([1.0, 0, 1]), (table,), np.zeros((0, 3)), given_m)
    assert [T[2, 3] for T in places] == pytest.approx([height_m] * len(places)) and places


def test_a_small_arm_on_the_table_stands_on_it_with_its_whole_base():
    T = np.eye(4)
    T[2, 3] = 0.74
    table = SupportBox("table", np.array([0.6, 1.2, 0.04]), T)
    towards_the_edge_m = np.array([1.0, 0, 1])
    places = base_candidates(np.array([0.2, 0, 0.8]), towards_the_edge_m, (table,), np.zeros((0, 3)), farthest_m=0.45)
    beyond_m = np.array([np.abs(T[:2, 3]) - table.size_m[:2] / 2 for T in places]).max(1)
    assert (beyond_m < -0.05).any() and not ((beyond_m > -0.05) & (beyond_m < 0.13)).any()
