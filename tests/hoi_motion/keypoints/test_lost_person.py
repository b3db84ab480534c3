"""A person that the body detector loses: told from one who walks away, and the hands found without it."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints.lost_person import HELD, lost_frames, without_lost
from hoi_motion.keypoints.track import (
    L_ELBOW,
    L_HIP,
    L_SHOULDER,
    L_WRIST,
    R_ELBOW,
    R_HIP,
    R_SHOULDER,
    R_WRIST,
    KeypointTrack,
)


def _shrunken(acted, start: int):
    track = acted(9).track
    body = track.body_px.copy()
    body[start:, :, :2] = 0.4 * body[start:, :, :2] + 80
    return replace(track, body_px=body)


def test_a_shrunken_figure_that_one_view_does_not_see_is_lost(acted):
    agree = np.array([1, 1, 1, 1, 1, 0, 1, 0, 1], bool)
    assert lost_frames(_shrunken(acted, 5), agree).tolist() == [False] * 5 + [True] * 4


def test_who_walks_away_is_not_lost(acted):
    assert not lost_frames(_shrunken(acted, 5), np.ones(9, bool)).any()


def test_who_shrinks_by_and_by_is_not_lost_although_one_view_does_not_see_them(acted):
    """A cook who goes away and turns to the side behind a stove was, and was drawn where they had been for 1.7 s."""
    track = acted(9).track
    smaller = np.array([1, 1, 0.85, 0.72, 0.61, 0.52, 0.44, 0.38, 0.32])
    body = track.body_px.copy()
    body[:, :, :2] = smaller[:, None, None] * body[:, :, :2] + 80
    assert not lost_frames(replace(track, body_px=body), np.array([1, 1, 1, 1, 1, 0, 1, 0, 1], bool)).any()


def test_who_has_shrunk_by_and_by_is_lost_where_they_shrink_suddenly_and_until_they_are_as_large_again(acted):
    """They walk away; then the detector loses them for three frames."""
    away, lost, back = [0.8, 0.65, 0.52, 0.48], [0.2, 0.24, 0.2], [0.46, 0.46]
    smaller = np.array([1.0] * 8 + away + lost + back)
    track = acted(len(smaller)).track
    body = track.body_px.copy()
    body[:, :, :2] = smaller[:, None, None] * body[:1, :, :2] + 80
    agree = np.ones(len(smaller), bool)
    assert not lost_frames(replace(track, body_px=body), agree).any()
    agree[13] = False
    found = lost_frames(replace(track, body_px=body), agree)
    assert np.flatnonzero(found).tolist() == [12, 13, 14]


def test_a_single_frame_that_one_view_does_not_see_is_not_lost(acted):
    assert not lost_frames(acted(9).track, np.arange(9) != 4).any()


@pytest.fixture(scope="module")
def crouched():
    """A picture of a deep crouch in which no body is found, and the pixels of the true joints."""
    from hoi_motion.body import load_body
    from training.scenes.scene import generate_scene

    scene = generate_scene(1000044, 480, 720, 3, 8.0)
    true = scene.motion
    joints = load_body(num_betas=max(10, len(true.betas))).joints(true.pose_rad[-1:], true.transl_m[-1:], true.betas)
    return scene.frames[-1], true.camera.project(joints[0].numpy())


def test_hands_of_a_lost_person_are_found(crouched):
    frame, joints_px = crouched
    joint_of = {L_SHOULDER: 16, R_SHOULDER: 17, L_ELBOW: 18, R_ELBOW: 19, L_WRIST: 20, R_WRIST: 21, L_HIP: 1, R_HIP: 2}
    body = np.tile(np.append(joints_px[0], 1.0), (2, 33, 1))
    body[:, list(joint_of), :2] = joints_px[list(joint_of.values())]
    body[1, :, :2] = 0.3 * (body[1, :, :2] - body[1, :1, :2]) + body[1, :1, :2]
    none = np.zeros((2, 21, 3))
    track = KeypointTrack(body, none, none, np.zeros((2, 33, 3)), np.ones(2, bool))
    found = without_lost(np.stack([frame] * 2), track, np.array([False, True]), 512)
    for wrist, hand_px in ((L_WRIST, found.left_hand_px), (R_WRIST, found.right_hand_px)):
        assert hand_px[1, 0, 2] == 1.0
        np.testing.assert_allclose(hand_px[1, 0, :2], joints_px[joint_of[wrist]], atol=12)
        np.testing.assert_array_equal(found.body_px[1, wrist], hand_px[1, 0])
    np.testing.assert_array_equal(found.body_px[1, L_SHOULDER], body[0, L_SHOULDER] * [1, 1, HELD])
