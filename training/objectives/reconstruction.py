"""What a VAE is trained with: pixels, edges and colours of its output, and what a probe reads in its latents."""

import torch
import torch.nn.functional as F

MOTION_WEIGHT = 8.0  # extra, of pixels that change over the clip
FOREGROUND_WEIGHT = 4.0  # extra, of people and objects
PROBE_CHANNELS = 2 * 3 * 4  # halves of a latent frame, colours, quarters of a cell


def reconstruction_loss(output, clip, foreground=None):
    """L1 on pixels, on their differences, and on colours at a quarter of the size.

    The few pixels of people and objects, and of what changes over the clip, count more.

    Args:
        output, clip: (B, 3, T, H, W) in -1..1.
        foreground: (B, 1, T, H, W) in 0..1, where people and objects are; optional.
    """
    weight = 1 + MOTION_WEIGHT * moved(clip).any(2, keepdim=True).float()
    if foreground is not None:
        weight = weight + FOREGROUND_WEIGHT * foreground
    error = output - clip
    loss = _weighted_mean(error.abs(), weight)
    for axis in (-1, -2):
        inner = weight.narrow(axis, 1, weight.shape[axis] - 1)
        loss = loss + 0.5 * (inner * error.diff(dim=axis).abs()).mean()
    coarse, coarse_weight = (F.avg_pool3d(x, (1, 4, 4)) for x in (error, weight.expand_as(error)))
    colour = coarse - coarse.mean(1, keepdim=True)
    return loss + _weighted_mean(coarse.abs() + 2 * colour.abs(), coarse_weight)


def moved(clip, threshold: float = 0.15) -> torch.Tensor:  # (B, 3, T, H, W) in -1..1 -> (B, 1, T, H, W) bool
    """Pixels that differ from the first frame."""
    return (clip - clip[:, :, :1]).abs().amax(1, keepdim=True) > threshold


def probe_targets(clip, cell_px: int):  # (B, C, T, H, W) -> (B, 2, C, 4, F, h, w)
    """Means over the quarters of each latent pixel's cell and over the earlier and later half of its frames."""
    half = cell_px // 2
    cells = F.pixel_unshuffle(F.avg_pool3d(clip, (1, half, half)).transpose(1, 2), 2)  # (B, T, 4 C, h, w)
    first, rest = cells[:, :1], cells[:, 1:]
    halves = rest.unflatten(1, (-1, 2, 2)).mean(3)  # (B, F - 1, 2, 4 C, h, w)
    both = torch.cat([torch.stack([first, first], 2), halves], 1)
    return both.unflatten(3, (-1, 4)).permute(0, 2, 3, 4, 1, 5, 6)


def probe_loss(read, clip, weight):
    """How badly a linear probe reads coarse colours from the latent.

    Without it no latent holds the rarer hues: an encoder that leaves them out and a decoder that ignores them are at a
    saddle point of the reconstruction loss.

    Args:
        read: (B, 24, F, h, w), what the probe makes of the latent.
        clip, weight: (B, 3 or 1, T, H, W).
    """
    cell_px = clip.shape[-1] // read.shape[-1]
    error = read.unflatten(1, (2, 3, 4)) - probe_targets(clip, cell_px)
    hue = error - error.mean(2, keepdim=True)
    return _weighted_mean(error.abs() + 2 * hue.abs(), probe_targets(weight, cell_px))


def psnr_db(output, clip):  # both in -1..1
    return -10 * torch.log10(F.mse_loss(output.clamp(-1, 1), clip) / 4)


def _weighted_mean(values, weight):
    return (weight * values).sum() / weight.expand_as(values).sum()
