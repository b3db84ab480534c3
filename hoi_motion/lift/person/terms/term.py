"""What a term of the fit is, and the robust energies that terms share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from hoi_motion.lift.person.guess import Guess


@dataclass(frozen=True)
class Stage:
    """One part of the optimisation.

    Attributes:
        rate: of the optimiser; robust: Geman-McClure scale of the keypoints, a share of the person's height.
    """

    name: str
    rate: float
    robust: float


@dataclass(frozen=True)
class Term:
    """A part of the negative log-likelihood.

    Attributes:
        energy: of a guess in a stage, summed over frames.
        residual: what is measured; unit, scale: in what, and how much of it costs about one half.
        source: paper and section, or what it was measured on.
    """

    energy: Callable[[Guess, Stage], torch.Tensor]
    residual: str
    unit: str
    scale: str
    source: str

    @property
    def name(self) -> str:
        return self.energy.__name__

    def __call__(self, guess: Guess, stage: Stage) -> torch.Tensor:
        return self.energy(guess, stage)


def term(residual: str, unit: str, scale: str, source: str) -> Callable[[Callable], Term]:
    """Makes a term of a function (guess, stage) -> energy."""
    return lambda energy: Term(energy, residual, unit, scale, source)


def geman_mcclure(square: torch.Tensor, scale: float) -> torch.Tensor:
    """Squares that saturate at the square of the scale."""
    return scale**2 * square / (scale**2 + square)


def student_t(square: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of Student's t with four degrees of freedom, but for its factor of 2.5: quadratic at
    first, then a logarithm."""
    return torch.log1p(square / 4)
