"""What looks like the object and not like room or person."""

import cv2
import numpy as np
import pytest

from hoi_motion.lift.track.own.likeness import LIMIT, object_likeness
from hoi_motion.lift.track.own.small_clip import People

H = 60
W = 90
T = 9
SIDE = 12
RED = (170, 40, 40)
WALL = (190, 185, 170)
SKIN = (205, 160, 130)
NO_HANDS = np.zeros((2, H, W), bool)
NONE = np.zeros((T, H, W), bool)
NOBODY = People(NONE, NONE, NONE, NO_HANDS)


def clip(places, twin=None):
    """Lab pictures of a red square at places (x, y), None where it is away; another one stands at `twin`."""
    rng = np.random.default_rng(0)
    wall = np.array(WALL) + cv2.GaussianBlur(rng.normal(0, 40, (H, W, 3)), (0, 0), 5)
    images = []
    for place in places:
        image = wall + rng.normal(0, 2, wall.shape)
        for spot in (place, twin):
            if spot is not None:
                x, y = spot
                image[y : y + SIDE, x : x + SIDE] = RED
        images.append(cv2.cvtColor(np.clip(image, 0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB))
    mask = np.zeros((H, W), bool)
    x, y = places[0]
    mask[y : y + SIDE, x : x + SIDE] = True
    return images, mask


def likeness(places, twin=None):
    images, mask = clip(places, twin)
    return object_likeness(images, mask, NOBODY), mask


def inside(image: np.ndarray, place) -> np.ndarray:
    x, y = place
    return image[y + 2 : y + SIDE - 2, x + 2 : x + SIDE - 2]


MOVED = [(10, 30)] * 3 + [(10 + 8 * i, 30) for i in range(1, T - 2)]


def test_where_the_object_is_looks_like_it_and_the_wall_does_not():
    found, _ = likeness(MOVED)
    for t in range(4, T):
        assert inside(found.maps[t], MOVED[t]).min() > 0.5
        assert found.maps[t][:20].max() < 0


def test_what_stood_there_from_the_start_is_not_the_object_though_it_has_its_colours():
    twin = (70, 8)
    found, _ = likeness(MOVED, twin)
    assert inside(found.maps[-1], twin).mean() < inside(found.maps[-1], MOVED[-1]).mean() - 1.0


def test_its_first_place_is_emptied_once_it_has_left_and_not_before():
    found, mask = likeness(MOVED)
    emptied = found.emptied[:, mask].mean(1)
    assert emptied[:3].max() < 0.1 and emptied[6:].min() > 0.5


@pytest.fixture
def shifted():
    """Pictures of a striped packet that is shifted by a third of its size after two frames and lies there since, and
    its mask."""
    images, mask = clip([(10, 30), *[None] * (T - 1)])
    for t, image in enumerate(images):
        x = 10 if t < 2 else 14
        striped = np.zeros((SIDE, SIDE, 3), np.uint8) + np.array(RED, np.uint8)
        striped[:, SIDE // 2 :] = (40, 60, 170)
        image[30 : 30 + SIDE, x : x + SIDE] = cv2.cvtColor(striped, cv2.COLOR_RGB2LAB)
    return images, mask


def test_what_is_shifted_and_stays_does_not_leave_its_place_empty(shifted):
    """Where it was red it is blue since, and no table shows there."""
    images, mask = shifted
    found = object_likeness(images, mask, NOBODY)
    assert found.emptied[4:, 30 : 30 + SIDE, 15 : 10 + SIDE].max() < 0.1
    assert found.emptied[4:, 30 : 30 + SIDE, 10:14].mean() > 0.5


def test_what_has_been_seen_in_its_new_place_is_not_the_room_there_later(shifted):
    images, mask = shifted
    seen = NONE.copy()
    seen[2, 28 : 32 + SIDE, 12 : 16 + SIDE] = True  # with a margin of the wall
    without = object_likeness(images, mask, NOBODY)
    found = object_likeness(images, mask, NOBODY, seen)
    there = np.s_[4:, 32 : 28 + SIDE, 15 : 10 + SIDE]
    assert without.maps[there].max() < 0.5 < found.maps[there].min()
    assert found.maps[4:, 28, 12:24].max() < 0


def test_a_twin_beside_it_is_the_room_although_it_has_been_seen_in_that_box():
    """It is lifted from between its twins: their edges are in the box in which it is seen, and look like it."""
    twin = (10 + SIDE, 30)
    images, mask = clip(MOVED, twin)
    seen = NONE.copy()
    seen[3, 28 : 32 + SIDE, 10 : 20 + SIDE] = True
    found = object_likeness(images, mask, NOBODY, seen)
    assert found.maps[7:, 32 : 28 + SIDE, 10 + SIDE : 12 + SIDE].max() < 0


def test_what_rests_all_the_time_never_leaves_its_place_empty():
    found, mask = likeness([(10, 30)] * T)
    assert found.emptied[:, mask].mean() < 0.1


def test_hair_of_the_objects_colours_is_not_the_object_and_what_is_held_beside_it_is():
    hair = [(60, 8)] * T
    images, mask = clip(MOVED)
    heads = np.zeros((T, H, W), bool)
    for image, (x, y), head in zip(images, hair, heads):
        image[y : y + SIDE, x : x + SIDE] = images[0][mask].mean(0)
        head[y : y + SIDE, x : x + SIDE] = True
    # it walks in: the room of the first frame has no head there
    images[0][heads[0]] = images[0][0, 0]
    heads[0] = False
    people = heads.copy()
    without, found = (
        object_likeness(images, mask, People(people, people, h, NO_HANDS)).maps[-1]
        for h in (np.zeros_like(heads), heads)
    )
    assert inside(found, hair[-1]).mean() < inside(without, hair[-1]).mean() - 0.5
    np.testing.assert_array_equal(found[~heads[-1]], without[~heads[-1]])


SHIRT = (60, 90, 150)


def before_somebody(shirt):
    """How much the object looks like itself where it stays before a person who never leaves, in the last pictures."""
    images, mask = clip([(10, 30)] * 2 + [(60, 30)] * (T - 2))
    persons = np.zeros((T, H, W), bool)
    persons[:, 20:55, 50:85] = True
    for t, image in enumerate(images):
        shown = persons[0].copy()
        if t > 1:
            shown[30 : 30 + SIDE, 60 : 60 + SIDE] = False
        image[shown] = cv2.cvtColor(np.full((1, 1, 3), shirt, np.uint8), cv2.COLOR_RGB2LAB)
    bare = persons.copy()
    bare[:, 25:48, 55:78] = False
    return inside(object_likeness(images, mask, People(persons, bare, NONE, NO_HANDS)).maps[-1], (60, 30))


def test_what_stays_before_somebody_who_never_leaves_is_not_the_room():
    assert before_somebody(SHIRT).min() > 0.5


def test_unless_it_has_the_colours_that_they_had_before():
    assert before_somebody(RED).max() < 0


def turned(colour):
    """A clip of the object that shows another colour inside its edge from the fourth picture on, and where it is."""
    images, mask = clip(MOVED)
    other = cv2.cvtColor(np.full((1, 1, 3), colour, np.uint8), cv2.COLOR_RGB2LAB)
    seen = np.zeros((T, H, W), bool)
    for t in range(4, T):
        x, y = MOVED[t]
        images[t][y + 2 : y + SIDE - 2, x + 2 : x + SIDE - 2] = other
        seen[t, y : y + SIDE, x : x + SIDE] = True
    return images, mask, seen


ORANGE = (230, 130, 40)


def test_colours_that_it_shows_later_are_its_own_where_it_has_been_found():
    images, mask, seen = turned(ORANGE)
    before, after = (
        inside(object_likeness(images, mask, NOBODY, s).maps[-1], MOVED[-1])
        for s in (None, seen & (np.arange(T) < T - 1)[:, None, None])
    )
    assert after.min() > before.max() + 1.0


def test_but_not_those_of_the_person_who_has_it():
    images, mask, seen = turned(SKIN)
    skin = cv2.cvtColor(np.full((1, 1, 3), SKIN, np.uint8), cv2.COLOR_RGB2LAB)
    persons = np.zeros_like(seen)
    persons[:, 45:, 70:] = True
    for image in images:
        image[persons[0]] = skin
    found = object_likeness(images, mask, People(persons, persons, NONE, NO_HANDS), seen).maps[-1]
    assert inside(found, MOVED[-1]).max() < 0


def held(fingers_px: int):
    """A clip of an object whose first columns fingers cover, of a hand that comes from the left; and the hand's mask.

    In the last picture there is skin at (60, 40).
    """
    images, mask = clip(MOVED)
    skin = cv2.cvtColor(np.full((1, 1, 3), SKIN, np.uint8), cv2.COLOR_RGB2LAB)
    x, y = MOVED[0]
    hand = np.zeros((2, H, W), bool)
    hand[0, y : y + SIDE, x - 8 : x + fingers_px] = True
    images[0][hand[0]] = skin
    images[-1][40 : 40 + SIDE, 60 : 60 + SIDE] = skin
    return images, mask, hand


def skin_looks(fingers_px: int, hands_at_px: int = 0) -> float:
    images, mask, hands = held(fingers_px)
    hands = np.roll(hands, hands_at_px, axis=1)
    return float(inside(object_likeness(images, mask, People(NONE, NONE, NONE, hands)).maps[-1], (60, 40)).mean())


def test_fingers_that_were_marked_with_the_object_are_not_the_object():
    assert skin_looks(4) < 0 < skin_looks(4, hands_at_px=-28)


def test_an_object_of_the_hands_colours_keeps_them():
    assert skin_looks(SIDE) > 0


def test_ratios_stay_within_their_limit():
    found, _ = likeness(MOVED)
    assert np.abs(found.maps).max() <= LIMIT and 0 <= found.emptied.min() and found.emptied.max() <= 1


@pytest.mark.parametrize("axis", [1, 2])
def test_a_mirrored_clip_has_a_mirrored_likeness(axis):
    images, mask = clip(MOVED)
    plain = object_likeness(images, mask, NOBODY).maps
    flipped = [np.ascontiguousarray(np.flip(image, axis - 1)) for image in images]
    flipped_mask = np.ascontiguousarray(np.flip(mask, axis - 1))
    mirrored = object_likeness(flipped, flipped_mask, NOBODY).maps
    np.testing.assert_allclose(np.flip(mirrored, axis), plain, atol=1e-4)
