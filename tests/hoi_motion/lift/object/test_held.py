"""The way of what moves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.object.held import Movement, Says, moving_path, smooth_path
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.rigid import minimum_jerk

K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])
CENTRE_M = np.array([0.3, 0.0, 0.8])
T = 20
TAKEN = 5
FPS = 8.0
FRAMES = np.arange(TAKEN, T)
HELD = np.ones(len(FRAMES), bool)


@pytest.fixture(scope="module")
def camera():
    return world_camera(K, "assumed", (240, 360), -0.1, [0, 3.0, -1.2])


def carried(camera, way_m, growth=1.0, visibility=1.0):
    """Track and hand of an object that is carried along a way, and where it is, (T, 3).

    It looks as large as it should, times `growth`.
    """
    share = minimum_jerk((np.arange(T) - TAKEN + 1) / (T - TAKEN))
    truth = CENTRE_M + share[:, None] * np.array(way_m)
    px = camera.project(truth)
    mask = np.zeros((240, 360), bool)
    middle = np.round(px[0]).astype(int)
    mask[middle[1] - 8 : middle[1] + 9, middle[0] - 6 : middle[0] + 7] = True
    similarity = np.tile(IDENTITY, (T, 1, 1))
    depth_m = camera.to_camera(truth)[:, 2]
    similarity[TAKEN:, :, :2] *= (growth * depth_m[0] / depth_m[TAKEN:])[:, None, None]
    at = np.einsum("tij,j->ti", similarity[:, :, :2], middle.astype(float))
    similarity[:, :, 2] = px - px[0] + middle - at
    seen = np.where(np.arange(T) < TAKEN, 1.0, visibility)
    return ObjectTrack(mask, similarity, seen, np.arange(T) < TAKEN), truth + [0.07, 0, 0], truth, middle.astype(float)


def way_of(palm_m):
    """As the palm goes."""
    return CENTRE_M + palm_m[FRAMES] - palm_m[TAKEN - 1]


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(-0.25, 0.25)] * 3))
def test_it_goes_where_hand_and_track_say(way_m):
    camera = world_camera(K, "assumed", (240, 360), -0.1, [0, 3.0, -1.2])
    target, palm_m, truth, middle = carried(camera, way_m)
    path = moving_path(target, Movement(FRAMES, HELD, CENTRE_M, None, way_of(palm_m)), middle, camera, FPS)
    assert np.linalg.norm(path - truth[FRAMES], axis=1).max() < 0.03


@pytest.mark.parametrize("growth", [0.75, 1.3])
def test_an_outline_of_which_the_hand_hides_a_part_does_not_send_it_away(camera, growth):
    target, palm_m, truth, middle = carried(camera, [0.05, 0.0, 0.2], growth)
    path = moving_path(target, Movement(FRAMES, HELD, CENTRE_M, None, way_of(palm_m)), middle, camera, FPS)
    assert np.linalg.norm(path - truth[FRAMES], axis=1).max() < 0.04


def test_a_hand_that_jumps_away_from_what_is_seen_of_the_object_does_not_take_it_along_in_depth(camera):
    target, palm_m, truth, middle = carried(camera, [0.05, 0.0, 0.2])
    jumping = palm_m.copy()
    jumping[-4:] += [0.6, 0.4, 0.0]
    path = moving_path(target, Movement(FRAMES, HELD, CENTRE_M, None, way_of(jumping)), middle, camera, FPS)
    assert np.linalg.norm(path - truth[FRAMES], axis=1).max() < 0.06


def test_where_it_is_not_seen_it_is_where_the_hand_has_it_whatever_the_track_says(camera):
    target, palm_m, truth, middle = carried(camera, [0.05, 0.0, 0.2])
    similarity = target.similarity.copy()
    similarity[-4:, :, 2] += 40
    lost = ObjectTrack(target.mask, similarity, np.where(np.arange(T) < T - 4, 1.0, 0.1), target.resting)
    path = moving_path(lost, Movement(FRAMES, HELD, CENTRE_M, None, way_of(palm_m)), middle, camera, FPS)
    assert np.linalg.norm(path - truth[FRAMES], axis=1).max() < 0.02


def test_it_starts_from_rest_and_where_it_is_put_back_it_ends_at_rest(camera):
    target, palm_m, _, middle = carried(camera, [0.0, 0.0, 0.2])
    path = moving_path(target, Movement(FRAMES, HELD, CENTRE_M, CENTRE_M, way_of(palm_m)), middle, camera, FPS)
    steps = np.linalg.norm(np.diff(np.vstack([CENTRE_M, path, CENTRE_M]), axis=0), axis=1)
    assert steps[0] < 0.02 and np.linalg.norm(path[0] - CENTRE_M) < 0.02


def test_no_step_is_larger_than_those_of_the_hand_where_the_track_trembles(camera):
    target, palm_m, truth, middle = carried(camera, [0.1, 0.0, 0.2])
    noise = np.random.default_rng(0).normal(0, 3, (T, 2)) * (np.arange(T) >= TAKEN)[:, None]
    similarity = target.similarity.copy()
    similarity[:, :, 2] += noise
    trembling = ObjectTrack(target.mask, similarity, target.visibility, target.resting)
    path = moving_path(trembling, Movement(FRAMES, HELD, CENTRE_M, None, way_of(palm_m)), middle, camera, FPS)
    largest = np.linalg.norm(np.diff(truth, axis=0), axis=1).max()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() < 1.6 * largest


def test_what_nobody_holds_bounces_as_suddenly_as_it_is_seen_to(camera):
    target, _, _, _ = carried(camera, [0.0, 0.0, 0.0])
    truth = np.tile(CENTRE_M, (T, 1))
    truth[FRAMES, 2] += 0.5 * np.abs(np.sin(np.pi / 4 * np.arange(len(FRAMES))))
    px = camera.project(truth)
    similarity = np.tile(IDENTITY, (T, 1, 1))
    similarity[:, :, 2] = px - px[0]
    bouncing = ObjectTrack(target.mask, similarity, np.ones(T), target.resting)

    def worst_m(held):
        path = moving_path(bouncing, Movement(FRAMES, held, CENTRE_M, None, None), px[0], camera, FPS)
        return np.linalg.norm(path - truth[FRAMES], axis=1).max()

    assert worst_m(~HELD) < 0.06 and worst_m(HELD) > 0.1  # no hand does that


@pytest.mark.parametrize("fps", [8.0, 30.0])
def test_the_same_way_is_found_at_any_frame_rate(camera, fps):
    count = int(2.5 * fps)
    times = np.arange(count) / fps
    truth = CENTRE_M + minimum_jerk((times - 0.6) / 1.5)[:, None] * [0.1, 0.0, 0.2]
    px = camera.project(truth)
    similarity = np.tile(IDENTITY, (count, 1, 1))
    similarity[:, :, 2] = px - px[0]
    resting = np.linalg.norm(truth - CENTRE_M, axis=1) < 1e-3
    target = ObjectTrack(np.ones((240, 360), bool), similarity, np.ones(count), resting)
    frames = np.flatnonzero(~resting)
    movement = Movement(frames, np.ones(len(frames), bool), CENTRE_M, carried_m=truth[frames])
    path = moving_path(target, movement, px[0], camera, fps)
    assert np.linalg.norm(path - truth[frames], axis=1).max() < 0.025


def test_smoothing_is_the_minimum_of_what_it_says_it_weighs():
    rng = np.random.default_rng(1)
    says = [Says(rng.normal(0, 0.01, (6, 1)), np.full((6, 1), s)) for s in (1.0, 2.0)]  # no outlier at such spreads

    def cost(path):
        off = sum((((one.places[:, 0] - path) / one.spreads[:, 0]) ** 2).sum() for one in says)
        return off + ((np.diff(path, 2) / 0.5) ** 2).sum()

    slow = minimize(cost, np.zeros(6), tol=1e-12).x
    np.testing.assert_allclose(smooth_path(says, 0.5)[:, 0], slow, atol=1e-4)
