"""Hands that the detector of bodies does not see."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import (
    BODY_HAND,
    HAND_LANDMARKS,
    PALM,
    arms_between_sightings,
    completed_hands,
    hands_on_their_arms,
    palm_px,
    unseen_hands,
)

SIZE_PX = (480, 720)


@pytest.fixture
def armless(acted):
    """A track whose right hand is not seen in its last six frames, and what is really there."""
    true = acted(12).track
    body, hand = true.body_px.copy(), true.right_hand_px.copy()
    body[6:, BODY_HAND["right_hand"], 2], hand[6:, :, 2] = 0.1, 0.0
    return replace(true, body_px=body, right_hand_px=hand), _as_large_as_a_hand(true.right_hand_px, true)


def _as_large_as_a_hand(points, track):  # (T, 21, 3)
    """Hands about their wrists, as large as this person's are."""
    wrist = points[:, :1, :2]
    times = np.array([PALM * track.person_height_px() / palm_px(hand) for hand in points])[:, None, None]
    return np.concatenate([wrist + times * (points[..., :2] - wrist), np.ones((*points.shape[:2], 1))], axis=-1)


def _added(track, look):
    """Frames in which a right hand has been added, and the track."""
    completed = completed_hands(track, SIZE_PX, look)
    return np.flatnonzero((completed.right_hand_px[..., 2] > 0).any(1) & unseen_hands(track)["right_hand"]), completed


def test_a_hand_that_is_found_where_the_arm_reaches_is_taken_in(armless):
    track, true = armless
    added, completed = _added(track, lambda t, window: [true[t]])
    assert added.tolist() == list(range(6, 12))
    assert np.allclose(completed.right_hand_px[6:], true[6:])
    assert np.allclose(completed.body_px[6:, BODY_HAND["right_hand"], :2], true[6:][:, HAND_LANDMARKS, :2])
    assert (completed.body_px[6:, kp.R_WRIST, 2] > 0.5).all()


def test_only_frames_without_the_hand_are_looked_at(armless):
    looked = []
    _added(armless[0], lambda t, window: looked.append(t) or [])
    assert looked == list(range(6, 12))


@pytest.mark.parametrize("shift, times", [(0.6, 1.0), (0.0, 3.0)])
def test_not_one_out_of_reach_and_not_one_of_another_size(armless, shift, times):
    track, true = armless
    other = true.copy()
    other[..., 0] += shift * track.person_height_px()
    other[..., :2] = other[:, :1, :2] + times * (other[..., :2] - other[:, :1, :2])
    assert not len(_added(track, lambda t, window: [other[t]])[0])


def test_not_the_other_hand_and_not_one_that_is_found_only_once(armless):
    track, true = armless
    theirs = true + np.append(track.body_px[0, kp.L_WRIST, :2] - true[0, 0, :2], 0)
    assert not len(_added(track, lambda t, window: [theirs[0]])[0])
    assert not len(_added(track, lambda t, window: [true[t]] if t == 8 else [])[0])


def test_not_the_other_hand_where_only_its_own_landmarks_tell_where_it_is(armless):
    track, true = armless
    body, left = track.body_px.copy(), track.left_hand_px.copy()
    # the body's guess of that hand is unsure and elsewhere
    body[6:, BODY_HAND["left_hand"], 2] = 0.1
    left[6:] = true[6:] + np.array([3.0, 3.0, 0.0])
    assert not len(_added(replace(track, body_px=body, left_hand_px=left), lambda t, window: [true[t]])[0])


def test_of_two_arms_without_hands_it_is_the_nearer_one_or_none(armless):
    track, true = armless
    body, left = track.body_px.copy(), track.left_hand_px.copy()
    body[6:, BODY_HAND["left_hand"], 2], left[6:, :, 2] = 0.1, 0.0
    track = replace(track, body_px=body, left_hand_px=left)
    assert len(_added(track, lambda t, window: [true[t]])[0])
    elbows = body[:, [kp.L_ELBOW, kp.R_ELBOW], :2].mean(1)
    between = true.copy()
    between[..., :2] += (elbows - true[:, 0, :2])[:, None]
    body[6:, [kp.L_ELBOW, kp.R_ELBOW], :2] = elbows[6:, None]
    completed = completed_hands(replace(track, body_px=body), SIZE_PX, lambda t, window: [between[t]])
    assert not completed.right_hand_px[6:, :, 2].any() and not completed.left_hand_px[6:, :, 2].any()


