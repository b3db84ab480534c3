"""What a visitor may upload: one picture, whose format and size are checked before it is decoded."""

import os

import numpy as np

from hoi_motion.errors import ErrorCode, InputError

KINDS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 20 * 2**20
MAX_SIDE_PX = 8192
MAX_PX = 40_000_000


def accepted_picture(path) -> np.ndarray:  # (H, W, 3) uint8 RGB
    """The pixels of an uploaded picture.

    Raises:
        InputError: IMAGE_INVALID when it is of another format, too large, too small, or damaged; the message does not
            reveal the file's path.
    """
    from PIL import Image

    from hoi_motion.media.image_files import read_image

    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise _refused(f"the picture has {size / 2**20:.0f} MB", f"at most {MAX_BYTES // 2**20} MB are accepted")
    try:
        with Image.open(path, formats=KINDS) as picture:
            width, height = picture.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise _refused("this is not a readable picture", f"give a {', '.join(KINDS[:-1])} or {KINDS[-1]}") from error
    if max(width, height) > MAX_SIDE_PX or width * height > MAX_PX:
        raise _refused(
            f"the picture has {width}x{height} pixels",
            f"at most {MAX_PX // 10**6} million, and {MAX_SIDE_PX} a side; make it smaller",
        )
    try:
        return read_image(path)
    except InputError as error:
        raise _refused(
            "the picture is damaged or of a kind that is not read", "save it as a PNG or JPEG with 8 bits a channel"
        ) from error


def _refused(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.IMAGE_INVALID, message, hint)
