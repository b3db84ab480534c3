"""Compressed images: judged before they are decoded."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image as Picture
from sensor_msgs.msg import CompressedImage

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.compressed import decompressed
from tavid_planner.ros.conversions import mask_from_image, rgb_from_image

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def message(picture: Picture.Image, kind: str) -> CompressedImage:
    file = io.BytesIO()
    picture.save(file, kind)
    compressed = CompressedImage(format=f"rgb8; {kind.lower()} compressed bgr8", data=file.getvalue())
    compressed.header.frame_id = "camera"
    return compressed


def test_png_is_read_as_it_was_and_keeps_its_header():
    image = decompressed(message(Picture.fromarray(RGB), "PNG"), "image")
    assert image.header.frame_id == "camera"
    np.testing.assert_array_equal(rgb_from_image(image), RGB)


def test_jpeg_of_one_colour_keeps_it():
    image = decompressed(message(Picture.new("RGB", (16, 16), (200, 40, 40)), "JPEG"), "image")
    np.testing.assert_allclose(rgb_from_image(image)[8, 8], (200, 40, 40), atol=3)


@pytest.mark.parametrize("mode", ["1", "L"])
def test_mask_of_one_channel_stays_one_channel(mode):
    picture = Picture.fromarray(RGB[..., 0] > 128).convert(mode)
    np.testing.assert_array_equal(mask_from_image(decompressed(message(picture, "PNG"), "mask")) > 0, RGB[..., 0] > 128)


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", ErrorCode.IMAGE_INVALID),
        (b"not a picture", ErrorCode.IMAGE_INVALID),
        (message(Picture.fromarray(RGB), "PNG").data.tobytes()[:60], ErrorCode.IMAGE_INVALID),
        (message(Picture.new("L", (9000, 2)), "PNG").data.tobytes(), ErrorCode.IMAGE_INVALID),
        (message(Picture.new("I;16", (20, 20)), "PNG").data.tobytes(), ErrorCode.ENCODING_UNSUPPORTED),
        (message(Picture.new("RGB", (20, 20)), "GIF").data.tobytes(), ErrorCode.IMAGE_INVALID),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(data, code):
    with pytest.raises(TavidError) as error:
        decompressed(CompressedImage(format="jpeg", data=data), "image")
    assert error.value.code is code and "\n" not in str(error.value)


def test_an_animation_is_refused_and_not_read_as_its_first_picture():
    file = io.BytesIO()
    later = Picture.fromarray(255 - RGB)
    Picture.fromarray(RGB).save(file, "PNG", save_all=True, append_images=[later])
    with pytest.raises(TavidError, match="IMAGE_INVALID.*it holds several pictures"):
        decompressed(CompressedImage(format="rgb8; png compressed bgr8", data=file.getvalue()), "image")


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8"])
@pytest.mark.parametrize("handed_over, channels", [("bgr8", [0, 1, 2]), ("rgb8", [2, 1, 0])])
def test_colours_are_as_image_transport_gives_them_back(encoding, handed_over, channels):
    compressed = message(Picture.fromarray(RGB[..., channels]), "PNG")
    compressed.format = f"{encoding}; png compressed {handed_over}"
    np.testing.assert_array_equal(rgb_from_image(decompressed(compressed, "image")), RGB)


@pytest.mark.parametrize("how, encoding", [("", "bayer_rggb8"), (" bayer_rggb8", "bayer_rggb8"), (" mono8", "mono8")])
def test_a_bayer_pattern_that_was_compressed_as_it_is_is_no_grey_picture(how, encoding):
    mosaic = np.tile(np.array([[200, 90], [90, 40]], np.uint8), (4, 4))
    compressed = message(Picture.fromarray(mosaic), "PNG")
    compressed.format = f"bayer_rggb8; png compressed{how}"
    image = decompressed(compressed, "image")
    assert image.encoding == encoding
    if encoding != "mono8":
        np.testing.assert_array_equal(rgb_from_image(image)[3, 3], (200, 90, 40))


def test_colours_of_16_bits_are_not_cut_to_8_without_a_word():
    _, data = cv2.imencode(".png", np.full((4, 4, 3), 1500, np.uint16))
    with pytest.raises(TavidError, match="16 bits") as error:
        decompressed(CompressedImage(format="rgb16; png compressed bgr16", data=data.tobytes()), "image")
    assert error.value.code is ErrorCode.ENCODING_UNSUPPORTED


def test_picture_of_many_passes_is_refused_before_it_is_decoded():
    file = io.BytesIO()
    Picture.new("L", (8000, 8000)).save(file, "JPEG", progressive=True)
    scan = b"\xff\xda"
    data = file.getvalue() + 30 * scan
    with pytest.raises(TavidError, match="passes"):
        decompressed(CompressedImage(format="jpeg", data=data), "image")


def test_compressed_depth_is_called_no_picture_and_no_address_of_memory_is_shown():
    with pytest.raises(TavidError, match="none of JPEG, PNG") as error:
        decompressed(CompressedImage(format="16UC1; compressedDepth png", data=bytes(12) + b"\x89PNG"), "image")
    assert "object at" not in str(error.value)
