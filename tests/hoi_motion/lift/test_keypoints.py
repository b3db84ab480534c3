"""Keypoint tracks: gaps, borders, and who is not there."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.lift.keypoints import MediaPipeKeypoints, fill_gaps, within_image


def test_gaps_are_bridged_without_confidence(acted):
    track = acted(7).track
    seen = np.array([1, 1, 0, 0, 1, 1, 0], bool)
    filled = fill_gaps(replace(track, seen=seen))
    assert (filled.body_px[~seen, :, 2] == 0).all()
    expected = track.body_px[1, :, 0] + (track.body_px[4, :, 0] - track.body_px[1, :, 0]) / 3
    np.testing.assert_allclose(filled.body_px[2, :, 0], expected)


def test_points_outside_the_picture_are_guesses(acted):
    track = acted(3).track
    cut = within_image(track, (120, 360))
    below = track.body_px[..., 1] > 119
    assert below.any() and (cut.body_px[below, 2] == 0).all()
    assert (cut.body_px[~below, 2] == track.body_px[~below, 2]).all()


def test_an_empty_room_has_no_actor(capfd):
    frames = np.full((3, 96, 144, 3), 180, np.uint8)
    frames[:, 60:] = 90
    with pytest.raises(LiftError) as caught:
        MediaPipeKeypoints().detect(frames)
    assert caught.value.code == ErrorCode.NO_ACTOR
    assert capfd.readouterr().err == ""


def test_a_person_who_leans_most_of_the_time_keeps_the_height(acted):
    track = acted(9).track
    leaning = track.body_px.copy()
    leaning[3:, :, 1] *= 0.5
    assert replace(track, body_px=leaning).person_height_px() == pytest.approx(track.person_height_px(), rel=0.02)
