"""What is seen of the object where its colours were found: its outline in the video, and its working pixels."""

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from hoi_motion.lift.track.own.likeness import LIMIT
from hoi_motion.lift.track.own.places import in_box
from hoi_motion.lift.track.track import Outline

# its outline is searched for in a box this many times the one in which it was found
OUTLINE_BOX = 1.5
# and is that box where this share of it does not look like it
LEAST_OUTLINE_SHARE = 0.25


def seen_outline(
    likeness: np.ndarray, centre: np.ndarray, extent: np.ndarray, scale: np.ndarray, size_px: tuple[int, int]
) -> Outline:
    """What looks more like the object than like anything else around where it was found; else the box.

    Args:
        likeness: (h, w) of the frame; centre, extent: (2,) of the box in its pixels.
        scale: (2,) of these to the video's, of size_px: height, width.
    """
    box = (extent + 1) / scale
    middle = (centre + 0.5) / scale
    limit = np.array(size_px[::-1])
    low = np.clip(np.floor(middle - OUTLINE_BOX / 2 * box), 0, limit - 2).astype(int)
    high = np.clip(np.ceil(middle + OUTLINE_BOX / 2 * box), low + 2, limit).astype(int)
    # the working map, seen at the video's pixels
    zoom = np.column_stack([np.diag(scale), (low + 0.5) * scale - 0.5])
    how = dict(flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT, borderValue=-LIMIT)
    alike = (cv2.warpAffine(likeness, zoom, tuple(int(v) for v in high - low), **how) > 0).astype(np.uint8)
    count, labels = cv2.connectedComponents(alike)
    inner = np.zeros(alike.shape, bool)
    a, b = np.round(middle - box / 2 - low).astype(int), np.round(middle + box / 2 - low).astype(int)
    inner[max(0, a[1]) : b[1], max(0, a[0]) : b[0]] = True
    inside = np.bincount(labels[inner], minlength=count)
    inside[0] = 0
    kept = labels == inside.argmax()
    if inside.max() < LEAST_OUTLINE_SHARE * inner.sum():
        kept = inner
    return Outline(kept, int(low[0]), int(low[1]))


def seen_pixels(likeness: np.ndarray, box: np.ndarray, may_be_hand: np.ndarray) -> np.ndarray:  # (h, w) bool
    """Working pixels of the object: those in its box that look like it, what they surround, and what is beside them in
    the box, as far as no hand may be there; none where nothing looks like it.

    Args:
        likeness: (h, w) of the frame; box: (2, 2) its first and last pixel, x and y.
        may_be_hand: (h, w) bool.
    """
    inside, near = in_box(box, likeness.shape), np.ones((3, 3), np.uint8)
    alike = cv2.morphologyEx((likeness > 0).astype(np.uint8), cv2.MORPH_CLOSE, near)
    labels = cv2.connectedComponents(alike)[1]
    sizes = np.bincount(labels[inside], minlength=1)
    sizes[0] = 0
    if not sizes.any():
        return np.zeros(likeness.shape, bool)
    whole = binary_fill_holes(labels == sizes.argmax()) & (cv2.dilate(inside.astype(np.uint8), near, iterations=2) > 0)
    return whole | inside & ~may_be_hand
