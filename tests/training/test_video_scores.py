import cv2
import numpy as np
import pytest

from training.video_scores import dynamic_degree, first_frame_psnr_db, motion_smoothness


def moving_disc(step_px: float, frames: int = 7) -> np.ndarray:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (96, 144, 3), np.uint8), (5, 5), 0)
    clip = np.tile(texture // 3, (frames, 1, 1, 1))
    for t, frame in enumerate(clip):
        cv2.circle(frame, (round(40 + step_px * t), 48), 20, (220, 120, 40), -1)
        cv2.circle(frame, (round(44 + step_px * t), 44), 6, (20, 20, 200), -1)
    return clip


def test_a_still_clip_has_no_motion_and_is_smooth():
    still = moving_disc(0)
    assert dynamic_degree(still) == pytest.approx(0, abs=1e-4)
    assert motion_smoothness(still) == pytest.approx(1, abs=1e-6)


def test_dynamic_degree_is_the_speed_of_what_moves():
    assert dynamic_degree(moving_disc(4)) == pytest.approx(4 / 96, rel=0.3)


def test_a_jump_is_less_smooth_than_steady_motion():
    steady = moving_disc(4)
    jumping = steady[[0, 1, 2, 6, 2, 5, 6]]
    assert motion_smoothness(jumping) < motion_smoothness(steady) - 0.002


def test_two_frames_have_nothing_to_interpolate():
    assert motion_smoothness(moving_disc(4, frames=2)) == 1.0


def test_psnr_of_a_known_error():
    image = np.full((8, 8, 3), 100, np.uint8)
    assert first_frame_psnr_db(image[None] + 10, image) == pytest.approx(28.13, abs=0.01)