@pytest.fixture
def found_twice(acted):
    """A track whose right hand was found for the left one, too, in its last six frames, and the right hand there."""
    true = acted(12).track
    right = _as_large_as_a_hand(true.right_hand_px, true)
    right[..., :2] += (true.body_px[:, kp.R_WRIST, :2] - right[:, 0, :2])[:, None]
    left = true.left_hand_px.copy()
    left[6:] = right[6:]
    return replace(true, left_hand_px=left, right_hand_px=right), right


def test_a_hand_that_is_found_twice_is_the_arms_at_whose_wrist_it_lies(found_twice):
    track, right = found_twice
    mended = hands_on_their_arms(track)
    assert not mended.left_hand_px[6:, :, 2].any() and np.array_equal(mended.right_hand_px, right)
    assert np.array_equal(mended.left_hand_px[:6], track.left_hand_px[:6])


def test_it_is_given_to_the_arm_that_lacks_it(found_twice):
    track, right = found_twice
    gone = right.copy()
    gone[6:] = 0
    mended = hands_on_their_arms(replace(track, right_hand_px=gone))
    assert np.array_equal(mended.right_hand_px, right) and not mended.left_hand_px[6:, :, 2].any()


def test_a_hand_beside_the_other_one_stays_and_one_at_a_wrist_that_is_not_sure(found_twice):
    track, right = found_twice
    body = track.body_px.copy()
    body[:, kp.L_WRIST] = body[:, kp.R_WRIST] + [4.0, 0.0, 0.0]
    together = replace(track, body_px=body)
    assert np.array_equal(hands_on_their_arms(together).left_hand_px, track.left_hand_px)
    body = track.body_px.copy()
    body[:, kp.R_WRIST, 2] = 0.3
    unsure = replace(track, body_px=body)
    assert np.array_equal(hands_on_their_arms(unsure).left_hand_px, track.left_hand_px)


def _guessed(track, joint: int, frames, px, confidence: float):
    body = track.body_px.copy()
    body[frames, joint] = [*px, confidence]
    return replace(track, body_px=body)


def test_a_far_guess_between_two_sightings_is_where_the_arm_was_seen(acted):
    true = acted(12).track
    x, y = true.body_px[0, kp.R_ELBOW, :2] + 0.5 * true.person_height_px()
    mended = arms_between_sightings(_guessed(true, kp.R_ELBOW, [4, 5, 6], (x, y), 0.1), SIZE_PX)
    way = [np.interp([4, 5, 6], [3, 7], true.body_px[[3, 7], kp.R_ELBOW, c]) for c in range(2)]
    assert np.allclose(mended.body_px[4:7, kp.R_ELBOW, :2], np.transpose(way))
    assert mended.body_px[4:7, kp.R_ELBOW, 2].tolist() == [kp.SURE] * 3


def test_a_wrist_that_left_the_picture_comes_back_with_its_knuckles(acted):
    true = acted(12).track
    there = tuple(true.body_px[0, kp.L_WRIST, :2] + 0.5 * true.person_height_px())
    track = _guessed(_guessed(true, kp.R_WRIST, [3, 8], (50.0, -40.0), 0.0), kp.R_WRIST, [4, 5, 6, 7], there, 0.1)
    mended = arms_between_sightings(track, SIZE_PX)
    moved = mended.body_px[4:8] - track.body_px[4:8]
    assert np.allclose(mended.body_px[4:8, kp.R_WRIST], [50.0, -40.0, 0.0])
    knuckles = list(BODY_HAND["right_hand"][1:])
    assert (
        np.allclose(moved[:, knuckles, :2], moved[:, [kp.R_WRIST], :2]) and not mended.body_px[4:8, knuckles, 2].any()
    )


@pytest.mark.parametrize("frames, off, confidence", [([5], 0.05, 0.1), ([5], 0.5, 0.35), ([10, 11], 0.5, 0.1)])
def test_near_guesses_sure_points_and_what_is_not_seen_again_stay(acted, frames, off, confidence):
    true = acted(12).track
    px = true.body_px[frames[0], kp.R_ELBOW, :2] + off * true.person_height_px() * np.array([1.0, 0.0])
    track = _guessed(true, kp.R_ELBOW, frames, px, confidence)
    assert np.array_equal(arms_between_sightings(track, SIZE_PX).body_px, track.body_px)


def test_frames_without_the_person_get_no_evidence_of_an_arm(acted):
    true = acted(12).track
    px = true.body_px[0, kp.R_ELBOW, :2] + 0.5 * true.person_height_px()
    track = replace(_guessed(true, kp.R_ELBOW, [4, 5, 6], px, 0.0), seen=~np.isin(np.arange(12), [4, 5, 6]))
    assert np.array_equal(arms_between_sightings(track, SIZE_PX).body_px, track.body_px)
