"""Images, masks, depth and camera info from messages: byte layouts that cameras really send."""

import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros import conversions
from tavid_planner.ros.conversions import (
    depth_from_image,
    image_from_mask,
    image_from_rgb,
    is_empty,
    mask_from_image,
    rgb_from_image,
)

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
ALPHA = np.full((5, 7, 1), 99, np.uint8)


def message(pixels: np.ndarray, encoding: str, padding: int = 0, bigendian: bool = False, width=None) -> Image:
    """An image message with `padding` bytes of garbage after each row."""
    height, width = pixels.shape[0], pixels.shape[1] if width is None else width
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


def half_planes(encoding: str, padding: int) -> tuple[np.ndarray, Image]:
    """A picture of squares of 2x2 pixels, and its message with U and V of every square below Y."""
    rows, columns = np.mgrid[0:8, 0:12] // 2
    rgb = np.stack([60 + 24 * columns, 200 - 28 * rows, 90 + 16 * rows], 2).astype(np.uint8)
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    u, v = planes[8:].reshape(2, 4, 6)
    chroma = np.stack([u, v] if encoding == "nv12" else [v, u], 2).reshape(4, 12)
    sent = message(np.concatenate([planes[:8], chroma]), encoding, padding)
    sent.height = 8
    return rgb, sent


@pytest.mark.parametrize("padding", [0, 20])
@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_colours_in_a_plane_of_half_the_height_are_read(encoding, padding):
    rgb, sent = half_planes(encoding, padding)
    np.testing.assert_allclose(rgb_from_image(sent).astype(int), rgb, atol=4)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"data": array.array("B", bytes(96))}, "holds 96 bytes, expected 144 .*one and a half heights"),
        ({"height": 7}, "come in pairs"),
        ({"width": 11}, "come in pairs"),
        ({"step": 10}, "has step 10"),
        ({"height": 0}, "12x0 pixels"),
    ],
)
def test_such_planes_of_another_size_are_refused(change, said):
    _, sent = half_planes("nv12", 0)
    for name, value in change.items():
        setattr(sent, name, value)
    with pytest.raises(TavidError, match=said) as error:
        rgb_from_image(sent)
    assert error.value.code is ErrorCode.IMAGE_INVALID


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


@pytest.mark.parametrize("encoding", ["16UC1", "mono16"])
@pytest.mark.parametrize("bigendian", [False, True])
def test_depth_in_millimetres_becomes_metres(bigendian, encoding):
    depth = np.array([[0, 1234], [500, 65535]], np.uint16)
    read = depth_from_image(message(depth, encoding, padding=3, bigendian=bigendian))
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, [[0, 1.234], [0.5, 65.535]], rtol=1e-6)


def test_depth_in_metres_keeps_unknown_pixels():
    depth = np.array([[np.nan, 1.5]], np.float32)
    np.testing.assert_array_equal(depth_from_image(message(depth, "32FC1", bigendian=True)), depth)


@pytest.mark.parametrize("convert", [rgb_from_image, mask_from_image, depth_from_image])
def test_unknown_encoding_is_named_with_the_known_ones(convert):
    with pytest.raises(TavidError) as error:
        convert(message(RGB, "nv24"))
    assert error.value.code is ErrorCode.ENCODING_UNSUPPORTED
    assert "nv24" in error.value.message and "8" in error.value.hint or "16UC1" in error.value.hint


def test_infinite_depth_is_unknown_depth():
    depth = np.array([[np.inf, -np.inf, 1.5]], np.float32)
    np.testing.assert_array_equal(depth_from_image(message(depth, "32FC1")), [[np.nan, np.nan, 1.5]])


@pytest.mark.parametrize("encoding, order", [("yuv422", "uyvy"), ("yuyv", "yuyv"), ("yuv422_yuy2", "yuyv")])
def test_yuv_is_read_in_its_order_of_bytes(encoding, order):
    # pure red in BT.601, studio range: Y 81, U 90, V 240
    values = {"y": 81, "u": 90, "v": 240}
    row = np.array([values[c] for c in order] * 4, np.uint8)
    rgb = rgb_from_image(message(np.tile(row, (6, 1)), encoding, width=8))
    assert rgb.shape == (6, 8, 3)
    np.testing.assert_allclose(rgb.reshape(-1, 3), np.tile((255, 0, 0), (48, 1)), atol=3)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_pattern_keeps_its_colour(pattern):
    colour = {"r": 200, "g": 100, "b": 50}
    tile = np.array([colour[c] for c in pattern], np.uint8).reshape(2, 2)
    rgb = rgb_from_image(message(np.tile(tile, (6, 6)), f"bayer_{pattern}8"))
    np.testing.assert_array_equal(rgb[4:8, 4:8].reshape(-1, 3), np.tile((200, 100, 50), (16, 1)))


@pytest.mark.parametrize("encoding", ["mono16", "rgb16", "bayer_rggb16"])
def test_deep_images_are_refused_with_what_to_do(encoding):
    with pytest.raises(TavidError, match="mono8 or rgb8") as error:
        rgb_from_image(message(RGB, encoding))
    assert error.value.code is ErrorCode.ENCODING_UNSUPPORTED


@pytest.mark.parametrize("encoding, shape", [("yuv422", (4, 14)), ("bayer_rggb8", (5, 6))])
def test_odd_sides_of_paired_pixels_are_refused(encoding, shape):
    width = 7 if encoding == "yuv422" else 6
    with pytest.raises(TavidError, match="even"):
        rgb_from_image(message(np.zeros(shape, np.uint8), encoding, width=width))


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


def test_messages_list_what_the_documentation_promises():
    assert set(conversions.IMAGE_CHANNELS) == {"rgb8", "bgr8", "rgba8", "bgra8", "mono8"}
    assert set(conversions.MASK_TYPES) == {"mono8", "8UC1", "16UC1", "32FC1"}
