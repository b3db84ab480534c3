"""Depth images in other pixels: what is even stays even.

Of the nearest pixels whole blocks keep the slope that they had in the old picture, and a floor in the new one seems to
lean, although each single depth is right to half a pixel.
"""

import numpy as np

# along a plane the inverse of the depth grows evenly from pixel to pixel; by this share less evenly is an edge
EDGE = 0.02
BEND = np.array([[1.0, -2.0, 1.0]])


def depth_seen_at(depth_m: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:  # (H, W) -> (h, w)
    """A depth image at places between its pixels: interpolated along surfaces, the nearest pixel at their edges, since
    between two depths there may be nothing.

    Args:
        depth_m: metres along the optical axis, 0 where unknown.
        columns, rows: (h, w) of the new picture's pixels in the old one, whole numbers at the middles of its pixels.

    Returns:
        0 where unknown, and beyond the old picture.
    """
    # a node imports this room before it has anything to do
    import cv2
    from scipy import ndimage

    known = np.isfinite(depth_m) & (depth_m > 0)
    inverse = np.where(known, 1 / np.where(known, depth_m, 1.0), 0.0)
    bends = [np.abs(cv2.filter2D(inverse, -1, kernel)) for kernel in (BEND, BEND.T)]
    even = known & (np.max(bends, axis=0) < EDGE * inverse)
    places = [np.asarray(rows, float), np.asarray(columns, float)]
    near = [np.round(place).astype(int) for place in places]
    height, width = depth_m.shape
    inside = (near[0] >= 0) & (near[0] < height) & (near[1] >= 0) & (near[1] < width)
    nearest = inverse[near[0].clip(0, height - 1), near[1].clip(0, width - 1)]
    # OpenCV interpolates in steps of 1/32 pixel, which are stairs again
    on_surface = ndimage.map_coordinates(even.astype(float), places, order=1, mode="nearest") > 0.999
    between = ndimage.map_coordinates(inverse, places, order=1, mode="nearest")
    there = np.where(inside, np.where(on_surface, between, nearest), 0.0)
    return np.where(there > 0, 1 / np.where(there > 0, there, 1.0), 0.0).astype(depth_m.dtype)
