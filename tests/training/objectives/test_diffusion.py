import torch

from training.models import build_scheduler
from training.objectives.diffusion import add_noise, motion_weight, velocity_loss


def test_noise_and_velocity_give_back_the_clean_latents():
    scheduler = build_scheduler()
    clean, noise = torch.randn(2, 3, 4, 5, 6), torch.randn(2, 3, 4, 5, 6)
    timesteps = torch.tensor([10, 900])
    noisy, velocity = add_noise(scheduler, clean, noise, timesteps)
    alphas = scheduler.alphas_cumprod.float()[timesteps].view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(alphas.sqrt() * noisy - (1 - alphas).sqrt() * velocity, clean, atol=1e-4, rtol=1e-4)


def test_last_timestep_is_pure_noise():
    clean, noise = torch.randn(1, 1, 4, 2, 2), torch.randn(1, 1, 4, 2, 2)
    noisy, _ = add_noise(build_scheduler(), clean, noise, torch.tensor([999]))
    torch.testing.assert_close(noisy, noise, atol=1e-3, rtol=1e-3)


def test_weight_marks_cells_that_change():
    clean = torch.zeros(1, 3, 2, 4, 4)
    clean[0, 2, :, 1, 2] = 3.0
    weight = motion_weight(clean, moving=4.0)
    assert weight[0, 2, 0, 1, 2] == 5.0
    assert weight.sum() == weight.numel() + 4.0


def test_loss_is_the_weighted_mean():
    prediction, velocity = torch.zeros(1, 1, 2, 1, 2), torch.ones(1, 1, 2, 1, 2)
    velocity[..., 1] = 3.0
    weight = torch.tensor([1.0, 3.0]).view(1, 1, 1, 1, 2)
    assert velocity_loss(prediction, velocity, weight) == (1 * 1 + 3 * 9) / 4
