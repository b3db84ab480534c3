"""sensor_msgs to arrays and back. Only this file deals with the byte layout of messages."""

import array

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from hoi_motion.arrays import given_array
from hoi_motion.masks import mask_pixels
from hoi_motion.media.mask_pictures import marked_pixels
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import checked_rgb

IMAGE_CHANNELS = {
    "rgb8": (0, 1, 2),
    "bgr8": (2, 1, 0),
    "rgba8": (0, 1, 2),
    "bgra8": (2, 1, 0),
    "mono8": (0, 0, 0),
}
"""Encoding -> channel indices of red, green and blue."""

YUV422 = {
    "yuv422": "COLOR_YUV2RGB_UYVY",
    "uyvy": "COLOR_YUV2RGB_UYVY",
    "yuv422_yuy2": "COLOR_YUV2RGB_YUY2",
    "yuyv": "COLOR_YUV2RGB_YUY2",
}
YUV420 = {"nv12": "COLOR_YUV2RGB_NV12", "nv21": "COLOR_YUV2RGB_NV21"}
"""A plane of Y, then one of half its height with U and V of every second pixel in turn; rows of both have `step`."""
# OpenCV names a pattern by the pixels from its second row and second column on
BAYER = {
    "bayer_rggb8": "COLOR_BayerBG2RGB",
    "bayer_bggr8": "COLOR_BayerRG2RGB",
    "bayer_gbrg8": "COLOR_BayerGR2RGB",
    "bayer_grbg8": "COLOR_BayerGB2RGB",
}
DEEP_IMAGES = ("mono16", "rgb16", "bgr16", "rgba16", "bgra16", "16UC1", "16UC3")

MASK_TYPES = {"mono8": np.uint8, "8UC1": np.uint8, "16UC1": np.uint16, "32FC1": np.float32}
# some drivers and simulators call depth mono16, as depth_image_proc allows
DEPTH_TYPES = {"16UC1": np.uint16, "mono16": np.uint16, "32FC1": np.float32}
MILLIMETRE_M = np.float32(0.001)


def is_empty(message: Image) -> bool:
    """Whether an image field of a request was left empty."""
    return message.width == 0 and message.height == 0 and len(message.data) == 0


def rgb_from_image(message: Image) -> np.ndarray:  # (H, W, 3) uint8
    """Colour image.

    Raises:
        InputError: ENCODING_UNSUPPORTED, or IMAGE_INVALID when size, step and data do not agree.
    """
    encoding = message.encoding
    if encoding in YUV422 or encoding in YUV420 or encoding in BAYER:
        return _converted(message)
    if encoding in DEEP_IMAGES or encoding.startswith("bayer_") and encoding.endswith("16"):
        raise InputError(
            ErrorCode.ENCODING_UNSUPPORTED,
            f"image has encoding {encoding!r}: how its 16 bits map to brightness is not known here",
            "scale it to mono8 or rgb8 where it is made (many cameras have a setting)",
        )
    _check_encoding(message, IMAGE_CHANNELS, "image", (*YUV422, *YUV420, *BAYER))
    channels = {"mono8": 1, "rgba8": 4, "bgra8": 4}.get(encoding, 3)
    pixels = _pixels(message, np.uint8, channels, "image", ErrorCode.IMAGE_INVALID)
    return np.ascontiguousarray(pixels[..., IMAGE_CHANNELS[encoding]])


