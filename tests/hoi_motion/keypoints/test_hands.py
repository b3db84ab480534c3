"""Hands that the detector of bodies does not see."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import BODY_HAND, HAND_LANDMARKS, PALM, completed_hands, palm_px, unseen_hands

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
