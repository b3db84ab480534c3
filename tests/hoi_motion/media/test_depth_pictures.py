"""Depth images in other pixels."""

import numpy as np
import pytest

from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.media.depth_pictures import depth_seen_at
from hoi_motion.media.video_file import VideoClip

HEIGHT_M, PITCH_RAD, ROLL_RAD = 1.3, np.deg2rad(-15), np.deg2rad(5)
UP = np.array([np.sin(ROLL_RAD), -np.cos(ROLL_RAD) * np.cos(PITCH_RAD), np.cos(ROLL_RAD) * np.sin(PITCH_RAD)])


def floor(K: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Depth of a level floor, up to 5 m away."""
    rows, columns = np.indices(size_px)
    slope = np.stack([columns, rows, np.ones(size_px)], -1) @ np.linalg.inv(K).T @ -UP
    return np.where(slope > HEIGHT_M / 5, HEIGHT_M / slope, 0.0).astype(np.float32)


# a camera's picture of 4:3, one of square pixels that stores fewer columns, and one three times as large
@pytest.mark.parametrize(
    "stored_px, kept_px", [((1024, 1365), (831, 1108)), ((576, 720), (576, 1024)), ((1080, 1440), (360, 480))]
)
def test_a_floor_is_as_level_in_the_kept_pixels_as_it_was(stored_px, kept_px):
    clip = VideoClip(np.zeros((1, *kept_px, 3), np.uint8), 8.0, stored_px)
    K = np.array([[900.0, 0, (kept_px[1] - 1) / 2], [0, 900, (kept_px[0] - 1) / 2], [0, 0, 1]])
    found_m = clip.fitted(floor(clip.fitted_intrinsics(K, inverse=True), stored_px))
    expected_m = floor(K, kept_px)
    both = (found_m > 0) & (expected_m > 0)
    assert np.abs(found_m - expected_m)[both].max() < 0.02 and both.sum() > 0.97 * (expected_m > 0).sum()
    # no picture is shifted against the other one
    assert abs(np.mean((found_m - expected_m)[both])) < 2e-4
    found = MeasuredRoom(found_m, K)
    assert np.rad2deg(np.arccos(min(1.0, found.up(PITCH_RAD) @ UP))) < 0.1


def test_between_a_thing_and_the_wall_behind_it_there_is_no_depth():
    depth_m = np.full((20, 20), 3.0, np.float32)
    depth_m[:, :10] = 1.0
    depth_m[:5] = 0
    columns, rows = np.meshgrid(np.linspace(-2, 21, 70), np.linspace(-2, 21, 70))
    there_m = depth_seen_at(depth_m, columns, rows)
    assert set(np.unique(there_m)) == {0.0, 1.0, 3.0} and there_m.dtype == np.float32
    outside = (columns < -0.5) | (columns > 19.5) | (rows < 4.5) | (rows > 19.5)
    np.testing.assert_array_equal(there_m == 0, outside)
