"""Progressive distillation: one step of the student goes where several of the teacher go (Salimans & Ho 2022).

Latents are (B, F, C, h, w); a time is a timestep of the training schedule, or None for no noise at all.
"""

import torch

from training.objectives.diffusion import add_noise, is_flow


def signal_and_noise(scheduler, time: float | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares of the clean latents and of the noise in noisy ones."""
    if time is None:
        return torch.tensor(1.0), torch.tensor(0.0)
    if is_flow(scheduler):
        share = torch.tensor(float(time) / scheduler.config.num_train_timesteps)
        return 1 - share, share
    alpha = scheduler.alphas_cumprod[int(time)]
    return alpha.sqrt(), (1 - alpha).sqrt()


def clean_and_noise(scheduler, noisy, prediction, time: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The clean latents and the noise that a prediction says; the inverse of `add_noise`."""
    signal, noise = signal_and_noise(scheduler, time)
    if is_flow(scheduler):
        return noisy - noise * prediction, noisy + signal * prediction
    if scheduler.config.prediction_type == "sample":
        return prediction, (noisy - signal * prediction) / noise
    return signal * noisy - noise * prediction, noise * noisy + signal * prediction


def stepped(scheduler, noisy, prediction, start: float, end: float | None) -> torch.Tensor:
    """Latents after one deterministic step (DDIM; for flows Euler's) from one time to a later one, of less noise."""
    clean, noise = clean_and_noise(scheduler, noisy, prediction, start)
    signal_share, noise_share = signal_and_noise(scheduler, end)
    return signal_share * clean + noise_share * noise


def one_step_target(scheduler, noisy, reached, start: float, end: float | None) -> tuple[torch.Tensor, torch.Tensor]:
    """What the student must predict so that its one step from `noisy` ends in `reached` (appendix G there).

    Returns:
        target, as `add_noise` has it, and its scale.
    """
    signal, noise = signal_and_noise(scheduler, start)
    signal_end, noise_end = signal_and_noise(scheduler, end)
    ratio = noise_end / noise
    clean = (reached - ratio * noisy) / (signal_end - ratio * signal)
    timesteps = torch.full((len(noisy),), float(start), device=noisy.device)
    _, target, scale = add_noise(scheduler, clean, (noisy - signal * clean) / noise, timesteps)
    return target, scale
