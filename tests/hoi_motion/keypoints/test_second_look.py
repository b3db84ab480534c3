"""Doubted frames are seen again; the person is where most looks see them."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.second_look import MOST_SHARE, agreed, doubted_frames, looked_again, worth_a_look

WRONG = 4


@pytest.fixture
def wrong(acted):
    """A track whose arms are drawn elsewhere in one frame, unsurely, and what is really there."""
    track = acted(9).track
    body = track.body_px.copy()
    body[..., 2] = 0.9
    true = body[WRONG].copy()
    body[WRONG, kp.L_ELBOW : kp.R_WRIST + 1, 1] -= 30
    body[WRONG, :, 2] = 0.4
    return replace(track, body_px=body), true


def _again(track, *looks):
    frames = np.zeros((track.num_frames, 4, 4, 3), np.uint8)
    return looked_again(frames, track, doubted_frames(track), lambda frame, body: list(looks))


def test_only_the_unsure_frame_is_doubted(wrong):
    assert np.flatnonzero(doubted_frames(wrong[0])).tolist() == [WRONG]


def test_looks_that_agree_overrule_the_track_in_that_frame_alone(wrong):
    track, true = wrong
    again = _again(track, true, true, true)
    np.testing.assert_allclose(again.body_px[WRONG, :, :2], true[:, :2], atol=0.5)
    np.testing.assert_array_equal(np.delete(again.body_px, WRONG, 0), np.delete(track.body_px, WRONG, 0))


def test_a_look_from_the_other_side_is_turned(wrong):
    track, true = wrong
    turned = true[kp.MIRRORED_BODY]
    np.testing.assert_allclose(_again(track, *[turned] * 3).body_px, _again(track, *[true] * 3).body_px)


def test_somebody_else_is_no_second_look(wrong):
    track, true = wrong
    np.testing.assert_array_equal(_again(track, true + [200, 0, 0]).body_px, track.body_px)


def test_a_frame_in_which_nobody_was_seen_counts_as_seen_once_a_look_finds_them(wrong):
    track, true = wrong
    body, seen = track.body_px.copy(), track.seen.copy()
    body[WRONG, :, 2], seen[WRONG] = 0.0, False
    assert _again(replace(track, body_px=body, seen=seen), true).seen.all()


def test_confidence_falls_where_looks_lie_apart(wrong):
    _, true = wrong
    aside = true.copy()
    aside[kp.L_WRIST, 0] += 20
    merged = agreed(np.stack([true, aside, true]), height_px=170.0)
    assert merged[kp.L_WRIST, 2] < merged[kp.R_WRIST, 2] == pytest.approx(0.9)


@pytest.mark.parametrize("far_px", [30.0, 3000.0])
def test_one_look_that_is_far_off_hardly_moves_a_point(wrong, far_px):
    _, true = wrong
    astray = true + [far_px, 0, 0]
    merged = agreed(np.stack([true, astray, true, true]), height_px=170.0)
    np.testing.assert_allclose(merged[:, :2], true[:, :2], atol=1e-6)


def test_of_a_clip_that_is_all_doubted_only_a_share_is_seen_again_everywhere_and_the_most_doubted_first(acted):
    track = acted(40).track
    body = track.body_px.copy()
    body[..., 2] = 0.3
    body[1::2, :, 2] = 0.2
    again = worth_a_look(replace(track, body_px=body), np.ones(40, bool))
    assert again.sum() == int(MOST_SHARE * 40)
    assert again[1::2].all()
    assert np.diff(np.flatnonzero(again), prepend=-1, append=40).max() <= 2


def test_a_few_doubted_frames_are_all_seen_again(wrong):
    doubted = doubted_frames(wrong[0])
    np.testing.assert_array_equal(worth_a_look(wrong[0], doubted), doubted)
