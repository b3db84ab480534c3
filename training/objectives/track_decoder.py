"""A light causal decoder from attention maps at token resolution to masks at pixel resolution and rate.

It mirrors the upsampling of the 3D VAE that the tokens come from: space by `space` (latent cell times patch), time from
F latent frames to 1 + time (F - 1) frames, the first of which stays single; no frame sees a later one. It is there in
training only (MATRIX, section on semantic grounding alignment: D_phi).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class TrackDecoder(nn.Module):
    """Maps (N, F, h, w) -> logits (N, 1 + time (F - 1), h * space, w * space).

    Args:
        space: cells of a mask that a token is wide and high; time: frames a latent frame stands for; powers of two.
        channels: width of the first stage; each stage halves it, down to 8.
        shares: the maps are shares of attention, not negative and tiny; others are taken as they are.
    """

    def __init__(self, space: int, time: int, channels: int = 32, shares: bool = True):
        super().__init__()
        self.shares = shares
        spatial, temporal = (round(math.log2(n)) for n in (space, time))
        if 2**spatial != space or 2**temporal != time:
            raise ValueError(f"space {space} and time {time} must be powers of two")
        self.first = CausalConv(1, channels)
        stages, width = [], channels
        for number in range(max(spatial, temporal)):
            narrower = max(8, width // 2)
            stages.append(UpStage(width, narrower, number < spatial, number < temporal))
            width = narrower
        self.stages = nn.ModuleList(stages)
        self.last = CausalConv(width, 1)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = maps[:, None]
        if self.shares:
            # raw attention is tiny: each map is brought to the scale of its own mean
            mean = maps.mean(dim=(-3, -2, -1), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
            maps = (maps / mean).log1p()
        x = self.first(maps)
        for stage in self.stages:
            x = stage(x)
        return self.last(x)[:, 0]


class UpStage(nn.Module):
    """Doubles the size, the rate, or both, and mixes neighbours."""

    def __init__(self, inputs: int, outputs: int, space: bool, time: bool):
        super().__init__()
        self.space, self.time = space, time
        self.conv = CausalConv(inputs, outputs)
        self.norm = nn.GroupNorm(min(4, outputs), outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (N, C, F, h, w)
        if self.time:
            first, later = x[:, :, :1], x[:, :, 1:]
            x = torch.cat([first, later.repeat_interleave(2, dim=2)], dim=2)
        if self.space:
            x = F.interpolate(x, scale_factor=(1, 2, 2), mode="nearest")
        # statistics of each frame alone: those of a whole clip would let frames see later ones
        y = self.conv(x)
        frames = y.transpose(1, 2).flatten(0, 1)
        return F.silu(self.norm(frames)).unflatten(0, (len(y), -1)).transpose(1, 2)


class CausalConv(nn.Conv3d):
    """A 3x3x3 convolution that sees the frame and the two before it; before the first frame is the first frame."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 3, padding=(0, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(torch.cat([x[:, :, :1]] * 2 + [x], dim=2))
