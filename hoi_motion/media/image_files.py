"""Camera frames, masks and depth images from files."""

from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError


def read_image(path) -> np.ndarray:  # (H, W, 3) uint8 RGB
    """A camera frame; greyscale and transparent pictures become RGB.

    Raises:
        InputError: IMAGE_INVALID when the file is missing, damaged or has more than 8 bits a channel.
    """
    picture = _open(path, "image", ErrorCode.IMAGE_INVALID)
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"):
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"image {path} has pixels of kind {picture.mode!r}",
            "give an RGB image with 8 bits a channel",
        )
    return np.asarray(picture.convert("RGB"))


def read_mask(path, name: str = "mask") -> np.ndarray:  # (H, W) or (H, W, C), as stored
    """A mask as it is stored; `InteractionRequest` judges it. A palette image gives its indices.

    Raises:
        InputError: MASK_INVALID when the file is missing or damaged.
    """
    if Path(path).suffix == ".npy":
        return _read_npy(path, name, ErrorCode.MASK_INVALID)
    return np.asarray(_open(path, name, ErrorCode.MASK_INVALID))


def read_depth(path) -> np.ndarray:  # (H, W) float32 metres
    """A depth image: .npy or a float picture in metres, an integer picture in millimetres.

    Raises:
        InputError: IMAGE_INVALID when the file is missing, damaged or has colours.
    """
    if Path(path).suffix == ".npy":
        return _read_npy(path, "depth image", ErrorCode.IMAGE_INVALID)
    depth = np.asarray(_open(path, "depth image", ErrorCode.IMAGE_INVALID))
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image {path} is {depth.dtype} of shape {depth.shape}, expected one channel",
            "give 16-bit millimetres or metres as float",
        )
    return depth.astype(np.float32) / (1.0 if depth.dtype.kind == "f" else 1000.0)


def _open(path, name: str, code: ErrorCode):
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            picture.load()
            return ImageOps.exif_transpose(picture)
    except FileNotFoundError as error:
        raise InputError(code, f"{name} {path} does not exist", "check the path") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(code, f"{name} {path} cannot be read: {reason}", "give a PNG or JPEG file") from error


def _read_npy(path, name: str, code: ErrorCode) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(code, f"{name} {path} cannot be read: {reason}", "save it with numpy.save") from error
