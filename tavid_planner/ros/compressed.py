"""sensor_msgs/CompressedImage as image_transport publishes it, decoded to the Image it stands for."""

import io

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import MAX_SIZE_PX
from tavid_planner.ros.conversions import image_from_pixels

FORMATS = ("JPEG", "PNG")
MODES = {"L": "mono8", "RGB": "rgb8"}
"""Of the decoder -> encoding of the message."""


def decompressed(message: CompressedImage, name: str) -> Image:
    """The picture as rgb8, or mono8 where it has one channel.

    Raises:
        InputError: IMAGE_INVALID for what is no JPEG or PNG, is damaged or too large; judged before it is decoded.
    """
    from PIL import Image as Picture

    try:
        with Picture.open(io.BytesIO(bytes(message.data)), formats=FORMATS) as picture:
            if max(picture.size) > MAX_SIZE_PX:
                raise InputError(
                    ErrorCode.IMAGE_INVALID,
                    f"{name} is {picture.width}x{picture.height} pixels",
                    f"each side may have {MAX_SIZE_PX} pixels",
                )
            if picture.mode.startswith("I"):
                raise InputError(
                    ErrorCode.ENCODING_UNSUPPORTED,
                    f"{name} has 16 bits a pixel (format {message.format[:60]!r})",
                    "scale it to mono8 or rgb8 where it is made",
                )
            picture = picture.convert("L" if picture.mode in ("L", "1") else "RGB")
            pixels = np.asarray(picture)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError) as error:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"{name} cannot be decoded (format {message.format[:60]!r}): {error}",
            "publish it as JPEG or PNG, or set image_transport to raw",
        ) from error
    return image_from_pixels(pixels, MODES[picture.mode], message.header)
