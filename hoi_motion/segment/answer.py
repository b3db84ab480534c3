"""SegmentedMask: the mask that was found, and what is doubtful about it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Doubt:
    """Why a mask may be wrong.

    Attributes:
        name: two_answers, unsteady, part_of_larger, large, cut_off or part_of_box.
        message: what was seen; hint: what to do.
    """

    name: str
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message} - {self.hint}"


@dataclass(frozen=True)
class SegmentedMask:
    """The object under a prompt.

    Attributes:
        mask: (H, W) bool, in the image's pixels.
        doubts: why it may be wrong; empty for one that may be trusted.
        source: how it was found, in words: what was marked, and the segmenter.
    """

    mask: np.ndarray  # (H, W)
    doubts: tuple[Doubt, ...]
    source: str

    @property
    def words(self) -> str:
        """One line for a log or plan.json: source, size, names of the doubts."""
        line = f"{self.source}: {int(self.mask.sum())} px"
        return f"{line}; doubtful: {', '.join(d.name for d in self.doubts)}" if self.doubts else line
