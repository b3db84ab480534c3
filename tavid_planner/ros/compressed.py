"""sensor_msgs/CompressedImage as image_transport publishes it, decoded to the Image it stands for."""

import io
import re

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from hoi_motion.media.image_files import check_passes, check_single, has_deep_colours
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import MAX_SIZE_PX
from tavid_planner.ros.conversions import BAYER, image_from_pixels

FORMATS = ("JPEG", "PNG")
MODES = {"L": "mono8", "RGB": "rgb8"}
"""Pillow's mode -> encoding of the message."""
_IN_RGB_ORDER = re.compile(r"\s*(rgb|bgr)a?(8|16)\s*;.*\bcompressed rgb")
"""Matches the `format` of pixels that were passed to the encoder in RGB order.

The encoder of image_transport expects BGR: every decoder swaps red and blue of such a picture.
"""


def decompressed(message: CompressedImage, name: str) -> Image:
    """The picture as rgb8, or mono8 or a Bayer pattern where it has one channel.

    Raises:
        InputError: IMAGE_INVALID for what is no JPEG or PNG, is damaged or too large; judged before it is decoded.
    """
    from PIL import Image as Picture
    from PIL import UnidentifiedImageError

    try:
        with Picture.open(io.BytesIO(bytes(message.data)), formats=FORMATS) as picture:
            if max(picture.size) > MAX_SIZE_PX:
                raise InputError(
                    ErrorCode.IMAGE_INVALID,
                    f"{name} is {picture.width}x{picture.height} pixels",
                    f"each side may have {MAX_SIZE_PX} pixels",
                )
            if picture.mode.startswith("I") or has_deep_colours(picture):
                raise InputError(
                    ErrorCode.ENCODING_UNSUPPORTED,
                    f"{name} has 16 bits a pixel (format {message.format[:60]!r})",
                    "scale it to mono8 or rgb8 where it is made",
                )
            check_passes(picture, message.data)
            check_single(picture)
            picture = picture.convert("L" if picture.mode in ("L", "1") else "RGB")
            pixels = np.asarray(picture)
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise _undecodable(message, name, f"it is none of {', '.join(FORMATS)}") from error
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError) as error:
        raise _undecodable(message, name, str(error)) from error
    if picture.mode == "RGB" and _IN_RGB_ORDER.match(message.format[:200]):
        pixels = pixels[..., ::-1]
    return image_from_pixels(pixels, _bayer(message, picture.mode) or MODES[picture.mode], message.header)


def _bayer(message: CompressedImage, mode: str) -> str:
    """The Bayer pattern in a picture of one channel, "" for none.

    A picture that was converted before it was compressed says to what: "bayer_rggb8; jpeg compressed mono8".
    """
    encoding, _, how = (part.strip() for part in message.format[:200].partition(";"))
    is_pattern = mode == "L" and encoding in BAYER and not how.endswith("compressed mono8")
    return encoding if is_pattern else ""


def _undecodable(message: CompressedImage, name: str, reason: str) -> InputError:
    return InputError(
        ErrorCode.IMAGE_INVALID,
        f"{name} cannot be decoded (format {message.format[:60]!r}): {reason}",
        "publish it as JPEG or PNG, or set image_transport to raw",
    )
