"""How often something shows each colour: smoothed histograms of 8-bit Lab pixels."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

# bins of lightness and of the two colour axes, and by how many of them the histogram is smoothed
BINS = (12, 16, 16)
SPREAD_BINS = 0.8
BIN_VOLUME = 256**3 / (BINS[0] * BINS[1] * BINS[2])
"""8-bit colours in a bin."""
EVEN = 1.0 / np.prod(BINS)
"""Share of each bin where all colours are as frequent."""

# so many times as frequent as if all were is a colour that somebody has
COMMON = 5.0

Bins = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Colours:
    """Shares of the bins, which add up to 1, of BINS."""

    shares: np.ndarray

    @classmethod
    def of(cls, pixels: np.ndarray) -> "Colours":  # (N, 3) Lab u8
        counts = np.zeros(BINS, np.float32)
        np.add.at(counts, bins_of(pixels), 1)
        smooth = gaussian_filter(counts, SPREAD_BINS, mode="nearest")
        return cls(smooth / smooth.sum())

    def at(self, bins: Bins) -> np.ndarray:
        """The shares of a picture's pixels."""
        return self.shares[bins]

    def mixed(self, others: "Colours", share: float) -> "Colours":
        """With a share of other colours."""
        return Colours((1 - share) * self.shares + share * others.shares)


def bins_of(image: np.ndarray) -> Bins:  # (..., 3) Lab -> 3 of (...)
    return tuple(image[..., i].astype(int) * count // 256 for i, count in enumerate(BINS))
