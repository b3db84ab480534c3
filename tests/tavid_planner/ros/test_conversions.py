"""Images, masks, depth and camera info from messages: byte layouts that cameras really send."""

import array

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros import conversions
from tavid_planner.ros.conversions import (
    depth_from_image,
    image_from_mask,
    image_from_rgb,
    intrinsics_from_camera_info,
    is_empty,
    mask_from_image,
    rgb_from_image,
)

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
ALPHA = np.full((5, 7, 1), 99, np.uint8)


def message(pixels: np.ndarray, encoding: str, padding: int = 0, bigendian: bool = False) -> Image:
    """An image message with `padding` bytes of garbage after each row."""
    height, width = pixels.shape[:2]
    stored = pixels.astype(pixels.dtype.newbyteorder(">" if bigendian else "<"))
    rows = np.frombuffer(stored.tobytes(), np.uint8).reshape(height, -1)
    padded = np.concatenate([rows, np.full((height, padding), 0xAB, np.uint8)], axis=1)
    return Image(
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=int(bigendian),
        step=padded.shape[1],
        data=array.array("B", padded.tobytes()),
    )


@pytest.mark.parametrize("padding", [0, 1, 11])
@pytest.mark.parametrize(
    "encoding, pixels",
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.concatenate([RGB, ALPHA], 2)),
        ("bgra8", np.concatenate([RGB[..., ::-1], ALPHA], 2)),
    ],
)
def test_every_colour_encoding_gives_the_same_rgb(encoding, pixels, padding):
    np.testing.assert_array_equal(rgb_from_image(message(pixels, encoding, padding)), RGB)


def test_mono_image_becomes_grey():
    grey = rgb_from_image(message(RGB[..., 0], "mono8", padding=3))
    np.testing.assert_array_equal(grey, RGB[..., :1].repeat(3, 2))


@pytest.mark.parametrize("bigendian", [False, True])
@pytest.mark.parametrize(
    "encoding, dtype", [("mono8", np.uint8), ("8UC1", np.uint8), ("16UC1", np.uint16), ("32FC1", np.float32)]
)
def test_mask_keeps_its_values(encoding, dtype, bigendian):
    mask = np.zeros((4, 6), dtype)
    mask[1:3, 2:5] = 200 if dtype is not np.float32 else 0.25
    read = mask_from_image(message(mask, encoding, padding=5, bigendian=bigendian))
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, mask)


@pytest.mark.parametrize("bigendian", [False, True])
def test_depth_in_millimetres_becomes_metres(bigendian):
    depth = np.array([[0, 1234], [500, 65535]], np.uint16)
    read = depth_from_image(message(depth, "16UC1", padding=3, bigendian=bigendian))
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, [[0, 1.234], [0.5, 65.535]], rtol=1e-6)


def test_depth_in_metres_keeps_unknown_pixels():
    depth = np.array([[np.nan, 1.5]], np.float32)
    np.testing.assert_array_equal(depth_from_image(message(depth, "32FC1", bigendian=True)), depth)


@pytest.mark.parametrize("convert", [rgb_from_image, mask_from_image, depth_from_image])
def test_unknown_encoding_is_named_with_the_known_ones(convert):
    with pytest.raises(TavidError) as error:
        convert(message(RGB, "yuv422"))
    assert error.value.code is ErrorCode.ENCODING_UNSUPPORTED
    assert "yuv422" in error.value.message and "8" in error.value.hint or "16UC1" in error.value.hint


@pytest.mark.parametrize(
    "changes", [{"step": 20}, {"step": 0}, {"height": 6}, {"height": 0}, {"width": 8}, {"data": array.array("B")}]
)
def test_layout_that_does_not_add_up_is_refused(changes):
    broken = message(RGB, "rgb8")
    for field, value in changes.items():
        setattr(broken, field, value)
    with pytest.raises(TavidError) as error:
        rgb_from_image(broken)
    assert error.value.code is ErrorCode.IMAGE_INVALID


def test_broken_mask_is_a_mask_error():
    broken = message(RGB[..., 0], "mono8")
    broken.data = broken.data[:-1]
    with pytest.raises(TavidError) as error:
        mask_from_image(broken)
    assert error.value.code is ErrorCode.MASK_INVALID


def test_images_survive_the_round_trip():
    np.testing.assert_array_equal(rgb_from_image(image_from_rgb(RGB)), RGB)
    mask = RGB[..., 0] > 128
    np.testing.assert_array_equal(mask_from_image(image_from_mask(mask)) > 0, mask)


def test_only_a_field_left_out_counts_as_empty():
    assert is_empty(Image())
    assert not is_empty(Image(width=3))


K = [100.0, 0.0, 40.0, 0.0, 110.0, 30.0, 0.0, 0.0, 1.0]


def test_intrinsics_are_those_of_the_message():
    info = CameraInfo(width=80, height=60, k=K)
    np.testing.assert_array_equal(intrinsics_from_camera_info(info, (60, 80)).ravel(), K)


def test_uncalibrated_camera_has_no_intrinsics():
    assert intrinsics_from_camera_info(CameraInfo(width=80, height=60), (60, 80)) is None


def test_intrinsics_follow_binning_and_region():
    info = CameraInfo(width=80, height=60, k=K, binning_x=2, binning_y=2)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 10, 20, 40, 20
    K_image = intrinsics_from_camera_info(info, (10, 20))
    np.testing.assert_allclose(K_image, [[50, 0, 15], [0, 55, 5], [0, 0, 1]])


def test_camera_info_of_another_size_is_refused():
    with pytest.raises(TavidError) as error:
        intrinsics_from_camera_info(CameraInfo(width=640, height=480, k=K), (60, 80))
    assert error.value.code is ErrorCode.SIZE_MISMATCH


def test_messages_list_what_the_documentation_promises():
    assert set(conversions.IMAGE_CHANNELS) == {"rgb8", "bgr8", "rgba8", "bgra8", "mono8"}
    assert set(conversions.MASK_TYPES) == {"mono8", "8UC1", "16UC1", "32FC1"}
