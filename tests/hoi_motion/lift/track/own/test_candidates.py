"""Places that the object may have in one frame, and what they cost."""

import warnings

import numpy as np
import pytest

from hoi_motion.lift.track.own.candidates import Candidates
from hoi_motion.lift.track.own.places import FOLLOWED, FOUND, RESTING
from hoi_motion.lift.track.own.small_clip import SmallClip
from hoi_motion.lift.track.own.still_clip import StillClip
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack

H = 96
W = 144
T = 3
SIDE = 18
WALL = (190, 185, 170)
RED = (170, 40, 40)
SHIFT = np.array([[1.0, 0, 40], [0, 1, 0]])


def candidates(home: np.ndarray, followed: np.ndarray, rests: bool = False) -> Candidates:
    """Those of a red square that is gone in the last frame.

    Args:
        home, followed: (2, 3) in the last two frames, from the first; rests: who follows it sees it rest in all frames.
    """
    mask, nobody = np.zeros((H, W), bool), np.zeros((T, H, W), bool)
    mask[40 : 40 + SIDE, 30 : 30 + SIDE] = True
    frames = np.tile(np.array(WALL, np.uint8), (T, H, W, 1))
    frames[:2, mask] = RED
    moves = np.stack([IDENTITY, home, home])
    still = StillClip(frames, mask, nobody, nobody, nobody[:2], np.full((T, 2, 2), np.nan), moves, moves)
    way, resting = np.stack([IDENTITY, followed, followed]), np.array([True, rests, rests])
    return Candidates(SmallClip.of(still), ObjectTrack(mask, way, np.ones(T), resting))


NOTHING = np.full((H, W), -2.0, np.float32), np.zeros((H, W))


def test_in_the_first_frame_it_is_where_it_was_marked():
    places = candidates(IDENTITY, SHIFT).at(0, *NOTHING)
    assert places.kind.tolist() == [RESTING]
    np.testing.assert_allclose(places.centre, [[30 + (SIDE - 1) / 2, 40 + (SIDE - 1) / 2]])


def test_its_first_place_costs_more_once_it_looks_otherwise():
    of = candidates(IDENTITY, SHIFT)
    assert of.at(1, *NOTHING).cost[0] < -1 < 0 < of.at(2, *NOTHING).cost[0]


def test_its_first_place_costs_less_where_who_follows_it_sees_it_rest():
    changed, seen_to_rest = (candidates(IDENTITY, IDENTITY, rests) for rests in (False, True))
    assert changed.rest_scores[2] < 0.5 and seen_to_rest.rest_scores[2] == 1.0
    assert seen_to_rest.at(2, *NOTHING).looks[0] < changed.at(2, *NOTHING).looks[0] - 0.5


def test_where_it_was_followed_and_where_its_colours_are_are_places_too():
    likeness = NOTHING[0].copy()
    likeness[60:78, 100:118] = 2.0
    places = candidates(IDENTITY, SHIFT).at(2, likeness, NOTHING[1])
    at = {int(kind): centre for kind, centre in zip(places.kind[::-1], places.centre[::-1])}
    np.testing.assert_allclose(at[FOLLOWED], [70 + (SIDE - 1) / 2, 40 + (SIDE - 1) / 2])
    np.testing.assert_allclose(at[FOUND], [100 + (SIDE - 1) / 2, 60 + (SIDE - 1) / 2], atol=SIDE / 4)


@pytest.mark.parametrize("shift_px", [-60, 130])
def test_a_camera_may_turn_away_from_its_first_place(shift_px):
    away = np.array([[1.0, 0, shift_px], [0, 1, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(candidates(away, IDENTITY).at(2, *NOTHING).cost).all()
