"""The whole tracker on drawn clips: twins, a camera that moves, an object that is hidden."""

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ControlError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.own.tracker import OwnTracker
from hoi_motion.progress import CancelToken

H = 144
W = 216
SIDE = 16
RED = (170, 40, 40)
SKIN = (205, 160, 130)
SHIRT = (60, 90, 150)
SHOULDER = np.array([150.0, 30])
HIP = np.array([150.0, 80])
ANKLE = np.array([150.0, 138])


def person(hands) -> KeypointTrack:
    """Somebody who stands at the right and has the right hand at these places, (T, 2)."""
    T = len(hands)
    body = np.zeros((T, 33, 3))
    points = {kp.NOSE: SHOULDER - [0, 16], kp.L_SHOULDER: SHOULDER + [14, 0], kp.R_SHOULDER: SHOULDER - [14, 0]}
    points |= {kp.L_HIP: HIP + [8, 0], kp.R_HIP: HIP - [8, 0], kp.L_ANKLE: ANKLE + [8, 0], kp.R_ANKLE: ANKLE - [8, 0]}
    points |= {kp.L_KNEE: (HIP + ANKLE) / 2 + [8, 0], kp.R_KNEE: (HIP + ANKLE) / 2 - [8, 0]}
    for i, xy in points.items():
        body[:, i] = [*xy, 0.9]
    for i in (16, 18, 20, 22):
        body[:, i] = np.column_stack([hands, np.full(T, 0.9)])
    body[:, kp.R_ELBOW] = np.column_stack([(np.array(hands) + SHOULDER - [14, 0]) / 2, np.full(T, 0.9)])
    none = np.zeros((T, 21, 3))
    return KeypointTrack(body, none, none, np.zeros((T, 33, 3)), np.ones(T, bool))


def drawn(places, hands, twin=None, hidden=(), pan_px=0.0):
    """Frames, the mask of a red square at places (x, y), and the person who has a hand there."""
    rng = np.random.default_rng(0)
    wide = rng.integers(120, 200, (24, 60, 3), np.uint8)
    room = cv2.GaussianBlur(cv2.resize(wide, (2 * W, H), interpolation=cv2.INTER_CUBIC), (0, 0), 1.5)
    frames = []
    for t, (place, hand) in enumerate(zip(places, hands)):
        image = room.copy()
        cv2.rectangle(image, (136, 28), (164, 138), SHIRT, -1)
        for spot in (place, twin):
            if spot is not None:
                x, y = spot
                image[y : y + SIDE, x : x + SIDE] = RED
        cv2.circle(image, (int(hand[0]), int(hand[1])), 20 if t in hidden else 5, SKIN, -1)
        shift = np.array([[1.0, 0, -pan_px * t], [0, 1, 0]])
        frames.append(cv2.warpAffine(image, shift, (W, H)))
    mask = np.zeros((H, W), bool)
    x, y = places[0]
    mask[y : y + SIDE, x : x + SIDE] = True
    track = person(np.array(hands) - np.arange(len(hands))[:, None] * [pan_px, 0])
    return np.stack(frames), mask, track


def middles(places) -> np.ndarray:
    return np.array(places) + (SIDE - 1) / 2


LIFTED = [(40, 90)] * 5 + [(40 + 3 * i, 90 - 6 * i) for i in range(1, 9)]
HAND = [(120 - 15 * i, 80 + 3 * i) for i in range(5)] + [(x + SIDE + 3, y + 6) for x, y in LIFTED[5:]]


def test_what_a_hand_lifts_is_followed():
    track = OwnTracker().track(*drawn(LIFTED, HAND))
    np.testing.assert_allclose(track.centroid_px, middles(LIFTED), atol=5)
    assert track.resting[:4].all() and not track.resting[7:].any() and track.visibility[8:].min() > 0.35


class Counted(CancelToken):
    """A token that knows how often it was asked."""

    asked = 0

    def raise_if_cancelled(self) -> None:
        self.asked += 1
        super().raise_if_cancelled()


def test_a_cancel_is_heard_before_during_and_after_the_following():
    clip, asked = drawn(LIFTED, HAND), []
    cancel = Counted()
    OwnTracker().track(*clip, on_progress=lambda stage, done: asked.append(cancel.asked), cancel=cancel)
    T = len(clip[0])
    # once a frame at least: the background, the following, then the first place, colours, places and path
    assert len(asked) == T - 1 and asked[0] >= T and cancel.asked - asked[-1] >= 4 * (T - 1)
    late = CancelToken()
    with pytest.raises(ControlError, match="CANCELLED"):
        OwnTracker().track(*clip, on_progress=lambda stage, done: late.cancel() if done == 1.0 else None, cancel=late)


