"""The cheapest way through places, against all ways there are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.lift.track.own.path import MOST_UNSEEN, UNSEEN, _step_costs, best_path, between_sightings
from hoi_motion.lift.track.own.places import FOUND, OFF_HAND_LIMIT, RESTING, Places


def places(rng, count: int) -> Places:
    kinds = np.r_[RESTING, np.full(count - 1, FOUND)]
    centres, extents = rng.uniform(0, 60, (count, 2)), rng.uniform(6, 12, (count, 2))
    return Places(kinds, centres, extents, rng.normal(0, 1, count), rng.uniform(0, 1.5, count))


def cost_of(path, frames, hands) -> float:
    """Of one way, added up frame by frame."""
    total, last = 0.0, None
    for t, i in enumerate(path):
        if i < 0:
            total += UNSEEN
            continue
        total += frames[t].cost[i]
        if last is not None:
            step = _step_costs(frames[last], frames[t], hands[last], hands[t], t - last)
            total += step[path[last], i]
        last = t
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_no_way_is_cheaper_than_the_best(seed, without_hands):
    rng = np.random.default_rng(seed)
    frames = [places(rng, 1 if t == 0 else int(rng.integers(1, 4))) for t in range(5)]
    hands = np.full((5, 2, 2), np.nan) if without_hands else rng.uniform(0, 60, (5, 2, 2))
    ways = product([0], *[range(-1, len(f.cost)) for f in frames[1:]])  # the first frame shows it
    least = min(cost_of(way, frames, hands) for way in ways)
    assert cost_of(best_path(frames, hands), frames, hands) == pytest.approx(least)


def test_what_jumps_to_a_double_far_away_for_one_frame_stays():
    near = np.array([[20.0, 20], [60, 20]])
    frames = [
        Places(np.array([RESTING, FOUND]), near, np.full((2, 2), 8.0), np.array(costs), np.zeros(2))
        for costs in ([-3.0, 0], [-3, 0], [-0.5, -1.5], [-3, 0])
    ]
    np.testing.assert_array_equal(best_path(frames, np.full((4, 2, 2), np.nan)), 0)


def flight(looks: float, step_px: float) -> list[Places]:
    """It leaves its place, far from any hand, by so many pixels a frame (it has 8), and looks like itself so much."""
    frames = [Places(np.array([RESTING]), np.array([[20.0, 20]]), np.full((1, 2), 8.0), np.array([-3.0]), np.zeros(1))]
    for t in range(1, 5):
        places_px = np.array([[20.0, 20], [20 + t * step_px, 20]])
        off = np.array([0, OFF_HAND_LIMIT])
        kinds, costs = np.array([RESTING, FOUND]), np.array([2.0, looks])
        frames.append(Places(kinds, places_px, np.full((2, 2), 8.0), costs, off))
    return frames


def test_what_is_thrown_is_followed_where_it_is_seen_clearly():
    np.testing.assert_array_equal(best_path(flight(-2.5, 16), np.full((5, 2, 2), np.nan)), [0, 1, 1, 1, 1])


@pytest.mark.parametrize(("looks", "step_px"), [(-0.8, 16), (-2.2, 60)], ids=["unclear", "faster than things fly"])
def test_no_flight_is_made_of_what(looks, step_px):
    assert (best_path(flight(looks, step_px), np.full((5, 2, 2), np.nan)) != 1).all()


def test_a_step_with_the_hand_is_cheaper_than_one_alone():
    before = Places(np.array([RESTING]), np.array([[20.0, 20]]), np.full((1, 2), 8.0), np.zeros(1), np.zeros(1))
    after = Places(np.array([FOUND]), np.array([[32.0, 20]]), np.full((1, 2), 8.0), np.zeros(1), np.zeros(1))
    nobody, hand = np.full((2, 2), np.nan), np.array([[18.0, 18], [np.nan, np.nan]])
    alone = _step_costs(before, after, nobody, nobody, 1)
    carried = _step_costs(before, after, hand, hand + [12.0, 0], 1)
    assert carried[0, 0] < alone[0, 0]


def test_a_hand_that_is_not_seen_for_a_while_is_on_its_way_and_later_unknown():
    hands = np.full((30, 2, 2), np.nan)
    hands[[0, 4], 1] = [10.0, 20], [18, 24]
    between = between_sightings(hands)
    np.testing.assert_allclose(between[:6, 1], [[10, 20], [12, 21], [14, 22], [16, 23], [18, 24], [18, 24]])
    assert np.isnan(between[4 + MOST_UNSEEN + 1 :, 1]).all() and np.isnan(between[:, 0]).all()
