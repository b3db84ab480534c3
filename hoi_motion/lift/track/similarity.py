"""Similarities of the picture plane: maps (2, 3) that turn, grow and shift pixels, and how they are found and composed.

Pixel centres sit at whole numbers, x first.
"""

import cv2
import numpy as np

IDENTITY = np.array([[1.0, 0, 0], [0, 1, 0]])
"""The similarity that moves nothing."""
# masks this much longer than wide show a rotation; one by more than this at once comes from a partly covered object,
# of which the visible long side may be the short one
LONG = 1.4
MOST_TURN_RAD = np.deg2rad(60)


def transformed(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:  # (2, 3), (2, 3) -> (2, 3)
    """The similarity that applies `inner`, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def homogeneous(maps: np.ndarray) -> np.ndarray:  # (T, 2, 3) -> (T, 3, 3)
    """Maps of the plane with the row that lets them be multiplied."""
    return np.concatenate([maps, np.tile([[[0, 0, 1.0]]], (len(maps), 1, 1))], 1)


def in_scaled_pictures(similarity: np.ndarray, scale: np.ndarray) -> np.ndarray:  # (T, 2, 3), (2,) -> (T, 2, 3)
    """The same maps in the pixels of pictures that are so many times as wide and as high.

    A pixel's edges scale, and its centre lies half a pixel from them.
    """
    linear, half = scale[:, None] * similarity[..., :2] / scale, (1 / scale - 1) / 2
    shift = scale * (similarity[..., 2] + similarity[..., :2] @ half - half)
    return np.concatenate([linear, shift[..., None]], -1)


def moved_mask(mask: np.ndarray, similarity: np.ndarray) -> np.ndarray:  # (H, W) bool, (2, 3) -> (H, W) bool
    """A mask of the first frame, moved with what it shows."""
    if np.array_equal(similarity, IDENTITY):
        return mask
    return cv2.warpAffine(mask.astype(np.uint8) * 255, similarity, mask.shape[::-1]) > 127


def between(
    before: np.ndarray, after: np.ndarray, share: float, centre_px: np.ndarray
) -> np.ndarray:  # (2, 3), (2, 3), (2,) -> (2, 3)
    """The similarity on the way between two: turned and grown evenly, the object's centre on a straight line.

    Args:
        share: 0 at the first, 1 at the second; centre_px: the object's in the first frame.
    """
    first, last = (complex(s[0, 0], s[1, 0]) for s in (before, after))
    now = first * (last / first) ** share
    linear = np.array([[now.real, -now.imag], [now.imag, now.real]])
    centre = np.append(centre_px, 1.0)
    place = (1 - share) * (before @ centre) + share * (after @ centre)
    return np.column_stack([linear, place - linear @ centre_px])


def nearest_similarity(source: np.ndarray, goal: np.ndarray) -> np.ndarray:  # (N, 2), (N, 2) -> (2, 3)
    """The similarity that brings points nearest to others; in the plane it is one complex number and a shift."""
    centres = source.mean(0), goal.mean(0)
    a, b = ((p - c) @ [1, 1j] for p, c in zip((source, goal), centres))
    z = np.vdot(a, b) / np.vdot(a, a)
    turn = np.array([[z.real, -z.imag], [z.imag, z.real]])
    return np.column_stack([turn, centres[1] - turn @ centres[0]])


def moved_like(mask: np.ndarray, now: np.ndarray, turn_rad: float = 0.0) -> np.ndarray:  # (2, 3)
    """The turn, growth and shift that bring the box of `mask`, turned, to the box of `now` (H, W)."""
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    turn = np.array([[c, -s], [s, c]])
    before = np.argwhere(mask)[:, ::-1] @ turn.T
    after = np.argwhere(now)[:, ::-1]
    low, high = before.min(0), before.max(0)
    growth = np.sqrt((np.ptp(after, axis=0) + 1).prod() / (high - low + 1).prod())
    middle = (after.min(0) + after.max(0)) / 2
    return np.column_stack([growth * turn, middle - growth * (low + high) / 2])


def seen_turn_rad(mask: np.ndarray, now: np.ndarray, last_rad: float) -> float:
    """Turn of the long axis, of its two directions the one nearer to the last turn; the last where that is not told."""
    (first, first_long), (axis, axis_long) = _long_axis(mask), _long_axis(now)
    if min(first_long, axis_long) < LONG:
        return last_rad
    turn = axis - first
    turn += np.pi * np.round((last_rad - turn) / np.pi)
    return turn if abs(turn - last_rad) <= MOST_TURN_RAD else last_rad


def _long_axis(mask: np.ndarray) -> tuple[float, float]:
    """Angle of a mask's long axis, image x to image y, and how many times longer than wide it is."""
    spread = np.cov(np.argwhere(mask)[:, ::-1].T) + 1e-6 * np.eye(2)
    values, vectors = np.linalg.eigh(spread)
    return float(np.arctan2(vectors[1, 1], vectors[0, 1])), float(np.sqrt(values[1] / values[0]))
