"""How the small networks are trained: Muon for their matrices, a rate that falls along a cosine, averaged weights."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from hoi_motion.errors import ErrorCode, InputError
from training.muon import Muon

LAST_RATE = 0.02


class Descent:
    """Steps of one training; `finish` leaves the moving average of the weights in the network.

    Args:
        is_matrix: whether Muon moves a parameter of this name; AdamW moves the others, and all with a single axis.
        rate: the highest, of Muon; other_rate: of AdamW.
        warmup: steps in which the rates rise.
        average: share of the averaged weights that a step keeps, less in the first ones.
    """

    def __init__(
        self,
        network: nn.Module,
        is_matrix: Callable[[str], bool],
        steps: int,
        rate: float,
        other_rate: float | None = None,
        warmup: int = 50,
        average: float = 0.99,
    ):
        named = list(network.named_parameters())
        matrices = [p for name, p in named if p.ndim > 1 and is_matrix(name)]
        chosen = {id(p) for p in matrices}
        others = [p for _, p in named if id(p) not in chosen]
        self.optimizers = {
            Muon(matrices, lr=rate): rate,
            torch.optim.AdamW(others, lr=rate, weight_decay=1e-4): other_rate or rate,
        }
        self.network, self.steps, self.warmup, self.average = network, steps, warmup, average
        self.averaged = {name: value.clone() for name, value in network.state_dict().items()}
        self.done = 0

    def step(self, loss: torch.Tensor) -> None:
        """Move the network against the gradient of a loss.

        Raises:
            InputError: CONFIG_INVALID for a loss that is not finite, after which no weight would be.
        """
        if not torch.isfinite(loss):
            told = f"the loss is {float(loss.detach())} at step {self.done} of {self.steps}"
            raise InputError(ErrorCode.CONFIG_INVALID, told, "give a lower --rate")
        falling = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + np.cos(np.pi * self.done / self.steps))
        for optimizer, rate in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (self.done + 1) / self.warmup) * falling
            optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        kept = min(self.average, (1 + self.done) / (10 + self.done))
        for name, value in self.network.state_dict().items():
            self.averaged[name].lerp_(value, 1 - kept)
        self.done += 1

    def finish(self) -> None:
        self.network.load_state_dict(self.averaged)
