import copy

import pytest
import torch

from tavid_planner.video.vae_on_cpu import speed_up_vae
from training.models import build_vae


@pytest.mark.parametrize("frames", [1, 5, 9, 13])
def test_same_numbers_as_diffusers_forward_and_backward(frames):
    torch.manual_seed(0)
    plain = build_vae()
    fast = speed_up_vae(copy.deepcopy(plain))
    clip = torch.rand(2, 3, frames, 32, 48) * 2 - 1
    results = []
    for vae in (plain, fast):
        latent = vae.encode(clip).latent_dist.mean
        video = vae.decode(latent).sample
        video.square().mean().backward()
        results.append((latent.detach(), video.detach(), [p.grad for p in vae.parameters()]))
    (latent, video, grads), (fast_latent, fast_video, fast_grads) = results
    torch.testing.assert_close(fast_latent, latent, atol=1e-5, rtol=0)
    torch.testing.assert_close(fast_video, video, atol=1e-5, rtol=0)
    for fast_grad, grad in zip(fast_grads, grads):
        assert (fast_grad - grad).norm() <= 2e-3 * grad.norm() + 1e-7
