"""Left and right stay with the person."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.lift import keypoints as kp
from hoi_motion.lift.sides import facing_score, flip_frames, fuse_views, resolve_flips


def test_mirroring_twice_is_identity():
    np.testing.assert_array_equal(kp.MIRRORED_BODY[kp.MIRRORED_BODY], np.arange(33))


@pytest.mark.parametrize("wrong", [[4], [2, 3, 4], [8], [0]])
def test_single_swapped_frames_are_found(acted, wrong):
    track = acted(9).track
    flip = np.zeros(9, bool)
    flip[wrong] = True
    found = resolve_flips(flip_frames(track, flip))
    np.testing.assert_array_equal(found, flip)


def test_an_untouched_track_is_left_alone(acted):
    assert not resolve_flips(acted(9).track).any()


def test_swapping_takes_the_hands_along(acted):
    track = acted(5).track
    swapped = flip_frames(track, np.ones(5, bool))
    np.testing.assert_array_equal(swapped.left_hand_px, track.right_hand_px)
    np.testing.assert_array_equal(swapped.body_px[:, kp.L_WRIST], track.body_px[:, kp.R_WRIST])


def test_a_person_who_faces_the_camera_scores_positive_and_swapped_negative(acted):
    track = acted(5).track
    assert facing_score(track) > 0.3
    # a detector that takes front for back swaps the labels but still sees the face
    body = track.body_px[:, kp.MIRRORED_BODY]
    assert facing_score(replace(track, body_px=body)) < 0


def test_when_the_two_views_disagree_throughout_the_face_decides(acted):
    track = acted(6).track
    swapped = replace(track, body_px=track.body_px[:, kp.MIRRORED_BODY])
    for views in ((track, swapped), (swapped, track)):
        fused = fuse_views(*views)
        np.testing.assert_allclose(fused.body_px[:, kp.R_WRIST, :2], track.body_px[:, kp.R_WRIST, :2], atol=1e-6)


def test_points_on_which_the_views_disagree_lose_confidence(acted):
    track = acted(4).track
    body = track.body_px.copy()
    body[:, kp.R_WRIST, :2] += 40
    fused = fuse_views(track, replace(track, body_px=body))
    assert fused.body_px[:, kp.R_WRIST, 2].max() < 0.2
    assert fused.body_px[:, kp.L_WRIST, 2].min() > 0.9
