import cv2
import numpy as np
import pytest

from training.bench.video_scores import dynamic_degree, first_frame_psnr_db, motion_smoothness, object_permanence


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


def two_balls(second_half: str, frames: int = 8):
    """A clip of two red balls on grey whose first one, in the second half, is there, gone or there twice."""
    clip = np.full((frames, 64, 96, 3), 140, np.uint8)
    masks = []
    for x in (24, 72):
        mask = np.zeros((64, 96), np.uint8)
        cv2.circle(mask, (x, 40), 6, 1, -1)
        masks.append(mask > 0)
    for t, frame in enumerate(clip):
        late = t >= frames // 2
        if not (late and second_half == "gone"):
            cv2.circle(frame, (24, 40 - 2 * t), 6, (200, 30, 30), -1)
        cv2.circle(frame, (72, 40), 6, (200, 30, 30), -1)
        if late and second_half == "twice":
            cv2.circle(frame, (48, 20), 6, (200, 30, 30), -1)
    return clip, masks


@pytest.mark.parametrize("second_half, expected", [("there", "kept"), ("gone", "vanished"), ("twice", "multiplied")])
def test_permanence_of_a_moved_a_vanished_and_a_doubled_object(second_half, expected):
    assert object_permanence(*two_balls(second_half)) == expected


def test_permanence_is_unclear_when_the_background_has_the_objects_colour():
    clip, masks = two_balls("there")
    clip[:, :, :20] = (200, 30, 30)
    assert object_permanence(clip, masks) == "unclear"
