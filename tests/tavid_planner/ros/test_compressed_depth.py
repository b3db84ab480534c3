"""Depth as image_transport's compressedDepth sends it."""

import struct

import cv2
import numpy as np
import pytest
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.compressed_depth import decompressed_depth
from tavid_planner.ros.config import NodeConfig
from tavid_planner.ros.conversions import depth_from_image
from tavid_planner.ros.inputs import LatestInputs

DEPTH_MM = np.random.default_rng(0).integers(300, 9000, (24, 31)).astype(np.uint16)
DEPTH_MM[3:9, 5:20] = 0
DEPTH_MM[-1, -4:] = 0


def rvl(depth: np.ndarray) -> bytes:
    """One number after the other, as in the paper: a slow plain reference."""
    nibbles, last, flat, at = [], 0, [int(value) for value in depth.reshape(-1)], 0

    def write(number: int) -> None:
        while number > 7:
            nibbles.append(number & 7 | 8)
            number >>= 3
        nibbles.append(number)

    while at < len(flat):
        zeros = next((i for i, value in enumerate(flat[at:]) if value), len(flat) - at)
        at += zeros
        others = next((i for i, value in enumerate(flat[at:]) if not value), len(flat) - at)
        write(zeros)
        write(others)
        for value in flat[at : at + others]:
            write(2 * (value - last) if value >= last else 2 * (last - value) - 1)
            last = value
        at += others
    nibbles += [0] * (-len(nibbles) % 8)
    words = [sum(n << 28 - 4 * i for i, n in enumerate(nibbles[k : k + 8])) for k in range(0, len(nibbles), 8)]
    return struct.pack(f"<II{len(words)}I", depth.shape[1], depth.shape[0], *words)


def message(stored: np.ndarray, kind: str, codec: str = "png", a: float = 0.0, b: float = 0.0) -> CompressedImage:
    coded = rvl(stored) if codec == "rvl" else cv2.imencode(".png", stored)[1].tobytes()
    compressed = CompressedImage(format=kind, data=struct.pack("<iff", 0, a, b) + coded)
    compressed.header.frame_id = "camera"
    return compressed


@pytest.mark.parametrize(
    "kind, codec",
    [
        ("16UC1; compressedDepth png", "png"),
        ("16UC1; compressedDepth", "png"),
        ("16UC1", "png"),
        ("mono16; compressedDepth rvl", "rvl"),
        ("16UC1; compressedDepth rvl", "rvl"),
    ],
)
def test_millimetres_are_read_as_they_were(kind, codec):
    image = decompressed_depth(message(DEPTH_MM, kind, codec), "depth image")
    assert image.header.frame_id == "camera"
    np.testing.assert_allclose(depth_from_image(image), DEPTH_MM / 1000, rtol=1e-6)


@pytest.mark.parametrize("codec", ["png", "rvl"])
def test_metres_come_back_as_finely_as_they_were_stored(codec):
    depth_m, z0, most_m = DEPTH_MM / 1000.0, 100.0, 10.0
    a = z0 * (z0 + 1)
    b = 1 - a / most_m
    with np.errstate(divide="ignore"):
        stored = np.where(depth_m > 0, a / depth_m + b, 0).astype(np.uint16)
    sent = message(stored, f"32FC1; compressedDepth {codec}", codec, a, b)
    read = depth_from_image(decompressed_depth(sent, "depth image"))
    assert np.array_equal(np.isnan(read), depth_m == 0)
    known = depth_m > 0
    assert np.abs(read[known] - depth_m[known]).max() < most_m**2 / a


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (480, 640)])
def test_a_picture_without_any_depth_is_read_by_rvl(shape):
    image = decompressed_depth(message(np.zeros(shape, np.uint16), "16UC1; compressedDepth rvl", "rvl"), "depth")
    assert (image.height, image.width) == shape and not np.any(image.data)


GOOD = bytes(message(DEPTH_MM, "16UC1; compressedDepth rvl", "rvl").data)
HEAD = GOOD[:12]


@pytest.mark.parametrize(
    "kind, data, said",
    [
        ("rvl", b"", "it holds 0 bytes"),
        ("rvl", HEAD + b"123", "it ends before its size"),
        ("rvl", GOOD[:200], "it does not fill its 31x24 pixels"),
        ("rvl", HEAD + struct.pack("<II", 31, 24), "it ends after 0 of 744 pixels"),
        ("rvl", HEAD + struct.pack("<III", 31, 24, 0), "it does not fill"),
        ("rvl", HEAD + struct.pack("<IIII", 31, 24, 2**32 - 1, 2**32 - 1), "it ends after 0 of 744 pixels"),
        ("rvl", HEAD + struct.pack("<IIII", 31, 24, 2**32 - 1, 2**32 - 16), "more than 32 bits"),
        ("rvl", HEAD + struct.pack("<II", 2**31, 2**31) + GOOD[20:], "2147483648x2147483648 pixels"),
        ("rvl", HEAD + struct.pack("<II", 0, 24) + GOOD[20:], "0x24 pixels"),
        ("rvl", HEAD + struct.pack("<II", 8, 8) + GOOD[20:], "it does not fill its 8x8 pixels"),
        ("png", HEAD + b"no picture", "its picture is no PNG"),
        ("png", bytes(message(DEPTH_MM, "").data)[:300], "truncated"),
        ("png", bytes(message(np.zeros((9, 9), np.uint8), "").data), "expected one channel of 16 bits"),
        ("png", bytes(message(np.zeros((9000, 2), np.uint16), "").data), "2x9000 pixels"),
    ],
)
def test_what_is_damaged_is_said_in_one_line(kind, data, said):
    with pytest.raises(TavidError, match=said) as error:
        decompressed_depth(CompressedImage(format=f"16UC1; compressedDepth {kind}", data=data), "depth image")
    assert error.value.code is ErrorCode.IMAGE_INVALID and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "kind", ["", "jpeg", "16UC1; png compressed ", "8UC1; compressedDepth png", "16UC1; compressedDepth zstd"]
)
def test_another_transport_is_named(kind):
    with pytest.raises(TavidError, match="supported: 16UC1 and 32FC1 by compressedDepth") as error:
        decompressed_depth(CompressedImage(format=kind, data=GOOD), "depth image")
    assert error.value.code is ErrorCode.ENCODING_UNSUPPORTED


@pytest.fixture
def make_inputs():
    """A function that makes the inputs of a node with these options."""
    context = Context()
    context.init()
    node = Node("inputs", context=context, enable_rosout=False)
    yield lambda **options: (LatestInputs(node, lambda: NodeConfig(**options), None), node)
    node.destroy_node()
    context.try_shutdown()


def test_compressed_depth_of_the_images_stamp_goes_into_the_request(make_inputs, goal):
    inputs, _ = make_inputs(depth_transport="compressedDepth")
    asked = goal()
    sent = message(np.full((asked.image.height, asked.image.width), 1500, np.uint16), "16UC1; compressedDepth")
    sent.header = asked.image.header
    inputs._received._histories["depth"].add(sent, len(sent.data), 10.0)
    np.testing.assert_allclose(inputs.request(asked, CancelToken()).request.depth_m, 1.5)


def test_of_depth_that_only_another_transport_brings_a_note_says_how_to_get_it(make_inputs, goal):
    inputs, node = make_inputs()
    assert inputs.request(goal(), CancelToken()).notes == ()
    node.create_publisher(CompressedImage, "depth/compressedDepth", 1)
    (note,) = inputs.request(goal(), CancelToken()).notes
    assert note.endswith("/depth/compressedDepth has a publisher: set depth_transport:=compressedDepth")
