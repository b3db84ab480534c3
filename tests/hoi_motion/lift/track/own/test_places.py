"""Boxes that look like the object, and how far they are from hands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.lift.track.own import places as module
from hoi_motion.lift.track.own.places import FOUND, OFF_HAND_LIMIT, Places, in_box, like_places, off_hand


def test_a_box_under_a_hand_is_not_off_it_and_one_far_away_as_far_as_counts():
    centres, extents = np.array([[20.0, 20], [90, 20]]), np.full((2, 2), 10.0)
    hands = np.array([[22.0, 21], [np.nan, np.nan]])
    np.testing.assert_allclose(off_hand(centres, extents, hands), [0.0, OFF_HAND_LIMIT])
    np.testing.assert_allclose(off_hand(centres, extents, np.full((2, 2), np.nan)), OFF_HAND_LIMIT / 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(15, 60), st.integers(15, 40), st.sampled_from([(9, 9), (7, 13)]))
def test_the_place_that_looks_like_it_is_found_where_it_is(x, y, extent):
    likeness = np.full((60, 80), -2.0, np.float32)
    w, h = extent
    left, top = x - w // 2, y - h // 2
    likeness[top : top + h, left : left + w] = 2.0
    centres, extents, values = like_places(likeness, np.array(extent, float))
    best = values.argmax()
    np.testing.assert_allclose(centres[best], [x, y], atol=1.0)
    np.testing.assert_allclose(np.log(extents[best].prod() / (w * h)), 0, atol=0.5)


def test_nothing_that_looks_like_it_gives_no_place():
    centres, extents, values = like_places(np.full((60, 80), -2.0, np.float32), np.array([9.0, 9.0]))
    assert centres.shape == (0, 2) and extents.shape == (0, 2) and values.shape == (0,)


@pytest.mark.parametrize("w, h", [(8, 8), (7, 9), (10, 6), (12, 5)])
def test_a_place_is_the_very_pixels_that_look_like_it(w, h, monkeypatch):
    monkeypatch.setattr(module, "SIZES", (1.0,))
    likeness = np.full((60, 80), -2.0, np.float32)
    likeness[20 : 20 + h, 30 : 30 + w] = 2.0
    centres, extents, values = like_places(likeness, np.array([w, h], float))
    found = Places(np.full(len(values), FOUND), centres, extents, -values, np.zeros(len(values)))
    np.testing.assert_array_equal(found.box(0), [[30, 20], [29 + w, 19 + h]])


@pytest.mark.parametrize(
    "box, inside", [([[2, 1], [4, 2]], 6), ([[-3, 1], [0, 2]], 2), ([[-9, -9], [-4, -3]], 0), ([[70, 4], [90, 6]], 30)]
)
def test_of_a_box_that_leaves_the_picture_only_what_is_in_it_is_meant(box, inside):
    assert in_box(np.array(box), (60, 80)).sum() == inside
