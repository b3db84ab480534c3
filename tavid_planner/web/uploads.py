"""What a visitor may upload: pictures, whose format and size are checked before one is decoded."""

import io
import os
from collections.abc import Sequence

import numpy as np

from hoi_motion.errors import ErrorCode, InputError

KINDS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 20 * 2**20
MAX_SIDE_PX = 8192
MAX_PX = 40_000_000
MAX_LAYERS = 6
"""Pictures in a drawing: what it is on, both together, and its layers, of which the page makes one."""


def accepted_picture(path) -> np.ndarray:  # (H, W, 3) uint8 RGB
    """The pixels of an uploaded picture.

    Raises:
        InputError: IMAGE_INVALID when it is of another format, too large, too small, or damaged; the message does not
            reveal the file's path.
    """
    from hoi_motion.media.image_files import read_image

    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise _refused(f"the picture has {size / 2**20:.0f} MB", f"at most {MAX_BYTES // 2**20} MB are accepted")
    _check_header(path)
    try:
        return read_image(path)
    except InputError as error:
        raise _refused(
            "the picture is damaged or of a kind that is not read", "save it as a PNG or JPEG with 8 bits a channel"
        ) from error


def check_drawing(files: Sequence) -> None:
    """Check the layers of a drawing, as paths or as their bytes, which the page decodes by itself.

    Raises:
        InputError: IMAGE_INVALID for one that is no picture or too large, or for many: all are decoded at once.
    """
    if len(files) > MAX_LAYERS:
        raise _refused(f"the drawing has {len(files)} layers", "reload the page, and draw on the picture that it shows")
    for file in files:
        _check_header(io.BytesIO(file) if isinstance(file, bytes) else file)


def _check_header(file) -> None:
    """Raises: InputError: IMAGE_INVALID."""
    from PIL import Image

    try:
        with Image.open(file, formats=KINDS) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _refused("this is not a readable picture", f"give a {', '.join(KINDS[:-1])} or {KINDS[-1]}") from error
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PX:
        raise _refused(
            f"the picture has {width}x{height} pixels",
            f"at most {MAX_PX // 10**6} million, and {MAX_SIDE_PX} a side; make it smaller",
        )


def _refused(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.IMAGE_INVALID, message, hint)
