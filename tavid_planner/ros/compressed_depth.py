"""sensor_msgs/CompressedImage as image_transport's compressedDepth publishes it, decoded to the Image it stands for."""

import io
import struct

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from hoi_motion.media.image_files import check_single
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import MAX_SIZE_PX
from tavid_planner.ros.conversions import image_from_pixels

HEADER = struct.Struct("<iff")
"""Before the picture: what kind of depth it is, of which there is one, and the two numbers of its quantisation."""
SIZE = struct.Struct("<II")
"""Before what is compressed by RVL: columns, rows."""
NIBBLE_BITS = 3
"""RVL writes a number in groups of this many bits, the lowest first; the fourth bit of each says that more follow."""
MOST_NIBBLES = 11
"""Of a number of 32 bits."""


def decompressed_depth(message: CompressedImage, name: str) -> Image:
    """The depth as 16UC1 (millimetres) or 32FC1 (metres, NaN where unknown), as it was before it was compressed.

    Floats are compressed as whole numbers: a / depth + b, in 16 bits, 0 where unknown.

    Raises:
        InputError: ENCODING_UNSUPPORTED for another transport or encoding, IMAGE_INVALID for what is damaged or too
            large; judged before it is decoded.
    """
    encoding, _, how = (part.strip() for part in message.format[:200].partition(";"))
    # the first versions knew PNG alone, and did not say so
    codec = how.removeprefix("compressedDepth").strip() or "png"
    if encoding not in ("16UC1", "mono16", "32FC1") or codec not in ("png", "rvl") or how == codec:
        raise InputError(
            ErrorCode.ENCODING_UNSUPPORTED,
            f"{name} has format {message.format[:60]!r}",
            "supported: 16UC1 and 32FC1 by compressedDepth, as png or rvl",
        )
    data = bytes(message.data)
    if len(data) <= HEADER.size:
        raise _invalid(name, f"it holds {len(data)} bytes")
    _, a, b = HEADER.unpack_from(data)
    try:
        stored = _from_png(data[HEADER.size :]) if codec == "png" else _from_rvl(data[HEADER.size :])
    except (OSError, ValueError, SyntaxError) as error:
        raise _invalid(name, str(error)) from error
    if encoding != "32FC1":
        return image_from_pixels(stored, "16UC1", message.header)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth_m = np.where(stored > 0, np.float32(a) / (stored.astype(np.float32) - np.float32(b)), np.float32(np.nan))
    return image_from_pixels(depth_m, "32FC1", message.header)


def _from_png(data: bytes) -> np.ndarray:  # (H, W) uint16
    """Raises: OSError, ValueError, SyntaxError."""
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError

    try:
        with Picture.open(io.BytesIO(data), formats=("PNG",)) as picture:
            _check_size(*picture.size)
            check_single(picture)
            if not picture.mode.startswith("I"):
                raise ValueError(f"its picture is {picture.mode}, expected one channel of 16 bits")
            return np.asarray(picture).astype(np.uint16)
    except UnidentifiedImageError as error:
        raise ValueError("its picture is no PNG") from error
    except Picture.DecompressionBombError as error:
        raise ValueError(str(error)) from error


def _from_rvl(data: bytes) -> np.ndarray:  # (H, W) uint16
    """RVL (Wilson 2017, "Fast lossless depth image compression"): in turn how many pixels are zero, how many are not,
    and for each of these by how much it differs from the one before.

    Raises:
        ValueError: for what does not fill a picture.
    """
    if len(data) < SIZE.size:
        raise ValueError("it ends before its size")
    width, height = SIZE.unpack_from(data)
    _check_size(width, height)
    numbers = _rvl_numbers(data[SIZE.size :])
    count, at, place = width * height, 0, 0
    shown, steps = np.zeros(count, bool), []
    while place < count:
        if at + 2 > len(numbers):
            raise ValueError(f"it ends after {place} of {count} pixels")
        zeros, others = int(numbers[at]), int(numbers[at + 1])
        start, at = place + zeros, at + 2
        place = start + others
        if place > count or at + others > len(numbers) or not zeros + others:
            raise ValueError(f"it does not fill its {width}x{height} pixels")
        shown[start:place] = True
        steps.append(numbers[at : at + others])
        at += others
    coded = np.concatenate(steps)
    change = (coded >> 1) ^ -(coded & 1)  # 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
    depth = np.zeros(count, np.uint16)
    depth[shown] = np.cumsum(change).astype(np.uint16)
    return depth.reshape(height, width)


def _rvl_numbers(data: bytes) -> np.ndarray:  # (N,) int64
    """Raises: ValueError."""
    words = np.frombuffer(data, "<u4", len(data) // 4)
    nibbles = ((words[:, None] >> np.arange(28, -1, -4, dtype=np.uint32)) & 0xF).reshape(-1).astype(np.int64)
    ends = np.flatnonzero(nibbles < 8)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(int)[: len(ends)]
    if not len(ends):
        return np.zeros(0, np.int64)
    lengths = ends - starts + 1
    if lengths.max() > MOST_NIBBLES:
        raise ValueError("it holds a number of more than 32 bits")
    nibbles = nibbles[: ends[-1] + 1]
    place = np.arange(len(nibbles)) - np.repeat(starts, lengths)
    return np.add.reduceat((nibbles & 7) << (NIBBLE_BITS * place), starts)


def _check_size(width: int, height: int) -> None:
    """Raises: ValueError."""
    if not (0 < width <= MAX_SIZE_PX and 0 < height <= MAX_SIZE_PX):
        raise ValueError(f"it has {width}x{height} pixels, each side may have {MAX_SIZE_PX}")


def _invalid(name: str, reason: str) -> InputError:
    return InputError(
        ErrorCode.IMAGE_INVALID,
        f"{name} cannot be decoded: {reason}",
        "publish it by compressedDepth, or set depth_transport to raw",
    )
