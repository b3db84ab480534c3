"""People whom the detector does not find: a trunk without a head, from the demo's picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ControlError, ErrorCode, LiftError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints, find_actor
from hoi_motion.media.image_files import read_image
from hoi_motion.progress import CancelToken

DEMO_FRAME = Path(__file__).resolve().parents[4] / "config" / "demo" / "frame.png"
ARMS = list(range(kp.L_SHOULDER, kp.R_WRIST + 1))


@pytest.fixture(scope="module")
def headless():
    """Three pictures of the demo's person from the shoulders to the hips, and where the arms are in them."""
    frame = read_image(DEMO_FRAME)
    body = find_actor(frame[None], None, None, 512)[2]
    top, bottom = int(body[ARMS, 1].min()) - 8, int(body[list(kp.TORSO[2:]), 1].max()) + 40
    left, right = int(body[ARMS, 0].min()) - 40, int(body[ARMS, 0].max()) + 40
    scale = 480 / (bottom - top)
    picture = cv2.resize(frame[top:bottom, left:right], None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.stack([picture] * 3), (body[ARMS, :2] - [left, top]) * scale


def test_a_trunk_without_a_head_is_found_and_said_to_be(headless, caplog):
    frames, arms_px = headless
    track = MediaPipeKeypoints().detect(frames)
    assert "by the landmark model alone" in caplog.text
    off = np.linalg.norm(track.body_px[:, ARMS, :2] - arms_px, axis=-1)
    assert track.seen.all() and off.max() < 0.06 * track.person_height_px()


def test_not_whom_the_detector_finds_far_from_the_target_but_who_is_at_it(headless, monkeypatch):
    frames, arms_px = headless
    body = find_actor(read_image(DEMO_FRAME)[None], None, None, 512)[2]
    # as large as the trunk, so that the hands in the pictures may be theirs
    scale = np.ptp(arms_px, axis=0).max() / np.ptp(body[ARMS, :2], axis=0).max()
    bystander = kp.KeypointTrack.unseen(len(frames))
    bystander.body_px[:] = body * [scale, scale, 1] + [3 * frames.shape[2], 0, 0]
    bystander.seen[:] = True
    monkeypatch.setattr(MediaPipeKeypoints, "_detected", lambda *_: [bystander, bystander])
    track = MediaPipeKeypoints().detect(frames, near_px=arms_px[-1])
    off = np.linalg.norm(track.body_px[:, ARMS, :2] - arms_px, axis=-1)
    assert off.max() < 0.06 * track.person_height_px()


def test_only_somebody_on_the_actors_mask_is_found(headless):
    frames, arms_px = headless
    mask = np.zeros(frames.shape[1:3], bool)
    mask[-30:, :30] = True
    with pytest.raises(LiftError) as caught:
        MediaPipeKeypoints().detect(frames, actor_mask=mask)
    assert caught.value.code == ErrorCode.NO_ACTOR


def test_another_source_starts_at_a_trunk_without_a_head(headless):
    from hoi_motion.keypoints.vitpose import _first_crop

    frames, arms_px = headless
    start, crop = _first_crop(frames, None, None)
    assert start == 0 and np.abs(crop.centre_px - arms_px.mean(0)).max() < 0.2 * crop.side_px
    assert crop.side_px > np.ptp(arms_px, axis=0).max()


def test_another_source_does_not_start_at_a_chance_figure(monkeypatch):
    from hoi_motion.keypoints import vitpose

    noise = np.random.default_rng(0).integers(0, 255, (2, 120, 160, 3), np.uint8)
    frames = np.stack([cv2.GaussianBlur(frame, (0, 0), 6) for frame in noise])
    # as where two hands without a body are seen
    monkeypatch.setattr(vitpose, "palms_px", lambda *_: np.array([4.0, 4.0]))
    with pytest.raises(LiftError) as caught:
        vitpose._first_crop(frames, None, None)
    assert caught.value.code == ErrorCode.NO_ACTOR


def test_a_search_is_cancelled(headless):
    cancel = CancelToken()
    cancel.cancel()
    from hoi_motion.keypoints.without_detector.views import undetected_views

    with pytest.raises(ControlError) as caught:
        undetected_views(headless[0], None, None, cancel)
    assert caught.value.code is ErrorCode.CANCELLED
