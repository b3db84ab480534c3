"""Runs of frames."""

import numpy as np

from hoi_motion.frames import closed, runs_of


def test_runs_are_half_open():
    assert runs_of(np.array([1, 1, 0, 1], bool)) == [(0, 2), (3, 4)]
    assert runs_of(np.zeros(3, bool)) == []


def test_only_gaps_between_true_values_are_filled_and_only_short_ones():
    flags = np.array([0, 1, 0, 1, 0, 0, 1, 0], bool)
    assert closed(flags, 1).tolist() == [0, 1, 1, 1, 0, 0, 1, 0]
