"""Which foot stands when its keypoints are sure, hidden or gone."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.lift.person.feet.planted import (
    FOOT_KEYPOINTS,
    feet_seen,
    hips_reached,
    on_standing_feet,
    planted_feet,
    standing_through,
)

FPS = 8.0
HEIGHT_PX = 180.0
FOCAL_PX = 450.0
STAYS = np.tile([2.0, 2.5], (9, 1))


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
    assert planted_feet(track, HEIGHT_PX, FPS, STAYS).min() > 0.5


def test_hidden_feet_that_are_guessed_elsewhere_do_not_stand(acted):
    track = _feet(acted(9).track, [0.9] * 4 + [0.1] * 5, [0] * 4 + [40] * 5)
    assert planted_feet(track, HEIGHT_PX, FPS, STAYS)[4:].max() < 0.3


def test_feet_out_of_the_picture_tell_nothing_while_the_hips_move(acted):
    track = _feet(acted(9).track, [0.9] * 4 + [0.0] * 5, np.zeros(9))
    assert planted_feet(track, HEIGHT_PX, FPS, STAYS)[5:].max() < 0.3


def test_a_foot_that_steps_does_not_stand(acted):
    track = _feet(acted(9).track, [0.9] * 9, 15.0 * np.arange(9))
    assert planted_feet(track, HEIGHT_PX, FPS, STAYS).max() < 0.1


def _across(walk) -> np.ndarray:  # (T,) -> (T, 2)
    return np.column_stack([walk, np.full(len(walk), 2.5)])


def test_a_foot_stands_through_a_span_as_surely_as_in_its_least_sure_frame():
    planted = np.array([[1, 1], [0.5, 1], [1, 1], [1, 0.2]])
    through = standing_through(planted, STAYS[:4], np.ones((4, 2), bool), 2)
    np.testing.assert_array_equal(through, [[0.5, 1], [0.5, 0.2]])


@pytest.mark.parametrize("seen", [True, False])
def test_hips_that_travel_take_a_foot_along_unless_it_is_seen_to_stand(seen):
    walk = 0.02 * np.arange(17)  # person heights a frame, at 8 frames a second
    through = standing_through(np.ones((17, 2)), _across(walk), np.full((17, 2), seen), 16)
    assert through.item(0) == (1.0 if seen else 0.0)


def test_hidden_feet_have_stood_since_the_first_frame_only_while_the_hips_are_over_them():
    walk = np.r_[np.zeros(4), 0.05 * np.arange(5)]
    stood = on_standing_feet(np.ones((9, 2)), _across(walk))
    np.testing.assert_array_equal(stood[:5], 1)
    assert stood[-1] == 0 and (np.diff(stood) <= 0).all()


def test_a_walker_whose_feet_a_table_hides_stands_nowhere_for_two_seconds(acted):
    body = acted(17).track.body_px.copy()
    body[..., 0] += 4.0 * np.arange(17)[:, None]  # 0.18 of the person's height a second
    body[:, 25:, 2] = 0.1
    track = replace(acted(17).track, body_px=body)
    reached = hips_reached(track, HEIGHT_PX, FOCAL_PX, np.full(17, 4.0))
    planted = planted_feet(track, HEIGHT_PX, FPS, reached)
    assert standing_through(planted, reached, feet_seen(track), 16).max() < 0.1


@pytest.mark.parametrize("towards", [1, -1])
def test_who_walks_along_the_sight_behind_a_table_stands_nowhere(acted, towards):
    body = acted(17).track.body_px.copy()
    body[:, 25:, 2] = 0.1
    track = replace(acted(17).track, body_px=body)
    away_m = 4.0 - towards * 0.15 * np.arange(-8, 9)  # 1.2 m a second
    reached = hips_reached(track, HEIGHT_PX, FOCAL_PX, away_m)
    planted = planted_feet(track, HEIGHT_PX, FPS, reached)
    assert planted[4:-4].max() < 0.3
    assert on_standing_feet(planted, reached)[-1] == 0


def test_who_sits_down_behind_feet_that_are_seen_to_stay_no_longer_stands_on_them():
    back = np.r_[np.zeros(5), 0.1 * np.arange(1, 5)]
    stood = on_standing_feet(np.ones((9, 2)), np.column_stack([np.zeros(9), 1.4 + back]))
    assert (stood[:5] == 1).all() and stood[-1] == 0


def test_bones_that_look_a_little_shorter_do_not_take_hidden_feet_along(acted):
    away_m = np.r_[np.full(9, 4.0), np.full(8, 4.2)]
    reached = hips_reached(acted(17).track, HEIGHT_PX, FOCAL_PX, away_m)
    stood = on_standing_feet(np.ones((17, 2)), reached * [0, 1])
    np.testing.assert_array_equal(stood, 1)
