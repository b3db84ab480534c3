"""Similarities between two sightings, in other pixels, and as they are seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.lift.track.similarity import (
    IDENTITY,
    between,
    in_scaled_pictures,
    moved_like,
    moved_mask,
    nearest_similarity,
    seen_turn_rad,
    transformed,
)

CENTRE = np.array([30.0, 20.0])


def turning(turn_deg: float, growth: float, shift=(0, 0)) -> np.ndarray:  # (2, 3)
    c, s = growth * np.cos(np.deg2rad(turn_deg)), growth * np.sin(np.deg2rad(turn_deg))
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


def moved(points: np.ndarray, similarity: np.ndarray) -> np.ndarray:  # (N, 2), (2, 3) -> (N, 2)
    return points @ similarity[:, :2].T + similarity[:, 2]


def similarity(turn_deg: float, growth: float, centre) -> np.ndarray:
    """Turned and grown about its centre, which comes to another place."""
    linear = turning(turn_deg, growth)[:, :2]
    return np.column_stack([linear, np.array(centre) - linear @ CENTRE])


@pytest.mark.parametrize("turn_deg", [10, 90, 170, -120])
def test_half_way_it_is_half_as_turned_and_as_large_as_the_mean_of_both_ends(turn_deg):
    end = similarity(turn_deg, 4.0, (90, 40))
    expected = similarity(turn_deg / 2, 2.0, (60, 30))
    np.testing.assert_allclose(between(IDENTITY, end, 0.5, CENTRE), expected, atol=1e-9)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_at_its_ends_it_is_what_was_seen(share):
    ends = similarity(-20, 0.7, (10, 20)), similarity(140, 1.3, (50, 60))
    np.testing.assert_allclose(between(*ends, share, CENTRE), ends[int(share)], atol=1e-9)


ANY = st.builds(turning, st.floats(-170, 170), st.floats(0.5, 2), st.tuples(st.floats(-50, 50), st.floats(-50, 50)))
POINTS = np.array([[3.0, 4], [30, 7], [12, 40], [-5, 22]])


@given(ANY, ANY)
def test_what_applies_one_after_the_other_does_so(outer, inner):
    places = moved(POINTS, transformed(outer, inner))
    np.testing.assert_allclose(places, moved(moved(POINTS, inner), outer), atol=1e-9)


@given(ANY, st.floats(0.1, 4))
def test_in_scaled_pictures_the_same_things_move_to_the_same_places(similarity, scale):
    """A picture's edge is half a pixel off the centre of its first one, in each of them."""
    there = in_scaled_pictures(similarity[None], np.array([scale, scale]))[0]
    np.testing.assert_allclose(
        moved((POINTS + 0.5) * scale - 0.5, there), (moved(POINTS, similarity) + 0.5) * scale - 0.5, atol=1e-7
    )


@given(ANY)
def test_points_that_moved_alike_tell_how(similarity):
    np.testing.assert_allclose(nearest_similarity(POINTS, moved(POINTS, similarity)), similarity, atol=1e-7)


BAR = np.zeros((120, 120), bool)
BAR[30:90, 55:65] = True


@pytest.mark.parametrize("degrees, last_deg", [(25, 0), (-25, 0), (80, 60), (115, 100), (170, 150)])
def test_a_bar_shows_how_far_it_has_turned(degrees, last_deg):
    """Its two ends look alike: how far it had turned before tells them apart."""
    middle = np.array([59.5, 59.5])
    linear = turning(degrees, 1.0)[:, :2]
    now = moved_mask(BAR, np.column_stack([linear, middle - linear @ middle]))
    found = seen_turn_rad(BAR, now, np.deg2rad(last_deg))
    np.testing.assert_allclose(np.rad2deg(found), degrees, atol=2)
    np.testing.assert_allclose(moved([middle], moved_like(BAR, now, found))[0], middle, atol=1)


def test_a_bar_that_a_hand_covers_by_half_is_not_said_to_have_turned():
    assert seen_turn_rad(BAR, BAR & (np.indices(BAR.shape)[0] < 40), 0.1) == 0.1
