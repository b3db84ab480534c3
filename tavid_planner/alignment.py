"""Share of the video model's attention that is on the marked object."""

import numpy as np


def target_alignment(attention: np.ndarray, target_mask: np.ndarray) -> float:  # (h, w), (H, W) -> 0..1
    """Share of one frame's target attention that falls on the mask.

    Args:
        attention: (h, w), not negative; covers the same field of view as the mask.
        target_mask: (H, W) bool.
    """
    coverage = area_coverage(target_mask, attention.shape)
    total = float(attention.sum())
    return float((attention * coverage).sum() / total) if total > 0 else 0.0


def area_coverage(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:  # (H, W) -> (h, w) float64
    """Share of each cell of a coarser (or finer) grid that the mask covers."""
    rows = _overlap(mask.shape[0], size[0])
    columns = _overlap(mask.shape[1], size[1])
    return rows @ mask.astype(np.float64) @ columns.T


def _overlap(fine: int, coarse: int) -> np.ndarray:  # (coarse, fine)
    """Row i holds the share of coarse cell i that each fine cell covers; rows sum to 1."""
    edges_fine = np.linspace(0.0, 1.0, fine + 1)
    edges_coarse = np.linspace(0.0, 1.0, coarse + 1)
    upper = np.minimum(edges_coarse[1:, None], edges_fine[None, 1:])
    lower = np.maximum(edges_coarse[:-1, None], edges_fine[None, :-1])
    return np.clip(upper - lower, 0.0, None) * coarse
