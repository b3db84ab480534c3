"""Camera frames, masks and depth images from files, checked by their header before they are decoded."""

import io
import logging
import warnings
from collections.abc import Callable

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media.mask_pictures import far_apart, marked_pixels
from hoi_motion.reading.npz import is_array_file, read_array
from hoi_motion.reading.untrusted import read_bytes, reading

log = logging.getLogger(__name__)

MAX_SIDE_PX = 8192
MAX_PICTURE_BYTES = 256 * 2**20
MAX_SCANNED_PX = 1_500_000_000
"""Pixels times passes over them: a progressive JPEG may ask for thousands of passes in a few bytes."""
# without formats that call other programs, or that neither cameras nor mask tools write
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
_HINT = "give a PNG or JPEG file"
_DEPTH_HINT = "give 16-bit millimetres (PNG, TIFF) or metres as float (TIFF, .npy)"
_ARRAY = "save it with numpy.save"
_EIGHT_BITS = "scale it to 8 bits a channel"
_SCAN = b"\xff\xda"
# the part of a WebP that is compressed with loss, and what says so of an opened picture
_VP8 = b"VP8 "
_LOSSY = "compressed with loss"


def read_image(path) -> np.ndarray:  # (H, W, 3) uint8 RGB
    """A camera frame; greyscale and transparent pictures become RGB.

    Raises:
        InputError: IMAGE_INVALID when the file is missing, damaged, too large or has more than 8 bits a channel: how
            these map to brightness differs between cameras.
    """
    picture = _open(path, "image", ErrorCode.IMAGE_INVALID)
    if picture.mode.startswith(("I", "F")):
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"image {path} has more than 8 bits a pixel ({picture.mode}): how they map to brightness is not known",
            _EIGHT_BITS,
        )
    if picture.mode in ("P", "PA"):
        picture = picture.convert("RGBA")  # without this step Pillow warns of an alpha that is left out
    return np.asarray(picture.convert("RGB"))


def read_mask(  # (H, W) bool
    path, name: str = "mask", say: Callable[[str], object] = log.info, one_thing: bool = True
) -> np.ndarray:
    """The pixels that a mask file marks: bright on dark, one colour on black, or a cut-out's alpha.

    Args:
        say: called with a sentence on what was done to a file that is no plain mask, and on areas too far apart to be
            one thing.
        one_thing: it marks one thing, not strokes.

    Raises:
        InputError: MASK_INVALID when the file is missing, damaged or could mean two things.
    """
    if is_array_file(path):
        pixels = read_array(path, f"a readable {name}", ErrorCode.MASK_INVALID, _ARRAY, name="mask")
        pixels, palette, lossy = _without_stack(pixels), False, False
    else:
        picture = _open(path, name, ErrorCode.MASK_INVALID)
        (pixels, palette), lossy = mask_pixels(picture), picture.info[_LOSSY]
    if pixels.ndim not in (2, 3) or pixels.dtype.kind not in "buif" or not pixels.size:
        raise InputError(ErrorCode.MASK_INVALID, f"{name} {path} is {pixels.dtype} of shape {pixels.shape}", _HINT)
    marked, how = marked_pixels(pixels, name, lossy)
    if palette:
        how = f"its palette's colours were read, not their numbers{'; ' if how else ''}{how}"
    if how:
        say(f"{name} {path}: {how}")
    if one_thing and (told := far_apart(marked)):
        say(f"{name} {path}: {told}")
    return marked


def _without_stack(pixels: np.ndarray) -> np.ndarray:
    """An array without axes of one picture and one channel, which networks have before those of the picture."""
    while pixels.ndim > 2 and pixels.shape[0] == 1 and min(pixels.shape[-2:]) > 1:
        pixels = pixels[0]
    return pixels


def mask_pixels(picture) -> tuple[np.ndarray, bool]:
    """A PIL image's pixels as grey or colours with their alpha, and whether these are from a palette."""
    if picture.mode in ("P", "PA"):
        numbers = np.asarray(picture.getchannel(0))
        is_clear = picture.mode == "PA" or "transparency" in picture.info
        colours = np.asarray(picture.convert("RGBA" if is_clear else "RGB"))
        # two entries of one colour: only the indices can mean something
        same = (colours.reshape(-1, colours.shape[-1]) == colours[0, 0]).all()
        return (numbers, False) if same else (colours, True)
    if picture.mode in ("CMYK", "YCbCr", "RGBX", "HSV"):
        picture = picture.convert("RGB")
    elif picture.mode in ("RGBa", "La"):  # colours times alpha
        picture = picture.convert(picture.mode.upper())
    return np.asarray(picture), False


