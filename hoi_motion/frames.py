"""Runs of consecutive frames in which something holds."""

import numpy as np


def runs_of(flags: np.ndarray) -> list[tuple[int, int]]:  # (T,) bool
    """First frame and end (exclusive) of every run of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, np.asarray(flags, bool), False].astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def closed(flags: np.ndarray, gap: int) -> np.ndarray:  # (T,) bool -> (T,) bool
    """Gaps of at most `gap` frames between true values filled."""
    flags = flags.copy()
    for start, end in runs_of(~flags):
        if 0 < start and end < len(flags) and end - start <= gap:
            flags[start:end] = True
    return flags
