"""The object's track on pictures drawn for it."""

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.lift.track.own.appearance import Template
from hoi_motion.lift.track.own.follow import _Walker, follow_object, work_image
from hoi_motion.lift.track.similarity import IDENTITY

SIDE = 20


def _clip(places, hidden=(), seed=0):
    """Frames (T, 96, 144, 3) with a patterned square at the given corners (x, y) before a calm background."""
    rng = np.random.default_rng(seed)
    back = cv2.GaussianBlur(rng.integers(90, 150, (96, 144, 3), np.uint8), (0, 0), 6)
    pattern = cv2.resize(rng.integers(0, 255, (5, 5, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    frames = np.tile(back, (len(places), 1, 1, 1))
    for t, (x, y) in enumerate(places):
        frames[t, y : y + SIDE, x : x + SIDE] = pattern
        if t in hidden:
            frames[t, y - 4 : y + SIDE + 4, x - 4 : x + SIDE + 4] = (200, 150, 120)
    mask = np.zeros((96, 144), bool)
    x, y = places[0]
    mask[y : y + SIDE, x : x + SIDE] = True
    return frames, mask


def test_an_object_that_stays_rests():
    track = follow_object(*_clip([(60, 40)] * 8))
    assert track.resting.all() and track.visibility.min() > 0.95 and not track.moved
    np.testing.assert_array_equal(track.mask_at(7), track.mask)


def test_an_object_that_moves_is_followed():
    places = [(60, 40)] * 3 + [(60 + 4 * i, 40 - 3 * i) for i in range(1, 9)]
    track = follow_object(*_clip(places))
    np.testing.assert_allclose(track.centroid_px, np.array(places) + (SIDE - 1) / 2, atol=2.0)
    assert track.resting[:3].all() and not track.resting[5:].any()


def test_an_object_that_only_seems_to_grow_where_it_is_rests(monkeypatch):
    """Its pixels shift by far more than it does, counted from the corner of the picture."""
    middle_work_px = 2 * np.array([60, 40]) + SIDE - 0.5
    grown = np.column_stack([1.03 * np.eye(2), -0.03 * middle_work_px])
    steps = iter([(IDENTITY, 1.0, 1.0), (grown, 0.5, 0.3), (grown, 0.5, 0.3), (IDENTITY, 1.0, 1.0)])
    monkeypatch.setattr(_Walker, "step", lambda *_: next(steps))
    assert follow_object(*_clip([(60, 40)] * 5)).resting.all()


def test_an_object_hidden_for_a_while_rests_meanwhile():
    track = follow_object(*_clip([(60, 40)] * 9, hidden=(3, 4, 5)))
    assert track.resting.all()
    assert track.visibility[4] < 0.5 < track.visibility[8]


def test_a_hidden_object_goes_with_the_hand_that_took_it():
    places = [(60, 40)] * 4 + [(60 + 5 * i, 40) for i in range(1, 8)]
    frames, mask = _clip(places, hidden=range(4, 11))
    hands = np.full((11, 2, 2), np.nan)
    hands[:, 1] = np.array(places) + SIDE / 2 + [0, -6]
    hands[:2, 1] += [0, -40]
    track = follow_object(frames, mask, hands)
    np.testing.assert_allclose(track.centroid_px[-1], np.array(places[-1]) + (SIDE - 1) / 2, atol=SIDE / 2)


def _plain(corners, sides):
    """A plain square of these sides at these corners, before the same background as the patterned one."""
    frames, mask = _clip([corners[0]])
    frames = np.tile(cv2.inpaint(frames[0], mask.astype(np.uint8), 3, cv2.INPAINT_TELEA), (len(corners), 1, 1, 1))
    for frame, (x, y), side in zip(frames, corners, sides):
        frame[y : y + side, x : x + side] = (150, 40, 40)
    return frames, mask


def test_a_plain_object_fills_the_place_where_it_is_found():
    corners, sides = [(20, 60)] * 3 + [(50, 54)], [SIDE] * 3 + [SIDE + 4]
    middles = np.array(corners) + (np.array(sides)[:, None] - 1) / 2
    hands = np.full((4, 2, 2), np.nan)
    hands[:, 1] = middles + [0, 12]
    # the hand is seen a little off: a smaller square fits inside there
    hands[3, 1] += [5, 3]
    frames, mask = _plain(corners, sides)
    found = follow_object(frames, mask, hands).centroid_px[3]
    assert np.linalg.norm(found - middles[3]) < SIDE / 8


def test_a_large_plain_object_that_is_lifted_slowly_does_not_rest():
    """What it leaves behind is no new look of it."""
    side, rises_px = 2 * SIDE, np.r_[np.zeros(3, int), np.arange(25)]
    frames, _ = _plain([(60, 50 - rise) for rise in rises_px], [side] * len(rises_px))
    mask = np.zeros(frames.shape[1:3], bool)
    mask[50 : 50 + side, 60 : 60 + side] = True
    track = follow_object(frames, mask)
    rows = track.centroid_px[:, 1]
    assert not track.resting[-1] and abs(rows[0] - rows[-1] - rises_px[-1]) < 4


def test_what_is_around_a_place_inside_a_plain_object_looks_like_the_object():
    frames, mask = _plain([(60, 40)], [SIDE])
    image = work_image(frames[0], 1.0)
    template = Template(image, mask)
    middle = np.array([60, 40]) + (SIDE - 1) / 2
    half = np.column_stack([0.5 * np.eye(2), 0.5 * middle])
    assert template.spilled(image, IDENTITY) < 0.1 and template.spilled(image, half) > 0.9


def _smeared_lift(places, smeared, neighbour):
    """A plain box before a plain wall; smeared it shines through, mixed over where it was and where it will be."""
    wall, box = np.array([200, 190, 170.0]), np.array([60, 80, 150.0])
    frames = np.empty((len(places), 96, 144, 3), np.uint8)
    ways = [np.linspace(places[max(t - 1, 0)], place, 8) if t in smeared else [place] for t, place in enumerate(places)]
    for t, way in enumerate(ways):
        share = np.zeros((96, 144))
        for x, y in np.round(way).astype(int):
            share[y : y + SIDE, x : x + SIDE] += (0.85 if t in smeared else 1.0) / len(way)
        x, y = neighbour
        share[y : y + SIDE, x : x + SIDE] = 1.0
        share = cv2.GaussianBlur(share, (0, 0), 1.5 if t in smeared else 0.7)[..., None]
        frames[t] = wall + share * (box - wall)
    mask = np.zeros((96, 144), bool)
    x, y = places[0]
    mask[y : y + SIDE, x : x + SIDE] = True
    return frames, mask


@pytest.mark.parametrize("until", [6, 10], ids=["sharp again", "smeared to the end"])
def test_an_object_that_leaves_in_smeared_frames_is_followed_and_not_its_neighbour(until):
    places = [(60, 64)] * 4 + [(62, 52), (64, 38), (66, 24), (66, 20), (66, 18), (66, 18)]
    track = follow_object(*_smeared_lift(places, smeared=range(4, until), neighbour=(94, 64)))
    # on its way it cannot be seen, but it is not where it was
    assert track.resting.tolist() == [True] * 4 + [False] * 6
    np.testing.assert_allclose(track.centroid_px[7:], np.array(places[7:]) + (SIDE - 1) / 2, atol=SIDE / 4)


def test_an_object_that_is_half_covered_does_not_leave_for_its_neighbour():
    frames, mask = _smeared_lift([(60, 64)] * 8, smeared=(), neighbour=(86, 64))
    frames[4:, 58:78, 54:90] = (200, 150, 120)
    assert follow_object(frames, mask).resting.all()


def test_sizes_do_not_matter():
    frames, mask = _clip([(60, 40)] * 3 + [(66, 40), (72, 40), (78, 40)])
    large = np.stack([cv2.resize(f, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for f in frames])
    large_mask = cv2.resize(mask.astype(np.uint8), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST) > 0
    small, big = follow_object(frames, mask).centroid_px, follow_object(large, large_mask).centroid_px
    np.testing.assert_allclose((big + 0.5) / 3 - 0.5, small, atol=1.5)


@pytest.mark.parametrize("case", ["plain", "gone", "tiny"])
def test_a_mask_on_nothing_has_no_track(case):
    frames, mask = _clip([(60, 40)] * 8)
    if case == "plain":
        frames = np.full_like(frames, 120)
    elif case == "gone":
        frames[1:] = np.random.default_rng(3).integers(0, 255, frames[1:].shape, np.uint8)
    else:
        mask = np.zeros_like(mask)
        mask[40, 60:63] = True
    with pytest.raises(LiftError) as caught:
        follow_object(frames, mask)
    assert caught.value.code == ErrorCode.NO_TARGET_TRACK


def test_a_hand_that_is_seen_to_have_the_object_says_more_than_a_smear():
    places = [(60, 64)] * 4 + [(60 + 4 * i, 64 - 6 * i) for i in range(1, 7)]
    frames, mask = _clip(places, hidden=range(4, 10))
    # something like the object, but pale, appears beside its first place
    decoy = frames[0, 64 : 64 + SIDE, 60 : 60 + SIDE].astype(float)
    for t in range(5, 10):
        frames[t, 64 : 64 + SIDE, 34 : 34 + SIDE] = 0.8 * decoy + 0.2 * frames[t, 0, 0]
    hands = np.full((10, 2, 2), np.nan)
    hands[:, 1] = np.array(places) + SIDE / 2 + [0, -6]
    hands[:2, 1] += [0, -40]
    track = follow_object(frames, mask, hands)
    np.testing.assert_allclose(track.centroid_px[-1], np.array(places[-1]) + (SIDE - 1) / 2, atol=SIDE / 2)


def _pale(places):
    """Frames (T, 96, 144, 3) with a plain square at the given corners (x, y) before a wall that is a little darker."""
    frames = np.full((len(places), 96, 144, 3), (205, 203, 200), np.uint8)
    for frame, place in zip(frames, places):
        x, y = place
        frame[y : y + SIDE, x : x + SIDE] = (218, 216, 208)
    mask = np.zeros((96, 144), bool)
    x, y = places[0]
    mask[y : y + SIDE, x : x + SIDE] = True
    return frames, mask


def test_a_thing_that_leaves_a_wall_of_about_its_colour_does_not_rest_on():
    places = [(60, 60)] * 3 + [(60, 60 - 4 * i) for i in range(1, 12)]
    track = follow_object(*_pale(places))
    assert track.resting[:3].all() and not track.resting[-6:].any()


def test_an_outline_that_fails_in_one_frame_only_may_be_blurred():
    here, mask = _pale([(60, 60)])
    there, _ = _pale([(60, 4)])
    first, gone = (work_image(frames[0], 1.0) for frames in (here, there))
    walker = _Walker(Template(first, mask), first, None)
    assert walker.step(gone, 1)[2] > 0.5
    assert walker.step(gone, 2)[2] < 0.05
