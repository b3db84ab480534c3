"""The keypoint network for small pictures: its arithmetic, and what its weights see in a procedural scene."""

import tracemalloc

import numpy as np
import pytest
import torch

from hoi_motion.errors import ControlError, ErrorCode, LiftError
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.low_resolution import (
    BETWEEN,
    CELL_PX,
    HEIGHT_PX,
    NUM_POINTS,
    _hand,
    _network_pictures,
    network_picture,
    read_maps,
)
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.progress import CancelToken

H = 12
W = 18


def _logits(row, column):
    logits = torch.full((1, 1, H * W + 1), -20.0)
    logits[..., row * W + column] = 5.0
    return logits


def test_a_peak_is_read_where_it_is():
    x, y, confidence = read_maps(_logits(3, 7), W * CELL_PX)[0, 0].tolist()
    assert (x, y) == (7 * CELL_PX + 0.5, 3 * CELL_PX + 0.5) and confidence == pytest.approx(1, abs=1e-3)


def test_two_equal_peaks_are_half_sure_of_one_of_them():
    x, y, confidence = read_maps(torch.maximum(_logits(2, 2), _logits(9, 15)), W * CELL_PX)[0, 0].tolist()
    assert confidence == pytest.approx(0.5, abs=1e-3)
    assert (round(x), round(y)) in {(4, 4), (30, 18)}


def test_what_lies_outside_the_picture_has_no_confidence():
    logits = _logits(3, 7)
    logits[..., -1] = 30.0
    assert read_maps(logits, W * CELL_PX)[0, 0, 2] < 1e-6


@pytest.mark.parametrize("size", [(96, 144), (480, 720), (240, 135)])
def test_pictures_come_to_one_height_and_whole_cells(size):
    picture = network_picture(torch.zeros(2, *size, 3, dtype=torch.uint8))
    assert picture.shape[2] == HEIGHT_PX and picture.shape[3] % (8 * CELL_PX) == 0
    assert picture.shape[3] / HEIGHT_PX == pytest.approx(size[1] / size[0], rel=0.15)


def test_a_hand_is_strung_between_wrist_knuckles_and_tips():
    body, tips = np.zeros((1, kp.NUM_BODY, 3)), np.ones((1, 5, 3))
    tips[0, :, :2] = [[10 * f, 40] for f in range(5)]
    for point, xy in ((15, (0, 0)), (17, (40, 20)), (19, (10, 20)), (21, (0, 10))):
        body[0, point] = [*xy, 1]
    hand = _hand(body, tips, 0)[0]
    assert hand[8].tolist() == [10, 40, 1] and hand[5].tolist() == [10, 20, 1]
    assert hand[13, 0] == pytest.approx(30) and hand[6, 1] == pytest.approx(20 + 20 / 3)
    assert hand[6, 2] == pytest.approx(BETWEEN)


@pytest.fixture(scope="module")
def scene():
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    return generate_scene(HELD_OUT_SEED + 501, 96, 144, 17, 8.0)


@pytest.fixture(scope="module")
def track(scene):
    return keypoint_source("low-resolution").detect(scene.frames)


def test_arms_of_a_rendered_person_are_found(scene, track):
    from training.networks.low_resolution import true_points_px

    truth = true_points_px(scene)
    for keypoint in (kp.L_ELBOW, kp.R_ELBOW, kp.L_WRIST, kp.R_WRIST):
        off = np.linalg.norm(track.body_px[:, keypoint, :2] - truth[:, km.BODY_KEYPOINTS.index(keypoint)], axis=1)
        assert np.median(off) < 3, keypoint


@pytest.mark.parametrize("person", [1, 9])
def test_of_two_people_the_one_under_the_mask_is_found(person):
    """Actor and companion of a scene in which both act."""
    from training.networks.low_resolution import true_points_px
    from training.scenes.company import generate_company_scene

    scene = generate_company_scene(900_001, 96, 144, 17, kind="two_verbs")
    assert scene.company.companion_id == 9
    found = keypoint_source("low-resolution").detect(scene.frames, actor_mask=scene.instance_ids[0] == person)
    truth = true_points_px(scene, person)
    for keypoint in (kp.L_ELBOW, kp.R_ELBOW, kp.L_WRIST, kp.R_WRIST):
        off = np.linalg.norm(found.body_px[:, keypoint, :2] - truth[:, km.BODY_KEYPOINTS.index(keypoint)], axis=1)
        assert np.median(off) < 4, keypoint


def test_hands_are_found_in_a_blurred_clip(scene, track):
    import cv2

    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 2.0) for frame in scene.frames])
    again = keypoint_source("low-resolution").detect(blurred)
    off = np.linalg.norm(again.body_px[:, 15:17, :2] - track.body_px[:, 15:17, :2], axis=-1)
    assert np.median(off) < 3


def test_a_larger_picture_gives_the_same_places(scene, track):
    larger = scene.frames.repeat(3, axis=1).repeat(3, axis=2)
    again = keypoint_source("low-resolution").detect(larger).body_px
    sure = track.body_px[..., 2] > 0.5
    off = np.linalg.norm((again[..., :2] + 0.5) / 3 - (track.body_px[..., :2] + 0.5), axis=-1)
    assert off[sure].mean() < 1


def test_a_target_that_smears_while_the_person_stands_still_is_not_touched(scene):
    import cv2

    from training.bench.candidates import touched_candidates

    first = scene.frames[0]
    target = cv2.dilate(scene.target_mask.astype(np.uint8), np.ones((5, 5), np.uint8))[..., None]
    smeared = np.where(target > 0, cv2.GaussianBlur(first, (0, 0), 5), first)
    clip = np.stack([first] * 6 + [smeared] * 11)
    found = keypoint_source("low-resolution").detect(clip)
    assert (touched_candidates(found, [scene.target_mask], scene.fps) == -1).all()


@pytest.mark.parametrize("grain_px", [0, 1, 8])
def test_an_empty_room_and_noise_have_no_actor(grain_px):
    clip = np.full((5, 96, 144, 3), 180, np.uint8)
    if grain_px:
        grains = np.random.default_rng(0).integers(0, 255, (5, 96 // grain_px, 144 // grain_px, 3), np.uint8)
        clip = grains.repeat(grain_px, axis=1).repeat(grain_px, axis=2)
    with pytest.raises(LiftError) as caught:
        keypoint_source("low-resolution").detect(clip)
    assert caught.value.code == ErrorCode.NO_ACTOR


@pytest.mark.filterwarnings("error")
def test_frames_may_be_read_only(scene, track):
    frames = scene.frames.copy()
    frames.setflags(write=False)
    assert np.array_equal(keypoint_source("low-resolution").detect(frames).body_px, track.body_px)


def test_a_long_clip_is_not_copied_as_a_whole():
    frames = np.broadcast_to(np.full((1, 240, 320, 3), 180, np.uint8), (512, 240, 320, 3))
    tracemalloc.start()
    try:
        pictures = _network_pictures(frames)
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pictures.shape[0] == 512 and most_bytes < frames.nbytes / 4


def test_a_cancelled_search_stops(scene):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ControlError):
        keypoint_source("low-resolution").detect(scene.frames, cancel=token)


def test_the_maps_are_as_many_as_body_and_tips():
    assert NUM_POINTS == len(km.BODY_KEYPOINTS) + 10
