"""Statistics to normalise a feature: minimum, maximum, mean, standard deviation, quantiles; per episode or overall."""

import numpy as np

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
LEVELS = 256


def of_values(values: np.ndarray) -> dict[str, np.ndarray]:  # (N, n) -> (n,) each
    """Statistics of every column."""
    found = dict(min=values.min(0), max=values.max(0), mean=values.mean(0), std=values.std(0))
    found |= {name: np.quantile(values, share, axis=0) for name, share in QUANTILES.items()}
    return found | {"count": np.array([len(values)])}


def histogram(frames: np.ndarray) -> np.ndarray:  # (N, H, W, 3) uint8 -> (3, 256)
    """How often each value occurs in each channel; histograms of episodes add up."""
    return np.stack([np.bincount(frames[..., channel].ravel(), minlength=LEVELS) for channel in range(3)])


def of_histogram(counts: np.ndarray, num_frames: int) -> dict[str, np.ndarray]:  # (3, 256) -> (3, 1, 1) each
    """Statistics of pictures in 0..1, by channel."""
    levels = np.arange(LEVELS) / (LEVELS - 1)
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ levels
    # rounding may make the variance of a constant picture slightly negative
    std = np.sqrt(np.maximum(share @ levels**2 - mean**2, 0))
    there, below = counts > 0, np.cumsum(share, axis=1)
    found = dict(min=levels[there.argmax(1)], max=levels[LEVELS - 1 - there[:, ::-1].argmax(1)], mean=mean, std=std)
    found |= {name: levels[(below >= q - 1e-12).argmax(1)] for name, q in QUANTILES.items()}
    return {name: value.reshape(3, 1, 1) for name, value in found.items()} | {"count": np.array([num_frames])}
