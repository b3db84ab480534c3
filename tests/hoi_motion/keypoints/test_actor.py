"""Crop and upsample: points come back to where they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.keypoints.actor import crop_around, search_windows


@given(st.floats(0, 100), st.floats(0, 80), st.floats(5, 200), st.sampled_from([64, 256]))
def test_corners_of_the_crop_are_corners_of_its_square(x, y, side, size):
    crop = crop_around([x, y, x + side, y + side], size, margin=0.0)
    corners = crop.to_video(np.array([[0, 0, 1.0], [1, 1, 0.5]]))
    side = max(side, 8.0) if side < 8 else side
    np.testing.assert_allclose(corners[1, :2] - corners[0, :2], side, rtol=1e-9)
    assert corners[1, 2] == 0.5


def test_a_bright_pixel_is_found_again_where_it_was():
    frame = np.zeros((90, 120, 3), np.uint8)
    frame[40:43, 70:73] = 255
    crop = crop_around([50, 20, 100, 70], 256)
    cut = crop.cut(frame)[..., 0].astype(float)
    rows, columns = np.indices(cut.shape)
    middle = np.array([(columns * cut).sum(), (rows * cut).sum()]) / cut.sum()
    found = crop.to_video(np.append((middle + 0.5) / 256, 1.0)[None])[0, :2]
    np.testing.assert_allclose(found, [71, 41], atol=0.15)


def test_the_crop_stays_while_the_person_is_inside_and_follows_when_not():
    crop = crop_around([40, 20, 80, 100], 256)
    body = np.column_stack([np.linspace(45, 75, 33), np.linspace(25, 95, 33), np.ones(33)])
    assert crop.follow(body) is crop
    moved = crop.follow(body + [60, 0, 0])
    assert moved.centre_px[0] > crop.centre_px[0] + 30


def test_search_windows_cover_the_picture_or_only_the_mask():
    windows = search_windows((96, 288))
    assert min(w[0] for w in windows) == 0 and max(w[2] for w in windows) == 288
    mask = np.zeros((96, 288), bool)
    mask[10:60, 100:130] = True
    (window,) = search_windows((96, 288), mask)
    assert window[0] < 100 and window[2] > 129 and window[2] < 160


def test_a_widened_crop_stays_wide_when_it_follows():
    crop = crop_around([50, 20, 100, 70], 256)
    wide = crop.widened(1.5)
    assert wide.side_px == pytest.approx(1.5 * crop.side_px)
    body = np.ones((33, 3))
    body[:, :2] = [400, 300]
    body[1, :2] += 50
    assert wide.follow(body).side_px == pytest.approx(1.5 * crop_around([400, 300, 450, 350], 256).side_px)
