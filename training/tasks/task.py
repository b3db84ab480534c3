"""What the trainer asks of one kind of training."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch


class Task(torch.nn.Module):
    """Models, data and losses of one kind of training.

    It is one module, so that what accelerate does to a module (gradients of several processes, mixed precision) is
    done to all that is trained; what requires a gradient when it is made is trained.

    Attributes:
        weights: of the losses in what is minimised, by name; 0 for a number that is only watched.
        data_digest: of what it trains on, and model_digest of what it trains beside; another one is another run.
        clip_names: of what it trains on, and clips_from: where they are.
    """

    weights: dict[str, float]
    data_digest: str
    model_digest: str = ""
    clip_names: Sequence[str] = ()
    clips_from: str = ""

    def draw(self, step: int, rng: np.random.Generator) -> NamedTuple:
        """A batch on the CPU, from nothing but the step and `rng`."""
        raise NotImplementedError

    def forward(self, batch: NamedTuple, held: ExitStack) -> dict[str, torch.Tensor]:
        """Losses by name, of those in `weights`; contexts that must last through the backward pass go into `held`."""
        raise NotImplementedError

    def is_matrix(self, name: str, parameter: torch.nn.Parameter) -> bool:
        """Whether Muon may train this parameter."""
        raise NotImplementedError

    def validate(self, folder: Path) -> list[np.ndarray]:  # each (T, H, W, 3) float32 in 0..1
        """Write pictures into a folder that exists; the videos on them."""
        raise NotImplementedError

    def export(self, out: Path, step: int) -> None:
        """Write the result of the run into its folder."""
        raise NotImplementedError
