"""The checks that every mask and depth image passes, wherever it comes from."""

import logging

import numpy as np

from hoi_motion.arrays import given_array
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media.mask_pictures import marked_pixels

log = logging.getLogger(__name__)

FARTHEST_DEPTH_M = 1000.0
FARTHEST_MEDIAN_M = 100.0
"""Half of a room is not farther; millimetres that are taken for metres are."""
LARGEST_SHARE = 0.9
"""A mask that covers more of the picture is taken for inverted."""
LARGEST_SHARE_AROUND = 0.5
LARGEST_BORDER = 0.75
"""The same for one that holds so much of the border of the picture."""


def mask_pixels(mask, name: str = "mask") -> np.ndarray:  # (H, W) or (H, W, C)
    """An array that `marked_pixels` can read, of any size.

    Raises:
        InputError: MASK_INVALID for what is no picture.
    """
    mask = given_array(mask, name, ErrorCode.MASK_INVALID)
    if mask.ndim not in (2, 3) or mask.dtype.kind not in "buif" or not mask.size:
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"{name} is {mask.dtype} of shape {mask.shape}, expected one channel",
            "give a single-channel image: 0 outside, one other value on the object",
        )
    return mask


def checked_mask(mask, size_px: tuple[int, int], name: str = "mask") -> np.ndarray:  # (H, W) bool
    """A boolean mask from any array in which one thing is marked on black.

    Accepts bool, integer or float arrays (H, W) and pictures (H, W, 1 to 4); `marked_pixels` says what is read how.

    Raises:
        InputError: MASK_INVALID (several marks, grey areas, NaN, nearly the whole picture), MASK_EMPTY, SIZE_MISMATCH.
    """
    mask = mask_pixels(mask, name)
    if mask.shape[:2] != tuple(size_px):
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"{name} is {mask.shape[1]}x{mask.shape[0]} pixels, the image {size_px[1]}x{size_px[0]}",
            "mask and image must show the same pixels",
        )
    marked, how = marked_pixels(mask, name)
    if how:
        log.info("%s: %s", name, how)
    if not marked.any():
        raise InputError(ErrorCode.MASK_EMPTY, f"{name} is empty", "mark at least one pixel of the object")
    if marked.all():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} covers the whole image", "mark one object only")
    share = marked.mean()
    border = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
    is_around = border.mean() >= LARGEST_BORDER and share > LARGEST_SHARE_AROUND
    if share >= LARGEST_SHARE or is_around:
        around = f" and {border.mean():.0%} of its border" if is_around else ""
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"{name} marks {share:.0%} of the picture{around}: is it inverted?",
            "mark the object, not what surrounds it",
        )
    return marked


def checked_depth(depth_m, size_px: tuple[int, int]) -> np.ndarray:  # (H, W) float32
    """A depth image in metres along the optical axis, 0 where unknown.

    The one rule everywhere: what is not a positive finite number (0, -1, NaN, infinity) means unknown.

    Raises:
        InputError: IMAGE_INVALID when it is no single channel of plausible distances, SIZE_MISMATCH.
    """
    depth_m = given_array(depth_m, "depth image", ErrorCode.IMAGE_INVALID)
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
    known = np.isfinite(depth_m) & (depth_m > 0)
    if known.any() and (median_m := float(np.median(depth_m[known]))) > FARTHEST_MEDIAN_M:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"half of the depth image is farther than {median_m:g} m: are these millimetres?",
            "give metres as float; divide millimetres by 1000",
        )
    far = known & (depth_m > FARTHEST_DEPTH_M)
    if far.any():
        row, column = (int(i) for i in np.argwhere(far)[0])
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"depth image[{row}, {column}] is {depth_m[row, column]:g} m, expected at most {FARTHEST_DEPTH_M:g} m",
            "use 0 or NaN for unknown",
        )
    return np.where(known, depth_m.astype(np.float32), np.float32(0))
