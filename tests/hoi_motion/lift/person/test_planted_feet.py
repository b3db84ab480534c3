"""Which foot stands when its keypoints are sure, hidden or gone."""

from dataclasses import replace

import numpy as np

from hoi_motion.lift.person.planted_feet import FOOT_KEYPOINTS, planted_feet, standing_through

FPS, HEIGHT_PX = 8.0, 180.0


def _feet(track, confidence, shift_px):
    """The track with both feet at a confidence (T,) and shifted sideways by (T,) pixels, over moving hips."""
    body = track.body_px.copy()
    body[:, 23:25, 1] += 20.0 * np.arange(len(body))[:, None]
    for ids in FOOT_KEYPOINTS:
        body[:, ids] = body[:1, ids]
        body[:, ids, 2] = np.asarray(confidence)[:, None]
        body[:, ids, 0] += np.asarray(shift_px, float)[:, None]
    return replace(track, body_px=body)


def test_feet_that_bending_hides_go_on_standing(acted):
    track = _feet(acted(9).track, [0.9] * 4 + [0.1] * 5, np.zeros(9))
    assert planted_feet(track, HEIGHT_PX, FPS).min() > 0.5


def test_hidden_feet_that_are_guessed_elsewhere_do_not_stand(acted):
    track = _feet(acted(9).track, [0.9] * 4 + [0.1] * 5, [0] * 4 + [40] * 5)
    assert planted_feet(track, HEIGHT_PX, FPS)[4:].max() < 0.3


def test_feet_out_of_the_picture_tell_nothing_while_the_hips_move(acted):
    track = _feet(acted(9).track, [0.9] * 4 + [0.0] * 5, np.zeros(9))
    assert planted_feet(track, HEIGHT_PX, FPS)[5:].max() < 0.3


def test_a_foot_that_steps_does_not_stand(acted):
    track = _feet(acted(9).track, [0.9] * 9, 15.0 * np.arange(9))
    assert planted_feet(track, HEIGHT_PX, FPS).max() < 0.1


def test_a_foot_stands_through_a_span_as_surely_as_in_its_least_sure_frame():
    planted = np.array([[1, 1], [0.5, 1], [1, 1], [1, 0.2]])
    np.testing.assert_array_equal(standing_through(planted, 2), [[0.5, 1], [0.5, 0.2]])
