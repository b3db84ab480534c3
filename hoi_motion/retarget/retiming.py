"""Retiming: a joint path stretched until no joint is too fast, each part as fast as it may be."""

import numpy as np
from scipy.interpolate import CubicSpline

CLOSER = 1.001  # of time, over what the limits require
ROUNDS = 20


def retimed(
    positions: np.ndarray, rate_hz: float, marks: list[int], velocity: np.ndarray, acceleration: np.ndarray
) -> np.ndarray:  # (N, n) -> (N,)
    """The time in seconds of each sample.

    A part lasts as long as it did, or longer where a joint would break a limit. At the marks between parts the robot is
    at rest or nearly so, so that each part has a pace of its own; where it is not, both get slower.

    Args:
        positions: (N, n); rate_hz: of the samples; marks: samples between parts, first and last included.
        velocity, acceleration: (n,) limits.
    """
    parts = [(a, b) for a, b in zip(marks[:-1], marks[1:]) if b > a]
    factors = np.ones(len(parts))
    for _ in range(ROUNDS):
        times = _times(parts, factors, rate_hz)
        spline = CubicSpline(times, positions, bc_type="clamped")
        # speed is looked at in the middle between samples as well; a cubic's acceleration is greatest at one of them
        between = (times[1:] + times[:-1]) / 2
        speed = (np.abs(spline(times, 1)) / velocity).max(axis=1)
        speed[1:] = np.maximum(speed[1:], (np.abs(spline(between, 1)) / velocity).max(axis=1))
        rise = np.sqrt((np.abs(spline(times, 2)) / acceleration).max(axis=1))
        over = np.maximum(speed, rise)
        needed = np.array([over[a : b + 1].max() for a, b in parts])
        if (needed <= 1).all():
            break
        factors *= np.where(needed > 1, needed * CLOSER, 1.0)
    return times


def _times(parts: list[tuple[int, int]], factors: np.ndarray, rate_hz: float) -> np.ndarray:
    steps = np.concatenate([np.full(b - a, factor / rate_hz) for (a, b), factor in zip(parts, factors)])
    return np.r_[0.0, np.cumsum(steps)]
