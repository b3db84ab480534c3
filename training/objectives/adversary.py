"""An adversary that tells decoded clips from true ones, patch by patch (PatchGAN, Isola et al. 2017).

A decoder that minimises a distance draws the mean of what may be there, a smear; an adversary cannot be satisfied by
that. Losses and balance are those of VQGAN (Esser et al. 2021): hinge, features of the adversary in place of a trained
perceptual loss, and both pushes as strong as the reconstruction loss's gradient on the output, times a weight.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from training.objectives.reconstruction import MOTION_WEIGHT, moved

CHANNELS = 32, 64, 96
LEAK = 0.2
FEATURES_WEIGHT = 0.5
TINY = 1e-9


class Judged(NamedTuple):
    scores: torch.Tensor  # (B * (T - 1), 1, H / 4, W / 4), higher where it looks true
    features: list[torch.Tensor]


class Adversary(nn.Module):
    """Scores patches of frames from the second on, each seen with the one before it and its change from the first."""

    def __init__(self):
        super().__init__()
        first, second, third = CHANNELS
        self.layers = nn.ModuleList(
            [
                nn.Conv2d(9, first, 4, 2, 1),
                nn.Conv2d(first, second, 4, 2, 1),
                nn.Conv2d(second, third, 3, 1, 1),
            ]
        )
        self.score = nn.Conv2d(third, 1, 3, 1, 1)

    def forward(self, clip: torch.Tensor) -> Judged:  # (B, 3, T, H, W) in -1..1
        frames = clip.transpose(1, 2)
        seen = torch.cat([frames[:, 1:], frames[:, 1:] - frames[:, :1], frames[:, :-1]], 2).flatten(0, 1)
        x, features = seen.contiguous(memory_format=torch.channels_last), []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), LEAK)
            features.append(x)
        return Judged(self.score(x), features)


def adversary_loss(adversary: Adversary, output: torch.Tensor, clip: torch.Tensor) -> torch.Tensor:
    """What the adversary minimises; the output gets no gradient."""
    true, made = adversary(clip).scores, adversary(output.detach()).scores
    return (_weight(output, clip, true) * (F.relu(1 - true) + F.relu(1 + made))).mean()


def sharpness_loss(
    adversary: Adversary, output: torch.Tensor, clip: torch.Tensor, reconstruction: torch.Tensor
) -> torch.Tensor:
    """What pushes the output towards what the adversary takes for true; the adversary gets no gradient.

    Its value means nothing: its gradient on the output is that of score and features, each as long as the
    reconstruction's.
    """
    leaf = output.detach().requires_grad_()
    made = adversary(leaf)
    with torch.no_grad():
        true = adversary(clip)
    weight = _weight(output, clip, made.scores)
    score = -(weight * made.scores).mean()
    features = sum(
        (F.adaptive_max_pool2d(weight, a.shape[-2:]) * (a - b).abs()).mean()
        for a, b in zip(made.features, true.features)
    )
    (of_score,) = torch.autograd.grad(score, leaf, retain_graph=True)
    (of_features,) = torch.autograd.grad(features, leaf)
    (usual,) = torch.autograd.grad(reconstruction, output, retain_graph=True)
    push = of_score / (of_score.norm() + TINY) + FEATURES_WEIGHT * of_features / (of_features.norm() + TINY)
    return (output * (usual.norm() * push)).sum()


def _weight(output: torch.Tensor, clip: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """(B * (T - 1), 1, H / 4, W / 4) of each patch: what moves, in either clip, counts more; 1 in the mean."""
    moving = (moved(clip) | moved(output.detach())).float().transpose(1, 2)[:, 1:].flatten(0, 1)
    weight = 1 + MOTION_WEIGHT * F.adaptive_max_pool2d(moving, scores.shape[-2:])
    return weight / weight.mean()
