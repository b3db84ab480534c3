"""From answers to KISA, SGI, SPI and interaction fidelity (IF), as MATRIX puts them together."""

from dataclasses import dataclass

import numpy as np

from training.intergeneval.questions import NUM_KISA, NUM_QUESTIONS

FRAME_STRIDE = 5  # frames between two that are looked at for what appears or vanishes
CHANGE_WEIGHT = 5.0  # of their share in SPI


@dataclass(frozen=True)
class Judgement:
    """What a judge said of a clip.

    Attributes:
        answers: (interactions, 10) bool.
        emerged, vanished: (N,) bool, of every FRAME_STRIDE-th frame after the first: something is there that was not
            in the first frame; something of it is gone.
    """

    answers: np.ndarray
    emerged: np.ndarray
    vanished: np.ndarray


@dataclass(frozen=True)
class Fidelity:
    """kisa, sgi: shares of "yes"; spi: temporal consistency; fidelity: IF, the mean of kisa * spi and sgi * spi."""

    kisa: float
    sgi: float
    spi: float

    @property
    def fidelity(self) -> float:
        return (self.kisa * self.spi + self.sgi * self.spi) / 2


def looked_at(num_frames: int) -> np.ndarray:  # (N,) int
    """Frames that are compared with the first one."""
    return np.arange(FRAME_STRIDE, num_frames, FRAME_STRIDE)


def fidelity_of(judgement: Judgement, as_published: bool = False) -> Fidelity:
    """Scores of a clip.

    SPI is 1 - 5 x the share of frames with something new, averaged with the same for something gone. As published it
    falls to -4, which turns IF of a bad clip negative, and a clip that answers "no" to everything gets a better IF then
    than one that answers "yes"; here it ends at 0, unless `as_published`.
    """
    answers = np.asarray(judgement.answers, float).reshape(-1, NUM_QUESTIONS)
    parts = [1 - CHANGE_WEIGHT * float(np.mean(c)) if len(c) else 1.0 for c in (judgement.emerged, judgement.vanished)]
    spi = sum(parts) / 2
    return Fidelity(
        float(answers[:, :NUM_KISA].mean()), float(answers[:, NUM_KISA:].mean()), spi if as_published else max(0.0, spi)
    )
