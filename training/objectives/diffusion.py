"""The denoising loss of CogVideoX (v-prediction), of models that predict the clean latents, and of Wan (flow)."""

import torch
import torch.nn.functional as F

# of 1 - alpha_bar: at less noise an error of the clean latents counts no more
LEAST_NOISE = 0.05


def is_flow(scheduler) -> bool:
    """Whether noise is mixed in on a straight line (rectified flow), as Wan trains."""
    config = scheduler.config
    return "shift" in config or config.get("prediction_type") == "flow_prediction"


def timesteps_of(scheduler, level) -> torch.Tensor:  # (B,) in 0..1, uniform unless weighed -> (B,)
    """Timesteps of drawn noise levels: whole numbers, but for flows, whose shift draws them towards much noise."""
    count = scheduler.config.num_train_timesteps
    if not is_flow(scheduler):
        return (count * level).long().clamp(max=count - 1)
    shift = scheduler.config.get("flow_shift", scheduler.config.get("shift", 1.0))
    return count * shift * level / (1 + (shift - 1) * level)


def add_noise(scheduler, clean, noise, timesteps):  # latents (B, F, C, h, w), timesteps (B,)
    """Noisy latents and what the model must predict from them, by the scheduler's `prediction_type`.

    `v_prediction`: v (Salimans & Ho 2022, appendix D). `sample`: the clean latents, which is easier for a model that is
    hardly wider than its patches, since noise need not pass through it (Li & He 2025, JiT, section 4). Flow: the
    way from the clean latents to the noise (Lipman et al. 2023; Esser et al. 2024, section 3).

    Returns:
        noisy and target (B, F, C, h, w); scale (B, 1, 1, 1, 1), by which an error of the target is one of v.
    """
    if is_flow(scheduler):
        share = (timesteps.to(clean.dtype) / scheduler.config.num_train_timesteps).view(-1, 1, 1, 1, 1)
        return (1 - share) * clean + share * noise, noise - clean, torch.ones_like(share)
    alphas = scheduler.alphas_cumprod.to(clean.device, clean.dtype)[timesteps.long()].view(-1, 1, 1, 1, 1)
    noisy = alphas.sqrt() * clean + (1 - alphas).sqrt() * noise
    if scheduler.config.prediction_type == "sample":
        return noisy, clean, (1 - alphas).clamp(min=LEAST_NOISE).rsqrt()
    velocity = alphas.sqrt() * noise - (1 - alphas).sqrt() * clean
    return noisy, velocity, torch.ones_like(alphas)


def denoising_loss(prediction, target, scale, weight):  # (B, F, C, h, w), scale (B, 1, 1, 1, 1), weight (B, F, 1, h, w)
    """Weighted mean squared error on v."""
    error = (scale * (prediction.float() - target.float())) ** 2
    return (weight * error).sum() / weight.expand_as(error).sum()


def difference_loss(prediction, target, weight) -> torch.Tensor:  # (2, N, F, C, h, w), weight (2, N, F, 1, h, w)
    """Of pairs with equal noise, the share of what differs between the two that is not predicted; 1: both are alike.

    What only the marks explain is a small part of the mean error of both; here it is all that counts.
    """
    wanted = (target[0] - target[1]).float()
    error = (prediction[0] - prediction[1]).float() - wanted
    weight = torch.maximum(weight[0], weight[1])
    return (weight * error**2).sum() / (weight * wanted**2).sum().clamp(min=1e-6)


def motion_weight(clean, moving: float = 4.0, threshold: float = 0.5) -> torch.Tensor:  # -> (B, F, 1, h, w)
    """Cells that differ from the first latent frame count `1 + moving` times, since most of a clip stands still."""
    change = (clean - clean[:, :1]).abs().mean(dim=2, keepdim=True)
    return 1 + moving * (change > threshold).to(clean.dtype)


def object_weight(masks: torch.Tensor, frames: int, height: int, width: int) -> torch.Tensor:
    """Where an object is, of its mask track: (B, T, H, W) in 0..1 -> (B, F, 1, h, w), the largest share of each cell.

    The first latent frame is the first picture; the others share out the rest evenly, as a causal VAE does.
    """
    cells = F.adaptive_max_pool2d(masks, (height, width))
    if frames == 1:
        return cells[:, :1].unsqueeze(2)
    rest = F.adaptive_max_pool3d(cells[:, 1:], (frames - 1, height, width))
    return torch.cat([cells[:, :1], rest], dim=1).unsqueeze(2)
