"""The plate under what rests: where the actor's body leaves room for it."""

import numpy as np
import pytest

from hoi_motion.body.joints import index_of
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.support import HAND_MARGIN_M, TABLE_SIDE_M, TRUNK_MARGIN_M, support_under

CUBE = Primitive("box", np.full(3, 0.1))


def resting(height_m: float) -> np.ndarray:  # (4, 4)
    T = np.eye(4)
    T[:3, 3] = 0.0, 0.0, height_m
    return T


def actor(**points_m) -> np.ndarray:  # (2, 76, 3)
    """Somebody far away but for one point."""
    body = np.full((2, 76, 3), 5.0)
    for name, place in points_m.items():
        body[1, index_of(name)] = place
    return body


def test_what_rests_on_the_floor_has_none():
    assert support_under(resting(0.05), CUBE, actor()) is None


def test_its_top_is_right_below():
    plate = support_under(resting(0.8), CUBE, actor())
    assert plate.T_world_box[2, 3] + plate.size_m[2] / 2 == pytest.approx(0.75)
    np.testing.assert_allclose(plate.size_m[:2], TABLE_SIDE_M)


@pytest.mark.parametrize(
    "name, place, margin_m",
    [
        ("left_knee", (0.25, 0.0, 0.5), TRUNK_MARGIN_M),
        ("right_ankle", (0.0, 0.28, 0.1), TRUNK_MARGIN_M),
        ("spine2", (0.27, 0.0, 1.2), TRUNK_MARGIN_M),
        ("left_wrist", (0.2, 0.0, 0.7), HAND_MARGIN_M),
    ],
)
def test_it_keeps_clear_of_legs_and_trunk_and_of_hands_below_it(name, place, margin_m):
    plate = support_under(resting(0.8), CUBE, actor(**{name: place}))
    np.testing.assert_allclose(plate.size_m[:2] / 2, max(place[:2]) - margin_m)


def test_it_is_at_least_as_wide_as_what_stands_on_it():
    """Also where that is wider than the plate under most things: what lies beyond the edge would tip over."""
    board = Primitive("box", np.array([0.9, 0.9, 0.05]))
    plate = support_under(resting(0.8), board, actor())
    assert (plate.size_m[:2] > board.size_m[:2]).all()


def test_arms_reach_over_it():
    plate = support_under(resting(0.8), CUBE, actor(left_wrist=(0.2, 0.0, 0.9), left_elbow=(0.25, 0.0, 1.0)))
    np.testing.assert_allclose(plate.size_m[:2], TABLE_SIDE_M)