def test_what_is_long_turns_as_its_outline_does():
    """A bottle that is poured: flow loses it, colours find it."""
    length, width, count = 40, 12, 13
    angles = np.deg2rad([0] * 4 + [20 * i for i in range(1, count - 3)])
    middles_px = [(50, 90)] * 4 + [(50 + 3 * i, 90 - 4 * i) for i in range(1, count - 3)]
    hands = [(120 - 15 * i, 90) for i in range(4)] + [(x + 8, y + 8) for x, y in middles_px[4:]]
    frames, _, someone = drawn([(50, 90)] * count, hands)
    plain, _, _ = drawn([(50, 90)] * count, hands)
    mask = np.zeros((H, W), bool)
    for frame, (x, y), angle in zip(frames, middles_px, angles):
        frame[80:115, 40:75] = plain[0][80:115, 76:111]
        bottle = cv2.boxPoints(((x, y), (width, length), np.rad2deg(angle)))
        cv2.fillPoly(frame, [np.rint(bottle).astype(np.int32)], RED)
    mask[90 - length // 2 : 90 + length // 2, 50 - width // 2 : 50 + width // 2] = True
    track = OwnTracker().track(frames, mask, someone)
    turns = np.unwrap(np.arctan2(track.similarity[:, 1, 0], track.similarity[:, 0, 0]))
    np.testing.assert_allclose(turns[6:], angles[6:], atol=np.deg2rad(30))


def test_its_twin_is_not_taken_for_it():
    track = OwnTracker().track(*drawn(LIFTED, HAND, twin=(80, 110)))
    np.testing.assert_allclose(track.centroid_px, middles(LIFTED), atol=6)


@pytest.mark.parametrize(
    "end, twin, pan_px",
    [((82, 98), (64, 92), 0.0), ((70, 78), (76, 94), 1.3), ((70, 40), (64, 60), 1.7)],
    ids=["followed onto it", "found beside where the camera puts it", "both"],
)
def test_what_a_hand_closes_over_is_not_taken_for_its_twin(end, twin, pan_px):
    """The twin was there from the start: it shows nothing but itself, however much it looks like what is gone."""
    way = [(int(40 + (end[0] - 40) * i / 8), int(90 + (end[1] - 90) * i / 8)) for i in range(1, 9)]
    places = [(40, 90)] * 5 + way + [end] * 4
    hands = HAND[:5] + [tuple(m + 0.5) for m in middles(places[5:])]
    track = OwnTracker().track(*drawn(places, hands, twin=twin, hidden=range(4, len(places)), pan_px=pan_px))
    seen = middles([twin]) - np.arange(len(places))[:, None] * [pan_px, 0]
    on_it = np.linalg.norm(track.centroid_px - seen, axis=1) < SIDE / 2
    assert track.visibility[on_it].max(initial=0) < 0.35


def test_what_is_thrown_is_followed_past_its_twin():
    flight = [(x, y) for x, y in zip(range(80, 0, -16), (40, 28, 24, 28, 40))]
    places = LIFTED[:9] + flight
    hands = HAND[:9] + [HAND[8]] * len(flight)
    track = OwnTracker().track(*drawn(places, hands, twin=(100, 112)))
    np.testing.assert_allclose(track.centroid_px, middles(places), atol=6)


def test_what_a_hand_only_touches_rests():
    places = [(40, 90)] * 12
    hands = [(120 - 8 * min(i, 7), 82 + 2 * min(i, 7)) for i in range(12)]
    track = OwnTracker().track(*drawn(places, hands))
    assert track.resting.all() and not track.moved


def test_what_is_hidden_behind_a_hand_for_a_while_is_still_there():
    places = [(40, 90)] * 12
    hands = [(48, 98) if 4 <= t < 8 else (110, 70) for t in range(12)]
    track = OwnTracker().track(*drawn(places, hands, hidden=range(4, 8)))
    assert track.resting.all()
    assert track.visibility[5] < 0.5 < track.visibility[10]


@pytest.mark.parametrize("pan_px", [1.5, -1.5])
def test_a_camera_that_pans_does_not_move_what_rests(pan_px):
    places = [(60, 90)] * 10
    frames, mask, someone = drawn(places, [(120, 60)] * 10, pan_px=pan_px)
    track = OwnTracker().track(frames, mask, someone)
    assert track.resting.all() and track.camera_moves
    seen = middles(places) - np.arange(10)[:, None] * [pan_px, 0]
    np.testing.assert_allclose(track.centroid_px, seen, atol=1.5)


def test_what_came_to_look_like_it_while_it_still_rested_is_not_taken_for_it():
    """A knee of its colour, of somebody who sits down with a hand over the object and then takes it."""
    end, knee = (64, 40), (76, 94)
    way = [(int(40 + (end[0] - 40) * i / 6), int(90 + (end[1] - 90) * i / 6)) for i in range(1, 7)]
    places = [(40, 90)] * 14 + way + [end] * 8
    over = middles([(40, 90)])[0] + [6, 6]
    hands = [(120 - 20 * i, 98) for i in range(3)] + [tuple(over)] * 11 + [tuple(m + 0.5) for m in middles(places[14:])]
    hidden = range(14, len(places))
    without, mask, someone = drawn(places, hands, hidden=hidden)
    with_knee, _, _ = drawn(places, hands, twin=knee, hidden=hidden)
    track = OwnTracker().track(np.concatenate([without[:5], with_knee[5:]]), mask, someone)
    off_knee = np.linalg.norm(track.centroid_px - middles([knee]), axis=1)
    assert off_knee.min() > SIDE


def test_what_turns_another_side_to_the_camera_is_followed_by_the_colours_that_it_shows():
    places = [(40, 100)] * 4 + [(40 + 5 * i, 100 - 5 * i) for i in range(1, 13)]
    hands = [(x + SIDE // 2, y + SIDE + 4) for x, y in places]
    frames, mask, track = drawn(places, hands)
    for t, (x, y) in enumerate(places):
        # from its left to its right
        frames[t][y : y + SIDE, x : x + min(SIDE, max(0, 2 * (t - 5)))] = (240, 200, 30)
    found = OwnTracker().track(frames, mask, track)
    off = np.linalg.norm(found.centroid_px - np.array(places) - (SIDE - 1) / 2, axis=1)
    assert (found.visibility[4:] > 0.35).all() and off.max() < 0.3 * SIDE


def test_colours_that_it_shows_later_do_not_draw_it_away_from_where_it_has_been_seen():
    """In the shade it is found by its red; a cloth in the same hand is as yellow as its other side will turn out."""
    places = [(40, 100)] * 4 + [(40 + 5 * i, 100 - 5 * i) for i in range(1, 14)]
    frames, mask, track = drawn(places, [(x + SIDE // 2, y + SIDE + 12) for x, y in places])
    yellow, shade = (240, 200, 30), 0.75 * np.array(RED) + 0.25 * np.array([40, 60, 150])
    for t, (x, y) in enumerate(places):
        if 5 <= t < 11:
            frames[t][y : y + SIDE, x : x + SIDE] = shade
            frames[t][y + SIDE + 20 : y + 2 * SIDE + 20, x : x + SIDE] = yellow
        # from its left to its right
        frames[t][y : y + SIDE, x : x + min(SIDE, max(0, 4 * (t - 10)))] = yellow
    found = OwnTracker().track(frames, mask, track)
    off = np.linalg.norm(found.centroid_px - np.array(places) - (SIDE - 1) / 2, axis=1)
    assert off.max() < 0.3 * SIDE
    assert (found.visibility[14:] > 0.35).all(), "its other side was not learnt: the clip asks nothing"


@pytest.mark.parametrize("near_px", [2.0, -1.0], ids=["nearer than the background", "against it"])
def test_what_rests_near_a_camera_that_drifts_rests_although_it_goes_another_way(near_px):
    """Parallax: it goes by so many pixels a frame, and the background by 1.5."""
    frames, mask, someone = drawn([(2 * W, 0)] * 14, [(190, 40)] * 14, pan_px=1.5)
    fine = np.random.default_rng(1).integers(0, 255, (8, 8, 3), np.uint8)
    pattern = cv2.resize(fine, (40, 40), interpolation=cv2.INTER_CUBIC)
    places = [(round(50 - near_px * t), 80) for t in range(14)]
    for frame, (x, y) in zip(frames, places):
        frame[y : y + 40, x : x + 40] = pattern
    mask[80:120, 50:90] = True
    track = OwnTracker().track(frames, mask, someone)
    assert track.resting.all() and track.visibility.min() > 0.8
    np.testing.assert_allclose(track.centroid_px, np.array(places) + 19.5, atol=1.5)
