"""The room behind an object that leaves."""

import numpy as np
import pytest

from hoi_motion.lift.track.own.colours import Colours
from hoi_motion.lift.track.own.room import Room

T = 9
H = 40
W = 60
WALL = (150, 120, 130)
RED = (110, 190, 170)
SHIRT = (90, 120, 90)
ROWS, COLUMNS = slice(10, 22), slice(20, 32)


@pytest.fixture
def mask() -> np.ndarray:
    mask = np.zeros((H, W), bool)
    mask[ROWS, COLUMNS] = True
    return mask


def pictures(behind=WALL) -> np.ndarray:  # (T, H, W, 3) Lab u8
    """A red thing before a wall that is gone after the second picture."""
    shown = np.random.default_rng(0).normal(WALL, 2, (T, H, W, 3))
    shown[:2, ROWS, COLUMNS] = RED
    shown[2:, ROWS, COLUMNS] = behind
    return shown.round().astype(np.uint8)


def room_of(shown: np.ndarray, mask: np.ndarray) -> Room:
    nobody = np.zeros((T, H, W), bool)
    return Room.of(shown, mask, nobody, nobody[0])


def test_behind_the_object_it_is_what_is_seen_there_later(mask):
    room = room_of(pictures(behind=SHIRT), mask)
    np.testing.assert_allclose(room.colours[mask], np.tile(SHIRT, (144, 1)))
    np.testing.assert_allclose(room.colours[~mask], room.first[~mask])


def test_it_is_shown_where_nothing_has_changed_and_not_by_the_object(mask):
    shown = pictures()
    looks = room_of(shown, mask).shown_in(shown)
    assert looks[0][mask].max() < 0.01 and looks[-1][mask].min() > 0.9 and np.median(looks[:, ~mask]) > 0.5


def test_where_something_else_has_been_seen_nothing_shows_it(mask):
    shown = pictures()
    room = room_of(shown, mask).without(mask)
    looks = room.shown_in(shown)
    assert not looks[:, mask].any() and looks[:, ~mask].all()


def test_what_comes_to_light_is_the_room_and_what_was_there_before_is_not(mask):
    own, room = Colours.of(np.tile(np.array(RED, np.uint8), (144, 1))), room_of(pictures(), mask)
    assert room.uncovered(mask, own)[mask].min() > 0.9 and not room.uncovered(mask, own)[~mask].any()
    stays = pictures(behind=RED)
    assert not room_of(stays, mask).uncovered(mask, own).any()


def test_what_comes_to_light_in_colours_of_the_object_may_be_the_object(mask):
    both = Colours.of(np.tile(np.array([RED, SHIRT], np.uint8), (72, 1)))
    assert not room_of(pictures(behind=SHIRT), mask).uncovered(mask, both).any()
