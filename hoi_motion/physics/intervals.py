"""Runs of frames."""

import numpy as np


def runs_of(mask: np.ndarray) -> list[tuple[int, int]]:  # (T,) bool
    """First frame and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2])]
