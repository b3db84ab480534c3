import pytest
import torch

from training.judge_vae import explained_variance


def test_a_linear_map_is_explained_and_noise_is_not():
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(400, 4, generator=generator)
    read, noise = latents @ torch.randn(4, 1, generator=generator) + 3.0, torch.randn(400, 1, generator=generator)
    explained = explained_variance(latents, torch.cat([read, noise], dim=1))
    assert explained[0] == pytest.approx(1.0, abs=1e-4) and explained[1] < 0.1
