import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tavid_planner.video.image_fit import ImageFit

sizes = st.tuples(st.integers(16, 200), st.integers(16, 200))


def gradient(height, width):
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * y / height, 255 * x / width, np.full(y.shape, 90)], axis=-1).astype(np.uint8)


@settings(deadline=None, max_examples=40)
@given(sizes, sizes)
def test_shapes_there_and_back(request_px, model_px):
    fit = ImageFit.between(request_px, model_px)
    there = fit.to_model(gradient(*request_px))
    assert there.shape == (*model_px, 3)
    assert fit.to_request(there[None]).shape == (1, *request_px, 3)
    assert fit.mask_to_model(np.ones(request_px, bool)).shape == model_px


def test_same_size_is_the_identity():
    fit, image = ImageFit.between((32, 48), (32, 48)), gradient(32, 48)
    assert not fit.padded
    assert np.array_equal(fit.to_model(image), image)
    assert np.array_equal(fit.to_request(image), image)


def test_same_aspect_pads_nothing():
    fit = ImageFit.between((480, 720), (32, 48))
    assert not fit.padded


@pytest.mark.parametrize("request_px", [(60, 60), (40, 120)])
def test_round_trip_of_a_smooth_image(request_px):
    fit, image = ImageFit.between(request_px, (96, 144)), gradient(*request_px)
    assert fit.padded
    back = fit.to_request(fit.to_model(image))
    assert np.abs(back.astype(int) - image).max() <= 6


def test_padding_repeats_the_edge_and_the_mask_is_empty_there():
    fit = ImageFit.between((32, 32), (32, 48))
    image = fit.to_model(gradient(32, 32))
    assert np.array_equal(image[:, 0], image[:, 8])
    mask = fit.mask_to_model(np.ones((32, 32), bool))
    assert mask[:, 8:40].all() and not mask[:, :8].any() and not mask[:, 40:].any()


def test_mask_keeps_its_area_and_place():
    mask = np.zeros((64, 96), bool)
    mask[20:40, 30:60] = True
    small = ImageFit.between((64, 96), (32, 48)).mask_to_model(mask)
    assert small.dtype == np.float32
    assert np.array_equal(small, mask[::2, ::2].astype(np.float32))


def test_a_shrunken_mask_is_the_covered_share_of_each_pixel():
    mask = np.zeros((64, 96), bool)
    mask[20, 30] = mask[41, 62:64] = True
    small = ImageFit.between((64, 96), (32, 48)).mask_to_model(mask)
    assert small[10, 15] == 0.25 and small[20, 31] == 0.5 and small.sum() == 0.75


@pytest.mark.parametrize("request_px", [(16, 70), (16, 85), (37, 91), (7, 5)])
def test_a_mask_stays_within_0_and_1(request_px):
    """Rounding errors of the resizing would be refused as values that no coverage has."""
    coverage = ImageFit.between(request_px, (32, 48)).mask_to_model(np.ones(request_px, bool))
    assert coverage.min() >= 0 and coverage.max() == 1


@pytest.mark.parametrize(
    "request_px, content_px, top_left_px",
    [((60, 60), (32, 32), (0, 8)), ((40, 120), (16, 48), (8, 0)), ((4000, 3), (32, 1), (0, 23))],
)
def test_the_image_is_the_largest_that_fits_and_lies_in_the_middle(request_px, content_px, top_left_px):
    fit = ImageFit.between(request_px, (32, 48))
    assert (fit.content_px, fit.top_left_px) == (content_px, top_left_px)


def test_nearest_mask_takes_the_upper_left_pixel():
    mask = np.zeros((64, 96), bool)
    mask[20, 30] = True
    fit = ImageFit.between((64, 96), (32, 48))
    assert fit.mask_to_model(mask, "nearest")[10, 15] == 1
    assert fit.mask_to_model(np.roll(mask, 1, axis=0), "nearest").sum() == 0


def test_maps_lose_the_padding():
    maps = np.zeros((2, 4, 6), np.float32)
    maps[:, :, 1:5] = 1  # the 32x32 px content in a 32x48 px frame with tokens of 8 px
    cut = ImageFit.between((64, 64), (32, 48)).maps_to_request(maps)
    assert cut.shape == (2, 4, 4)
    assert (cut == 1).all()