def read_labels(path) -> np.ndarray:  # (H, W) or (H, W, C)
    """The pixels of a picture that numbers objects, by grey values or by colours, as they are stored.

    Raises:
        InputError: MASK_INVALID when the file is missing, damaged or too large.
    """
    return mask_pixels(_open(path, "mask", ErrorCode.MASK_INVALID))[0]


def read_depth(path, say: Callable[[str], object] = log.info) -> np.ndarray:  # (H, W) float32 metres
    """A depth image: a picture, an .npy or an .npz, integers in millimetres, floats in metres.

    Args:
        say: called with a sentence on the unit where the kind of file does not imply it.

    Raises:
        InputError: IMAGE_INVALID when the file is missing, damaged, has colours, or 8 bits a pixel.
    """
    if is_array := is_array_file(path):
        depth = read_array(path, "a readable depth image", ErrorCode.IMAGE_INVALID, _ARRAY, name="depth")
        depth = _without_stack(depth)
    else:
        depth = np.asarray(_open(path, "depth image", ErrorCode.IMAGE_INVALID, _DEPTH_HINT))
    if depth.ndim == 2 and depth.dtype.itemsize == 1:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image {path} has 8 bits a pixel, which hold no distances: a picture to look at, or a mask",
            _DEPTH_HINT,
        )
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image {path} is {depth.dtype} of shape {depth.shape}, expected one channel",
            _DEPTH_HINT,
        )
    if depth.dtype.kind == "f":
        with np.errstate(over="ignore"):  # as infinite, it is unknown
            return depth.astype(np.float32)
    if is_array:
        say(f"depth image {path}: its whole numbers ({depth.dtype}) were read as millimetres")
    return depth.astype(np.float32) / 1000


def _open(path, name: str, code: ErrorCode, hint: str = _HINT):
    """The decoded picture, turned as its camera was held."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    what = f"a readable {name}"
    content = read_bytes(path, what, MAX_PICTURE_BYTES, code, hint)
    with reading(path, what, code, hint), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters is an error here, and says so in one line
        try:
            opened = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            # of TIFF there are kinds that Pillow does not know, such as floats of 64 bits
            raise ValueError(f"it is none of {', '.join(FORMATS)}, or of a kind that is not read") from error
        with opened as picture:
            width, height = picture.size
            if not 0 < max(width, height) <= MAX_SIDE_PX:
                raise ValueError(f"it has {width}x{height} pixels, each side may have {MAX_SIDE_PX}")
            check_passes(picture, content)
            if has_deep_colours(picture):
                raise InputError(code, f"{name} {path} has 16 bits a channel, of which 8 would be lost", _EIGHT_BITS)
            check_single(picture)
            if picture.mode == "LAB":  # read as red, green and blue it would be another picture
                raise ValueError("its colours are CIE L*a*b*: save it as RGB")
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)  # else a picture that is not turned is copied
            picture.info[_LOSSY] = picture.format in ("JPEG", "MPO") or picture.format == "WEBP" and _VP8 in content
            return picture


def has_deep_colours(picture) -> bool:
    """Whether a picture, opened and not decoded, stores several channels with more than 8 bits each.

    Pillow would drop the lower bits without a word. A single channel keeps its 16 bits, which its mode shows.
    """
    if picture.mode.startswith(("I", "F")):
        return False
    for _, _, _, arguments in picture.tile:
        layout, *numbers = arguments if isinstance(arguments, tuple) else (arguments,)
        # the layout of a PPM does not say its depth: its largest value does
        if ";16" in str(layout) or picture.format == "PPM" and any(number > 255 for number in numbers):
            return True
    return False


def check_single(picture) -> None:
    """Raises: ValueError for an animation, or a file of several pictures of which nothing says which is meant."""
    # an MPO is a JPEG with more pictures behind it, as telephones write them: the first is the picture
    if picture.format != "MPO" and getattr(picture, "is_animated", False):
        raise ValueError(f"it holds several pictures ({picture.format}): save the one that is meant")


def check_passes(picture, content) -> None:
    """Raises: ValueError for a JPEG, opened and not decoded, that asks for more work than any camera's."""
    passes = bytes(content).count(_SCAN) if picture.format in ("JPEG", "MPO") else 0
    if passes * picture.width * picture.height > MAX_SCANNED_PX:
        raise ValueError(f"it is drawn in {passes} passes")
