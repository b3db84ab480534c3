"""The checks shared by every door through which a mask or a depth image comes in."""

import numpy as np

from hoi_motion.errors import ErrorCode, InputError


def checked_mask(mask, size_px: tuple[int, int], name: str = "mask") -> np.ndarray:  # (H, W) bool
    """A boolean mask from any array that holds exactly two values, one of them 0.

    Accepts bool, integer or float arrays (H, W), or (H, W, 1).

    Raises:
        InputError: MASK_INVALID (colour, more than two values, NaN, full), MASK_EMPTY, SIZE_MISMATCH.
    """
    mask = np.asarray(mask)
    if mask.ndim == 3 and mask.shape[2] == 1:
        mask = mask[..., 0]
    if mask.ndim != 2 or mask.dtype.kind not in "buif":
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"{name} is {mask.dtype} of shape {mask.shape}, expected one channel",
            "give a single-channel image: 0 outside, one other value on the object",
        )
    if mask.shape != tuple(size_px):
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"{name} is {mask.shape[1]}x{mask.shape[0]} pixels, the image {size_px[1]}x{size_px[0]}",
            "mask and image must show the same pixels",
        )
    if mask.dtype.kind == "f" and not np.isfinite(mask).all():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} holds NaN or infinity", "use 0 and 1")
    values = np.unique(mask)
    if len(values) > 2 or (len(values) == 2 and values[0] != 0):
        shown = ", ".join(f"{v:g}" for v in values[:4].astype(float))
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"{name} holds {len(values)} values ({shown}{', ...' if len(values) > 4 else ''}), not 0 and one other",
            "threshold a soft mask; give the mask of one object only",
        )
    if not mask.any():
        raise InputError(ErrorCode.MASK_EMPTY, f"{name} is empty", "mark at least one pixel of the object")
    if mask.all():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} covers the whole image", "mark one object only")
    return mask.astype(bool)


def checked_depth(depth_m, size_px: tuple[int, int]) -> np.ndarray:  # (H, W) float32
    """A depth image in metres along the optical axis, 0 where unknown.

    The one rule for every door: what is not a positive finite number (0, -1, NaN, infinity) means unknown.

    Raises:
        InputError: IMAGE_INVALID when it is no single channel of numbers, SIZE_MISMATCH.
    """
    depth_m = np.asarray(depth_m)
    if depth_m.ndim != 2 or depth_m.dtype.kind not in "uif":
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image is {depth_m.dtype} of shape {depth_m.shape}, expected one channel",
            "give metres as float",
        )
    if depth_m.shape != tuple(size_px):
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"depth image is {depth_m.shape[1]}x{depth_m.shape[0]} pixels, the image {size_px[1]}x{size_px[0]}",
            "depth and image must show the same pixels",
        )
    depth_m = depth_m.astype(np.float32)
    return np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, np.float32(0))
