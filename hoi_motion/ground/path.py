"""The path of a person over level ground on which standing feet stay where they are.

Iteratively reweighted linear least squares in the path: a point of a foot that moves does not stand, and a person seen
to leave the ground is in the air. The given path counts by its steps from frame to frame, not by its places: its drift
is forgotten, and it fills in where the feet tell nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, percentile_filter

SLIDE_M_S = 0.03
STEP_M_S = 1.0
RISE_M_S = 0.5
ACCELERATION_M_S2 = 10.0
HEIGHT_M = 0.01
TOUCHING_M = (0.04, 0.03, 0.025, 0.025, 0.025, 0.025, 0.025, 0.025)
"""Height up to which a point of a sole may stand, from round to round: at first only the given path is known.
"""
MOVING_M_S = (2.0, 1.0, 0.6, 0.3, 0.3, 0.3, 0.3, 0.3)
"""A point of a foot faster than this does not stand, likewise."""
JUMP_S = 1.5
JUMP_PERCENT = 30
"""Over a time as long as the first the given height hardly drifts; in this share of it the person stands."""
CALM_S = 0.1
LEAST = 0.15
"""Weights below this are 0: even small ones would hold a runner in the air."""


@dataclass(frozen=True)
class GroundedPath:
    """A path on level ground, and what stands on it.

    Attributes:
        path_m: (T, 3) of the pelvis, z up, the floor at 0; standing: (T, K) 0..1, how surely each sole point stands.
    """

    path_m: np.ndarray
    standing: np.ndarray


def grounded_path(path_m: np.ndarray, soles_m: np.ndarray, fps: float) -> GroundedPath:
    """The path under which standing feet stand still, on a floor at height 0.

    Args:
        path_m: (T, 3) given pelvis, z up; soles_m: (T, K, 3) points of the soles from the pelvis.
    """
    T = len(path_m)
    found = _calm(path_m, fps)
    lowest_m = path_m[:, 2] + soles_m[..., 2].min(1)
    window = 2 * int(JUMP_S * fps / 2) + 1
    floor_m = percentile_filter(lowest_m, JUMP_PERCENT, window, mode="nearest")
    found[:, 2] = path_m[:, 2] - gaussian_filter1d(floor_m, JUMP_S * fps / 4, mode="nearest")
    standing = np.ones(soles_m.shape[:2])
    for touching_m, moving_m_s in zip(TOUCHING_M, MOVING_M_S):
        height_m = found[:, 2, None] + soles_m[..., 2]
        # a point under the floor is always wrong, one above it may be in the air
        on_floor = np.where(height_m < 0, 1.0, 1 / (1 + (height_m / touching_m) ** 2) ** 2)
        found[:, 2] = _solved_height(path_m[:, 2], soles_m[..., 2], on_floor, fps)
        height_m = found[:, 2, None] + soles_m[..., 2]
        standing = np.exp(-0.5 * (np.maximum(height_m, 0) / touching_m) ** 2)
        if T < 2:
            break
        pairs = np.minimum(standing[1:], standing[:-1])
        velocity_m_s = np.diff(found[:, None, :2] + soles_m[..., :2], axis=0) * fps
        pairs = pairs / (1 + (velocity_m_s**2).sum(-1) / moving_m_s**2) ** 2
        pairs = np.maximum(pairs - LEAST, 0) / (1 - LEAST)
        for axis in (0, 1):
            found[:, axis] = _solved_level(path_m[:, axis], soles_m[..., axis], pairs, fps)
    return GroundedPath(found, standing)


def _solved_level(given: np.ndarray, soles: np.ndarray, pairs: np.ndarray, fps: float) -> np.ndarray:  # (T,)
    steps = _Banded(len(given))
    slide = pairs * (fps / SLIDE_M_S) ** 2
    steps.add_steps(slide.sum(1), -(slide * np.diff(soles, axis=0)).sum(1))
    weight = np.full(len(given) - 1, (fps / STEP_M_S) ** 2)
    steps.add_steps(weight, weight * np.diff(given))
    steps.add_bends((fps**2 / ACCELERATION_M_S2) ** 2, np.diff(_calm(given, fps), 2))
    steps.add_place(0, 1.0, given[0])  # the origin is chosen later
    return steps.solved()


def _solved_height(given: np.ndarray, soles: np.ndarray, on_floor: np.ndarray, fps: float) -> np.ndarray:  # (T,)
    heights = _Banded(len(given))
    weight = on_floor / HEIGHT_M**2
    for t in range(len(given)):
        heights.add_place(t, weight[t].sum(), -(weight[t] * soles[t]).sum())
    if len(given) > 1:
        weight = np.full(len(given) - 1, (fps / RISE_M_S) ** 2)
        heights.add_steps(weight, weight * np.diff(given))
        heights.add_bends((fps**2 / ACCELERATION_M_S2) ** 2, np.diff(_calm(given, fps), 2))
    return heights.solved()


def _calm(path: np.ndarray, fps: float) -> np.ndarray:
    return gaussian_filter1d(path.astype(float), CALM_S * fps, axis=0, mode="nearest")


class _Banded:
    """Normal equations of a path (T,), in which a frame is coupled only to the two before it."""

    def __init__(self, count: int):
        self.diagonals, self.right = np.zeros((3, count)), np.zeros(count)  # lower form of scipy's

    def add_place(self, frame: int, weight: float, weighted_place: float) -> None:
        self.diagonals[0, frame] += weight
        self.right[frame] += weighted_place

    def add_steps(self, weight: np.ndarray, weighted_step: np.ndarray) -> None:  # (T - 1,) each
        self.diagonals[0, 1:] += weight
        self.diagonals[0, :-1] += weight
        self.diagonals[1, :-1] -= weight
        self.right[1:] += weighted_step
        self.right[:-1] -= weighted_step

    def add_bends(self, weight: float, bend: np.ndarray) -> None:  # (T - 2,)
        """Second differences towards given ones."""
        for a, one in enumerate((1, -2, 1)):
            self.right[a : len(self.right) - 2 + a] += weight * one * bend
            for b, other in enumerate((1, -2, 1)):
                if b <= a:
                    self.diagonals[a - b, b : len(self.right) - 2 + b] += weight * one * other

    def solved(self) -> np.ndarray:
        return solveh_banded(self.diagonals[: min(3, len(self.right))], self.right, lower=True)
