"""Rigid transforms and smooth rises: the small laws that more than one room needs, each written once.

`T_a_b` (4, 4) takes points of frame b to frame a. Lengths are metres, angles radians.
"""

import numpy as np

# of a minimum-jerk rise: its fastest moment over its mean speed, and its greatest acceleration over its height divided
# by the square of its time
JERK_PEAK = 1.875
JERK_PEAK_RISE = 5.774


def R_about_z(yaw_rad: float) -> np.ndarray:  # (3, 3)
    """Rotation about the vertical axis, counter-clockwise seen from above."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def standing_at(place_m, yaw_rad: float = 0.0) -> np.ndarray:  # (3,) -> (4, 4)
    """Pose of something upright at a place, turned about the vertical axis."""
    T = np.eye(4)
    T[:3, :3] = R_about_z(yaw_rad)
    T[:3, 3] = place_m
    return T


def moved(T_a_b: np.ndarray, points_b: np.ndarray) -> np.ndarray:  # (4, 4), (..., 3) -> (..., 3)
    """Points of frame b in frame a."""
    return points_b @ T_a_b[:3, :3].T + T_a_b[:3, 3]


def moved_each(T_a_b: np.ndarray, points_b: np.ndarray) -> np.ndarray:  # (T, 4, 4), (N, 3) -> (T, N, 3)
    """The same points of frame b in frame a under every one of several transforms."""
    return points_b @ np.swapaxes(T_a_b[:, :3, :3], 1, 2) + T_a_b[:, None, :3, 3]


def moved_back(T_a_b: np.ndarray, points_a: np.ndarray) -> np.ndarray:  # (4, 4), (..., 3) -> (..., 3)
    """Points of frame a in frame b: the inverse of `moved`."""
    return (points_a - T_a_b[:3, 3]) @ T_a_b[:3, :3]


def minimum_jerk(x) -> np.ndarray:
    """Smoothest rise from 0 (x <= 0) to 1 (x >= 1) (Flash and Hogan 1985, equation 3)."""
    x = np.clip(x, 0, 1)
    return np.minimum(x**3 * (10 - 15 * x + 6 * x**2), 1.0)  # rounding can exceed 1, where no rotation is defined
