"""Similarities between two sightings."""

import numpy as np
import pytest

from hoi_motion.lift.track.similarity import IDENTITY, between

CENTRE = np.array([30.0, 20.0])


def similarity(turn_deg: float, growth: float, centre) -> np.ndarray:
    """Turned and grown about its centre, which comes to another place."""
    c, s = np.cos(np.deg2rad(turn_deg)), np.sin(np.deg2rad(turn_deg))
    linear = growth * np.array([[c, -s], [s, c]])
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