def _converted(message: Image) -> np.ndarray:  # (H, W, 3) uint8
    import cv2

    yuv = message.encoding in YUV422
    odd = (message.width % 2, 0 if yuv else message.height % 2)  # of the others, rows come in pairs, too
    if any(odd):
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"image is {message.width}x{message.height} pixels in {message.encoding}, which come in pairs",
            "use even sides",
        )
    if message.encoding in YUV420:
        pixels = _rows(message, message.width, message.height + message.height // 2, "image", ErrorCode.IMAGE_INVALID)
    else:
        pixels = _pixels(message, np.uint8, 2 if yuv else 1, "image", ErrorCode.IMAGE_INVALID)
    code = getattr(cv2, (YUV422 | YUV420 | BAYER)[message.encoding])
    return cv2.cvtColor(np.ascontiguousarray(pixels), code)


def mask_from_image(message: Image, name: str = "target mask") -> np.ndarray:  # (H, W)
    """Mask with the values as sent; InteractionRequest checks that they form a mask.

    Raises:
        InputError: ENCODING_UNSUPPORTED, or MASK_INVALID when size, step and data do not agree.
    """
    _check_encoding(message, MASK_TYPES, name)
    return _pixels(message, MASK_TYPES[message.encoding], 1, name, ErrorCode.MASK_INVALID)[..., 0]


def depth_from_image(message: Image) -> np.ndarray:  # (H, W) float32, metres
    """Depth along the optical axis; 16 bits are millimetres (REP 118).

    Raises:
        InputError: ENCODING_UNSUPPORTED, or IMAGE_INVALID when size, step and data do not agree.
    """
    _check_encoding(message, DEPTH_TYPES, "depth image")
    dtype = DEPTH_TYPES[message.encoding]
    depth = _pixels(message, dtype, 1, "depth image", ErrorCode.IMAGE_INVALID)[..., 0]
    if dtype is np.uint16:
        return depth * MILLIMETRE_M
    return np.where(np.isinf(depth), np.float32(np.nan), depth)  # too near or too far to be measured (REP 117)


def image_from_rgb(rgb: np.ndarray, header: Header | None = None) -> Image:  # (H, W, 3) uint8
    """An rgb8 message.

    Raises:
        InputError: IMAGE_INVALID for other pixels, which a receiver would read as another picture.
    """
    return image_from_pixels(checked_rgb(rgb), "rgb8", header)


def image_from_mask(mask: np.ndarray, header: Header | None = None, name: str = "mask") -> Image:  # (H, W)
    """A mono8 message with 255 on the mask, which may be any array that `marked_pixels` reads.

    Raises:
        InputError: MASK_INVALID for what marks nothing clearly.
    """
    marked, _ = marked_pixels(mask_pixels(mask, name), name)
    return image_from_pixels(np.where(marked, np.uint8(255), np.uint8(0)), "mono8", header)


def image_from_depth(depth_m: np.ndarray, header: Header | None = None) -> Image:  # (H, W) metres
    """A 32FC1 message.

    Raises:
        InputError: IMAGE_INVALID for more than one channel, of which a receiver would read a part.
    """
    depth_m = given_array(depth_m, "depth image", ErrorCode.IMAGE_INVALID)
    if depth_m.ndim != 2 or depth_m.dtype.kind not in "uif" or not depth_m.size:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image is {depth_m.dtype} of shape {depth_m.shape}, expected one channel",
            "give metres as float",
        )
    return image_from_pixels(depth_m.astype(np.float32), "32FC1", header)


def image_from_pixels(pixels: np.ndarray, encoding: str, header: Header | None) -> Image:  # (H, W) or (H, W, C)
    """A message with these pixels."""
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


def _check_encoding(message: Image, known, name: str, others: tuple[str, ...] = ()) -> None:
    if message.encoding not in known:
        raise InputError(
            ErrorCode.ENCODING_UNSUPPORTED,
            f"{name} has encoding {message.encoding[:40]!r}",
            f"supported: {', '.join((*known, *others))}",
        )


def _pixels(message: Image, dtype, channels: int, name: str, code: ErrorCode) -> np.ndarray:  # (H, W, channels)
    dtype = np.dtype(dtype)
    rows = _rows(message, message.width * channels * dtype.itemsize, message.height, name, code)
    pixels = rows.view(dtype.newbyteorder(">" if message.is_bigendian else "<"))
    return pixels.reshape(message.height, message.width, channels).astype(dtype, copy=False)


def _rows(message: Image, row_bytes: int, count: int, name: str, code: ErrorCode) -> np.ndarray:  # (count, row_bytes)
    """Bytes of an image's rows, without what pads them."""
    height, width, step = message.height, message.width, message.step
    if height < 1 or width < 1:
        raise InputError(code, f"{name} is {width}x{height} pixels", "send at least one pixel")
    if step < row_bytes:
        raise InputError(
            code,
            f"{name} has step {step}, but a row of {width} pixels in {message.encoding} takes {row_bytes} bytes",
            "set step to the bytes of a row, padding included",
        )
    data = np.frombuffer(message.data, np.uint8)
    if len(data) != step * count:
        raise InputError(
            code,
            f"{name} holds {len(data)} bytes, expected {step * count} ({count} rows of {step})",
            f"fill data with {'height' if count == height else 'one and a half heights'} times step bytes",
        )
    return np.ascontiguousarray(data.reshape(count, step)[:, :row_bytes])
