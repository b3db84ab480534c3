"""The marked instances as extra latent channels for the transformer, nonzero in latent frame 0 only.

- `mask`: the target's mask, one channel (TaViD);
- `id_map`: the palette colours of all instances' masks, three channels (MATRIX, first-frame ID map);
- `id_map_vae`: the same picture through the VAE, as many channels as latents have (the published code of MATRIX).

An adapter's metadata say which one it was trained with, and its palette.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from hoi_motion.arrays import checked_number
from hoi_motion.errors import counted
from tavid_planner.errors import ErrorCode, InputError

REDUCTIONS = ("area", "nearest")
MIN_COVERAGE = 1 / 128
"""A mask whose densest latent cell is covered less than this (half a pixel of an 8x8 cell) counts as vanished."""

KINDS = ("mask", "id_map", "id_map_vae")
PALETTE = ((230, 60, 50), (50, 110, 230), (60, 180, 75), (240, 190, 40), (160, 70, 200))
"""RGB of the instances with IDs 1 to 5; the background is black."""


@dataclass(frozen=True)
class Conditioning:
    """How marked instances are given to the transformer, as stated in an adapter's metadata.

    Attributes:
        kind: one of KINDS.
        palette: RGB colours 0..255 by instance; the adapter knows as many instances as it has colours.

    Raises:
        InputError: CONFIG_INVALID for another kind, or a palette of other than 1 to 5 different colours.
    """

    kind: str = "mask"
    palette: tuple[tuple[int, int, int], ...] = PALETTE

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"conditioning is {self.kind!r}", f"use one of {', '.join(KINDS)}"
            )
        try:
            palette = tuple(tuple(_level(value) for value in colour) for colour in self.palette)
        except (TypeError, InputError):
            palette = ()
        good = 1 <= len(palette) <= len(PALETTE) and len(set(palette)) == len(palette)
        if not good or any(len(colour) != 3 or not any(colour) for colour in palette):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"conditioning palette is {str(self.palette)[:100]}",
                f"give 1 to {len(PALETTE)} different RGB colours of whole numbers up to 255, none of them black",
            )
        object.__setattr__(self, "palette", palette)

    def channels(self, latent_channels: int) -> int:
        """Extra input channels of the transformer."""
        return {"mask": 1, "id_map": 3, "id_map_vae": latent_channels}[self.kind]


def _level(value) -> int:
    """One of the three numbers of a colour."""
    return checked_number(value, "a colour", 0, 255, int, ErrorCode.CONFIG_INVALID)


def coloured(masks: torch.Tensor, palette) -> torch.Tensor:  # (B, K, H, W) in 0..1 -> (B, 3, H, W) in 0..1
    """The ID map as a picture: each instance's colour where it is, black elsewhere; later instances lie on top."""
    colours = torch.tensor(palette[: masks.shape[1]], dtype=masks.dtype, device=masks.device) / 255
    picture = masks.new_zeros(len(masks), 3, *masks.shape[2:])
    for mask, colour in zip(masks.unbind(1), colours, strict=True):
        picture = picture * (1 - mask[:, None]) + colour.view(1, 3, 1, 1) * mask[:, None]
    return picture


def id_map_latents(
    masks: torch.Tensor,  # (B, K, H, W) float in 0..1
    palette,
    latent_frames: int,
    latent_height: int,
    latent_width: int,
) -> torch.Tensor:  # (B, F, 3, h, w)
    """The ID map's channels at latent size, in latent frame 0, zeros in the others.

    Raises:
        InputError: MASK_EMPTY when an instance vanishes at latent size.
    """
    for number in range(masks.shape[1]):
        present = masks[:, number].flatten(1).any(dim=1)
        if present.any():
            reduce_mask(masks[present, number : number + 1], latent_height, latent_width)
    first = F.interpolate(coloured(masks, palette), size=(latent_height, latent_width), mode="area")[:, None]
    return torch.cat([first, first.new_zeros(len(first), latent_frames - 1, *first.shape[2:])], dim=1)


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
            f"the mask of {counted(pixels, 'pixel')} in {mask.shape[-1]}x{mask.shape[-2]} vanishes at latent size "
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


def instance_latents(
    masks: torch.Tensor,  # (1, K, H, W) float in 0..1
    conditioning: Conditioning,
    latent_size: tuple[int, int, int],
    encode: Callable[[torch.Tensor], torch.Tensor],
    cell: int,
    reduction: str = "area",
) -> torch.Tensor:  # (1, F, C, h, w)
    """The marked instances as extra channels, zero except in latent frame 0.

    Args:
        latent_size: F, h, w.
        encode: the VAE's encoder, (1, 3, 1, H, W) in -1..1 to (1, 1, C, h, w); called for `id_map_vae` only.
        cell: pixels along the side of a latent.

    Raises:
        InputError: see `reduce_mask`.
    """
    frames, height, width = latent_size
    if conditioning.kind == "mask":
        return mask_latents(masks, frames, height, width, reduction)
    latents = id_map_latents(masks, conditioning.palette, frames, height, width)
    if conditioning.kind == "id_map":
        return latents
    picture = F.interpolate(coloured(masks, conditioning.palette), size=(height * cell, width * cell), mode="area")
    first = encode((2 * picture - 1)[:, :, None])
    return torch.cat([first, first.new_zeros(1, frames - 1, *first.shape[2:])], dim=1)
