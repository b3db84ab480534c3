"""The measure of diversity on clips of which it is known."""

import numpy as np

from benchmarks.diversity import spread_of


def clips_with_a_square_at(*columns):
    clips = np.full((len(columns), 3, 20, 40, 3), 100, np.uint8)
    for clip, column in zip(clips, columns):
        clip[1:, 5:10, column : column + 5] = 200
    return clips, clips[0, 0]


def test_samples_that_are_one_have_no_spread():
    spread, motion, apart = spread_of(*clips_with_a_square_at(10, 10, 10))
    assert spread == 0 and apart == 0 and motion > 30


def test_samples_that_end_elsewhere_are_apart_by_so_much():
    spread, motion, apart = spread_of(*clips_with_a_square_at(5, 25))
    assert np.isclose(apart, 20 / 40) and spread > 0.5 * motion


def test_a_still_clip_has_nothing_to_differ():
    clips, picture = clips_with_a_square_at(5, 25)
    assert spread_of(np.repeat(clips[:, :1], 3, axis=1), picture) == (0.0, 0.0, 0.0)
