"""The focal length that a photo's file states."""

import io
import logging
import warnings
from collections.abc import Callable

import numpy as np

from hoi_motion.errors import InputError
from hoi_motion.media.image_files import FORMATS, MAX_PICTURE_BYTES
from hoi_motion.reading.untrusted import read_bytes, reading

log = logging.getLogger(__name__)

FILM_DIAGONAL_MM = 43.27
"""Of 36 x 24 mm."""
POSSIBLE_MM = 6, 2000
"""On such film: from fisheyes to telescopes. 0 says that it is not known."""
CROPPED = 0.02
"""A picture whose ratio of sides differs by this share from what its EXIF says has lost a part since. Of one that was
cropped by a program that wrote its own size there, or at the same ratio, nothing tells."""
_EXIF, _FOCAL_35MM, _WIDTH, _HEIGHT = 0x8769, 0xA405, 0xA002, 0xA003


def stated_intrinsics(path, size_px, say: Callable[[str], object] = log.info) -> np.ndarray | None:
    """(3, 3) intrinsics of a photo that was taken by a telephone or camera, or None where its file does not tell.

    EXIF's FocalLengthIn35mmFilm is the focal length with which a film of 36 x 24 mm shows the same angle from corner
    to corner (CIPA DC-008, tag 0xA405).

    Args:
        path: a file that can be read; size_px: (height, width) of the picture in it, which may have been scaled since.
        say: called with a sentence on what the file says.
    """
    try:
        exif = _exif(path)
        focal_mm = float(exif.get(_FOCAL_35MM, 0))
        sides = [float(exif.get(tag, 0)) for tag in (_WIDTH, _HEIGHT)]
    except (InputError, TypeError, ValueError, ZeroDivisionError):
        return None  # damaged notes about a picture do not make it a bad one
    if not POSSIBLE_MM[0] <= focal_mm <= POSSIBLE_MM[1]:
        return None
    height, width = size_px
    if min(sides) > 0 and abs(max(sides) / min(sides) * min(size_px) / max(size_px) - 1) > CROPPED:
        say(f"{path}: it was {sides[0]:.0f}x{sides[1]:.0f} pixels when its camera wrote its focal length: not used")
        return None
    focal_px = focal_mm / FILM_DIAGONAL_MM * float(np.hypot(width, height))
    say(f"{path}: focal length {focal_px:.0f} px, from its EXIF ({focal_mm:g} mm on 35 mm film)")
    return np.array([[focal_px, 0, (width - 1) / 2], [0, focal_px, (height - 1) / 2], [0, 0, 1.0]])


def _exif(path) -> dict:
    """Raises: InputError: when the file's notes are damaged."""
    from PIL import Image

    what = "a readable photo"
    content = read_bytes(path, what, MAX_PICTURE_BYTES)
    with reading(path, what), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            return dict(picture.getexif().get_ifd(_EXIF))
