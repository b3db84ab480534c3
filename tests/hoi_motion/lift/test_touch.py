"""What the fit of the person is told of hands on the object."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.lift.clip import Clip
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.touch import SURE, SURE_ALONG, TouchSeen, how_sure, taking
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact

T, TAKEN = 16, 8
K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])


def _target(moved: bool = True) -> ObjectTrack:
    mask = np.zeros((240, 360), bool)
    mask[130:160, 170:190] = True
    resting = np.arange(T) < TAKEN if moved else np.ones(T, bool)
    return ObjectTrack(mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), resting)


def _contact(start: int, end: int, hand: str = "right_hand") -> Contact:
    return Contact(hand, "target", start, end)


def test_a_hand_touches_right_before_it_takes():
    """It passes by in the picture before that, and where it goes later is not known."""
    at = taking((_contact(2, T),), _target())
    assert np.flatnonzero(at[:, 1]).tolist() == [5, 6, 7, 8]
    assert not at[:, 0].any()


def test_a_hand_that_leaves_before_the_thing_moves_says_nothing():
    assert not taking((_contact(2, 5),), _target()).any()


def test_a_hand_on_a_thing_that_stays_touches_all_the_while():
    assert np.flatnonzero(taking((_contact(9, T),), _target(moved=False))[:, 1]).tolist() == list(range(10, T))


def test_the_hand_that_goes_along_surely_touches():
    contacts = (_contact(6, T), _contact(6, 10, "left_hand"))
    np.testing.assert_array_equal(how_sure(contacts, _target()), [SURE, SURE_ALONG])


@pytest.fixture
def seen() -> TouchSeen:
    target = _target()
    clip = Clip(np.zeros((T, 240, 360, 3), np.uint8), 8.0, target.mask)
    return TouchSeen(clip, K, "given", KnownScene(), target, (_contact(6, T),))


def _points_m() -> np.ndarray:  # (T, 76, 3)
    """A person's points are all at one place, 2 m ahead of the camera and 0.4 m lower."""
    return np.tile([0.0, 2.0, -0.4], (T, 76, 1))


def test_a_depth_image_says_how_far_away_the_hand_is(seen):
    measured = replace(seen, clip=replace(seen.clip, depth_m=np.full((240, 360), 1.7)))
    touch = measured(_points_m(), -0.1, -1.5)
    assert touch.centre_m == pytest.approx(1.75, abs=0.06)
    assert touch.spread_m < 0.02


def test_a_hand_does_not_tell_its_own_distance(seen):
    assert seen(_points_m(), -0.1, -1.5) is None
