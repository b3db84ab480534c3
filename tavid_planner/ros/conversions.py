"""sensor_msgs to arrays and back. The byte layout of a message is nobody else's business."""

import array

import numpy as np
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from tavid_planner.errors import ErrorCode, InputError

IMAGE_CHANNELS = {
    "rgb8": (0, 1, 2),
    "bgr8": (2, 1, 0),
    "rgba8": (0, 1, 2),
    "bgra8": (2, 1, 0),
    "mono8": (0, 0, 0),
}
"""Encoding -> where red, green and blue are among its channels."""

MASK_TYPES = {"mono8": np.uint8, "8UC1": np.uint8, "16UC1": np.uint16, "32FC1": np.float32}
DEPTH_TYPES = {"16UC1": np.uint16, "32FC1": np.float32}
MILLIMETRE_M = np.float32(0.001)


def is_empty(message: Image) -> bool:
    """Whether an image field of a request was left out."""
    return message.width == 0 and message.height == 0 and len(message.data) == 0


def rgb_from_image(message: Image) -> np.ndarray:  # (H, W, 3) uint8
    """Colour image.

    Raises:
        InputError: ENCODING_UNSUPPORTED, or IMAGE_INVALID when size, step and data do not agree.
    """
    _check_encoding(message, IMAGE_CHANNELS, "image")
    channels = {"mono8": 1, "rgba8": 4, "bgra8": 4}.get(message.encoding, 3)
    pixels = _pixels(message, np.uint8, channels, "image", ErrorCode.IMAGE_INVALID)
    return np.ascontiguousarray(pixels[..., IMAGE_CHANNELS[message.encoding]])


def mask_from_image(message: Image, name: str = "target mask") -> np.ndarray:  # (H, W)
    """Mask with the values as sent; the request decides whether they make a mask.

    Raises:
        InputError: ENCODING_UNSUPPORTED, or MASK_INVALID when size, step and data do not agree.
    """
    _check_encoding(message, MASK_TYPES, name)
    return _pixels(message, MASK_TYPES[message.encoding], 1, name, ErrorCode.MASK_INVALID)[..., 0]


def depth_from_image(message: Image) -> np.ndarray:  # (H, W) float32, metres
    """Depth along the optical axis; 16UC1 counts millimetres (REP 118).

    Raises:
        InputError: ENCODING_UNSUPPORTED, or IMAGE_INVALID when size, step and data do not agree.
    """
    _check_encoding(message, DEPTH_TYPES, "depth image")
    dtype = DEPTH_TYPES[message.encoding]
    depth = _pixels(message, dtype, 1, "depth image", ErrorCode.IMAGE_INVALID)[..., 0]
    return depth * MILLIMETRE_M if dtype is np.uint16 else depth


def intrinsics_from_camera_info(message: CameraInfo, size_px: tuple[int, int]) -> np.ndarray | None:  # (3, 3)
    """Intrinsics of the image with that (height, width), or None for an uncalibrated camera (all zeros).

    Binning and the region of interest are applied; lens distortion is not.

    Raises:
        InputError: SIZE_MISMATCH when the message belongs to images of another size.
    """
    K = np.asarray(message.k, np.float64).reshape(3, 3)
    if not K.any():
        return None
    bin_x, bin_y = max(message.binning_x, 1), max(message.binning_y, 1)
    roi = message.roi
    width, height = (roi.width, roi.height) if roi.width and roi.height else (message.width, message.height)
    if (width or height) and (height // bin_y, width // bin_x) != tuple(size_px):
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"camera info is for {width // bin_x}x{height // bin_y} pixels, the image has {size_px[1]}x{size_px[0]}",
            "send the camera info that was published with this image",
        )
    K = K.copy()
    K[0, 2] -= roi.x_offset
    K[1, 2] -= roi.y_offset
    K[0] /= bin_x
    K[1] /= bin_y
    return K


def image_from_rgb(rgb: np.ndarray, header: Header | None = None) -> Image:  # (H, W, 3) uint8
    """An rgb8 message."""
    return _image(np.ascontiguousarray(rgb, np.uint8), "rgb8", header)


def image_from_mask(mask: np.ndarray, header: Header | None = None) -> Image:  # (H, W) bool
    """A mono8 message with 255 on the mask."""
    return _image(np.where(mask, np.uint8(255), np.uint8(0)), "mono8", header)


def _image(pixels: np.ndarray, encoding: str, header: Header | None) -> Image:
    height, width = pixels.shape[:2]
    data = array.array("B")
    data.frombytes(pixels.tobytes())
    return Image(
        header=header if header is not None else Header(),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels.nbytes // height,
        data=data,
    )


def _check_encoding(message: Image, known, name: str) -> None:
    if message.encoding not in known:
        raise InputError(
            ErrorCode.ENCODING_UNSUPPORTED,
            f"{name} has encoding {message.encoding!r}",
            f"supported: {', '.join(known)}",
        )


def _pixels(message: Image, dtype, channels: int, name: str, code: ErrorCode) -> np.ndarray:  # (H, W, channels)
    height, width, step = message.height, message.width, message.step
    dtype = np.dtype(dtype)
    row_bytes = width * channels * dtype.itemsize
    if height < 1 or width < 1:
        raise InputError(code, f"{name} is {width}x{height} pixels", "send at least one pixel")
    if step < row_bytes:
        raise InputError(
            code,
            f"{name} has step {step}, but a row of {width} pixels in {message.encoding} takes {row_bytes} bytes",
            "set step to the bytes of a row, padding included",
        )
    data = np.frombuffer(message.data, np.uint8)
    if len(data) != step * height:
        raise InputError(
            code,
            f"{name} holds {len(data)} bytes, expected {step * height} ({height} rows of {step})",
            "fill data with height times step bytes",
        )
    rows = np.ascontiguousarray(data.reshape(height, step)[:, :row_bytes])
    pixels = rows.view(dtype.newbyteorder(">" if message.is_bigendian else "<"))
    return pixels.reshape(height, width, channels).astype(dtype, copy=False)
