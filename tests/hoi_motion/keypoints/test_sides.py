"""Left and right stay with the person."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.sides import believed_views, facing_score, flip_frames, fuse_views, resolve_flips, views_agree


def test_mirroring_twice_is_identity():
    np.testing.assert_array_equal(kp.MIRRORED_BODY[kp.MIRRORED_BODY], np.arange(33))


@pytest.mark.parametrize("wrong", [[4], [2, 3, 4], [8], [0]])
def test_single_swapped_frames_are_found(acted, wrong):
    track = acted(9).track
    flip = np.zeros(9, bool)
    flip[wrong] = True
    found = resolve_flips(flip_frames(track, flip))
    np.testing.assert_array_equal(found, flip[None])


def test_two_views_that_turn_about_in_different_frames_are_not_averaged_across(acted):
    """One view loses the person while the other turns: alone, neither can tell that it turned."""
    track = acted(9).track
    halves = [np.arange(9) >= 7, np.arange(9) >= 3]
    views = [flip_frames(track, half) for half in halves]
    for view, blind in zip(views, ([6, 7], [2, 3])):
        # between the halves left and right are in the same place: the jump says nothing
        body = view.body_px.copy()
        body[blind, :, :2] = 0.5 * (body[blind, :, :2] + body[blind][:, kp.MIRRORED_BODY, :2])
        view.body_px[:] = body
    fused = fuse_views(*views)
    sure = [0, 1, 4, 5, 8]
    np.testing.assert_allclose(fused.body_px[sure, kp.R_WRIST, :2], track.body_px[sure, kp.R_WRIST, :2], atol=1e-6)


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


def _undecided(track: kp.KeypointTrack, frames) -> kp.KeypointTrack:
    """The track with left and right drawn halfway to the middle in some frames."""
    body = track.body_px.copy()
    mirrored = body[frames][:, kp.MIRRORED_BODY, :2]
    body[frames, :, :2] = 0.6 * body[frames, :, :2] + 0.4 * mirrored
    return replace(track, body_px=body)


def test_frames_undecided_between_front_and_back_do_not_count(acted):
    track = acted(9).track
    fused = fuse_views(_undecided(track, [3]), _undecided(track, [3, 6]))
    assert np.flatnonzero(~fused.seen).tolist() == [3]
    np.testing.assert_allclose(fused.body_px[6, kp.R_WRIST, :2], track.body_px[6, kp.R_WRIST, :2], atol=1e-6)


def test_who_turns_aside_little_by_little_is_seen_throughout(acted):
    track = acted(9).track
    body = track.body_px.copy()
    share = np.linspace(0, 0.45, 9)[:, None, None]  # 0.5 is a person seen from the side
    body[..., :2] = (1 - share) * body[..., :2] + share * body[:, kp.MIRRORED_BODY, :2]
    turning = replace(track, body_px=body)
    assert fuse_views(turning, turning).seen.all()


def _elsewhere(track: kp.KeypointTrack, frames, shift_px=(60.0, 70.0)) -> kp.KeypointTrack:
    """The track with another person in some frames."""
    body = track.body_px.copy()
    body[frames, :, :2] += shift_px
    return replace(track, body_px=body)


def test_of_two_views_of_two_persons_the_one_that_fits_its_neighbours_is_kept(acted):
    track = acted(9).track
    wrong = [0, 3, 4, 5]
    for views in ((track, _elsewhere(track, wrong)), (_elsewhere(track, wrong), track)):
        np.testing.assert_array_equal(np.flatnonzero(~views_agree(*views)), wrong)
        fused = fuse_views(*views)
        known = track.body_px[0, :, 2] > 0
        np.testing.assert_allclose(fused.body_px[:, known], track.body_px[:, known], atol=1e-6)


def test_a_view_whose_person_is_mostly_outside_the_picture_yields(acted):
    track = acted(5).track
    low = _elsewhere(track, [0, 1, 2, 3, 4], (0, 150))
    np.testing.assert_array_equal(believed_views(low, track, (240, 360)), [[False] * 5, [True] * 5])


def test_frames_in_which_neither_view_fits_are_left_out(acted):
    track = acted(9).track
    a, b = _elsewhere(track, [4], (150, 60)), _elsewhere(track, [4], (-150, 60))
    fused = fuse_views(a, b)
    np.testing.assert_array_equal(np.flatnonzero(~fused.seen), [4])


def test_the_only_view_of_a_frame_is_used_when_it_fits(acted):
    track = acted(6).track
    seen = np.array([1, 1, 0, 0, 1, 1], bool)
    used = believed_views(replace(track, seen=seen), track)
    np.testing.assert_array_equal(used, [seen, [True] * 6])


def test_a_person_who_walks_through_the_picture_is_followed(acted):
    track = acted(12).track
    body = track.body_px.copy()
    body[..., 0] += np.arange(12)[:, None] * 0.5 * track.person_height_px() * 0.29
    walking = replace(track, body_px=body)
    assert believed_views(walking, walking).all()


def test_a_clip_without_any_person_uses_no_view(acted):
    nobody = replace(acted(4).track, seen=np.zeros(4, bool))
    assert not believed_views(nobody, nobody).any()


def test_a_person_of_whom_the_picture_shows_no_trunk_is_still_used(acted):
    track = acted(5).track
    body = track.body_px.copy()
    body[:, [kp.NOSE, *kp.TORSO], 2] = 0.0
    close = replace(track, body_px=body)
    assert believed_views(close, close).all()
