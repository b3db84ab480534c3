"""v-prediction loss of CogVideoX."""

import torch


def add_noise(scheduler, clean, noise, timesteps):  # latents (B, F, C, h, w), timesteps (B,)
    """Noisy latents and the v target, both at `timesteps` (Salimans & Ho 2022, appendix D)."""
    alphas = scheduler.alphas_cumprod.to(clean.device, clean.dtype)[timesteps].view(-1, 1, 1, 1, 1)
    noisy = alphas.sqrt() * clean + (1 - alphas).sqrt() * noise
    velocity = alphas.sqrt() * noise - (1 - alphas).sqrt() * clean
    return noisy, velocity


def velocity_loss(prediction, velocity, weight):  # (B, F, C, h, w), weight (B, F, 1, h, w)
    """Weighted mean squared error on v, which is the 1/(1 - alpha_bar) weighted error on the clean latents."""
    error = (prediction.float() - velocity.float()) ** 2
    return (weight * error).sum() / weight.expand_as(error).sum()


def motion_weight(clean, moving: float = 4.0, threshold: float = 0.5) -> torch.Tensor:  # -> (B, F, 1, h, w)
    """Cells that differ from the first latent frame count `1 + moving` times, since most of a clip stands still."""
    change = (clean - clean[:, :1]).abs().mean(dim=2, keepdim=True)
    return 1 + moving * (change > threshold).to(clean.dtype)
