"""The mask channel: a target mask at pixel size becomes one latent channel, present in latent frame 0 only."""

import torch
import torch.nn.functional as F

from tavid_planner.errors import ErrorCode, InputError

REDUCTIONS = ("area", "nearest")
MIN_COVERAGE = 1 / 128
"""A mask whose densest latent cell is covered less than this (half a pixel of an 8x8 cell) counts as vanished."""


def reduce_mask(
    mask: torch.Tensor,  # (B, 1, H, W) float in 0..1
    latent_height: int,
    latent_width: int,
    reduction: str = "area",
) -> torch.Tensor:  # (B, 1, latent_height, latent_width)
    """Reduce a pixel mask to latent size.

    `area` gives the covered share of every latent cell, so thin targets survive. `nearest` keeps the pixel at each
    cell's upper left corner, which is what the released TaViD inference does, and can erase thin targets.

    Raises:
        InputError: MASK_EMPTY when nothing of a mask is left, CONFIG_INVALID for an unknown reduction.
    """
    if reduction not in REDUCTIONS:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"mask reduction is {reduction!r}", f"use one of {', '.join(REDUCTIONS)}"
        )
    reduced = F.interpolate(mask, size=(latent_height, latent_width), mode=reduction)
    densest = reduced.flatten(1).amax(dim=1)
    if (densest < MIN_COVERAGE).any():
        pixels = int((mask.flatten(1) > 0).sum(dim=1)[densest.argmin()])
        hint = "mark a larger region" if reduction == "area" else "use mask reduction 'area', or mark a larger region"
        raise InputError(
            ErrorCode.MASK_EMPTY,
            f"the mask of {pixels} pixels in {mask.shape[-1]}x{mask.shape[-2]} vanishes at latent size "
            f"{latent_width}x{latent_height} ({reduction} reduction)",
            hint,
        )
    return reduced


def mask_latents(
    mask: torch.Tensor,  # (B, 1, H, W) float in 0..1
    latent_frames: int,
    latent_height: int,
    latent_width: int,
    reduction: str = "area",
) -> torch.Tensor:  # (B, F, 1, h, w)
    """The mask channel of the transformer's input: the reduced mask in latent frame 0, zeros in the others.

    Raises:
        InputError: see `reduce_mask`.
    """
    first = reduce_mask(mask, latent_height, latent_width, reduction).unsqueeze(1)
    others = first.new_zeros(len(first), latent_frames - 1, *first.shape[2:])
    return torch.cat([first, others], dim=1)
