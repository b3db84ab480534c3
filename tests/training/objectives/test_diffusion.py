import pytest
import torch

from training.models import build_scheduler
from training.objectives.diffusion import (
    LEAST_NOISE,
    add_noise,
    denoising_loss,
    difference_loss,
    motion_weight,
    object_weight,
    timesteps_of,
)


def test_noise_and_velocity_give_back_the_clean_latents():
    scheduler = build_scheduler()
    clean, noise = torch.randn(2, 3, 4, 5, 6), torch.randn(2, 3, 4, 5, 6)
    timesteps = torch.tensor([10, 900])
    noisy, velocity, _ = add_noise(scheduler, clean, noise, timesteps)
    alphas = scheduler.alphas_cumprod.float()[timesteps].view(-1, 1, 1, 1, 1)
    torch.testing.assert_close(alphas.sqrt() * noisy - (1 - alphas).sqrt() * velocity, clean, atol=1e-4, rtol=1e-4)


def test_last_timestep_is_pure_noise():
    clean, noise = torch.randn(1, 1, 4, 2, 2), torch.randn(1, 1, 4, 2, 2)
    noisy, _, _ = add_noise(build_scheduler(), clean, noise, torch.tensor([999]))
    torch.testing.assert_close(noisy, noise, atol=1e-3, rtol=1e-3)


def test_weight_marks_cells_that_change():
    clean = torch.zeros(1, 3, 2, 4, 4)
    clean[0, 2, :, 1, 2] = -3.0
    weight = motion_weight(clean, moving=4.0)
    assert weight[0, 2, 0, 1, 2] == 5.0
    assert weight.sum() == weight.numel() + 4.0


def test_weight_follows_the_object_from_latent_frame_to_latent_frame():
    track = torch.zeros(1, 9, 4, 4)
    track[0, 0, 0, 0] = 1.0  # the first picture is the first latent frame, four pictures are each of the others
    track[0, 4, 3, 3] = 0.7
    weight = object_weight(track, frames=3, height=2, width=2)
    expected = torch.zeros(1, 3, 1, 2, 2)
    expected[0, 0, 0, 0, 0], expected[0, 1, 0, 1, 1] = 1.0, 0.7
    torch.testing.assert_close(weight, expected)


def test_a_single_latent_frame_has_the_first_picture_alone():
    track = torch.eye(4).repeat(1, 5, 1, 1)
    torch.testing.assert_close(object_weight(track, 1, 4, 4), torch.eye(4)[None, None, None])


def test_errors_of_clean_latents_count_as_errors_of_v():
    clean, noise, guess = torch.randn(3, 2, 3, 4, 5, 6)
    timesteps, weight = torch.tensor([200, 900]), torch.rand(2, 3, 1, 5, 6)
    v_scheduler, scheduler = build_scheduler(), build_scheduler("sample")
    noisy, target, scale = add_noise(scheduler, clean, noise, timesteps)
    alphas = scheduler.alphas_cumprod.float()[timesteps].view(-1, 1, 1, 1, 1)
    velocity = (alphas.sqrt() * noisy - guess) / (1 - alphas).sqrt()
    expected = denoising_loss(velocity, *add_noise(v_scheduler, clean, noise, timesteps)[1:], weight)
    torch.testing.assert_close(denoising_loss(guess, target, scale, weight), expected)


def test_at_little_noise_errors_of_clean_latents_count_no_more():
    clean, noise = torch.randn(2, 1, 1, 4, 2, 2)
    _, _, scale = add_noise(build_scheduler("sample"), clean, noise, torch.tensor([1]))
    assert scale.item() == torch.tensor(LEAST_NOISE).rsqrt()


def test_loss_is_the_weighted_mean():
    prediction, target = torch.zeros(1, 1, 2, 1, 2), torch.ones(1, 1, 2, 1, 2)
    target[..., 1] = 3.0
    weight = torch.tensor([1.0, 3.0]).view(1, 1, 1, 1, 2)
    assert denoising_loss(prediction, target, torch.tensor(2.0), weight) == 4 * (1 * 1 + 3 * 9) / 4


def test_of_a_pair_only_what_differs_counts_by_the_larger_weight():
    """The clips differ in two cells of three; half the difference is predicted in one of them, all in the other."""
    target = torch.tensor([[5.0, 2.0, 4.0], [5.0, 0.0, 0.0]]).view(2, 1, 1, 1, 1, 3)
    prediction = torch.tensor([[0.0, 1.0, 4.0], [0.0, 0.0, 0.0]]).view_as(target)
    weight = torch.tensor([[9.0, 1.0, 2.0], [1.0, 3.0, 1.0]]).view_as(target)
    assert difference_loss(prediction, target, weight).item() == pytest.approx(3 * 1 / (3 * 4 + 2 * 16))
    assert difference_loss(target, target, weight) == 0
    assert difference_loss(torch.zeros_like(target), target, weight) == 1


def test_a_pair_of_equal_clips_has_a_finite_loss():
    assert torch.isfinite(difference_loss(*torch.zeros(2, 2, 1, 1, 1, 1, 3), torch.ones(2, 1, 1, 1, 1, 3)))


@pytest.fixture(params=["unipc", "euler"])
def flow(request):
    from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

    if request.param == "euler":
        return FlowMatchEulerDiscreteScheduler(shift=5.0)
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=5.0)


def test_noise_of_a_flow_is_that_of_its_scheduler_and_one_step_back_gives_the_clean_latents(flow):
    clean, noise = torch.randn(1, 2, 3, 4, 4), torch.randn(1, 2, 3, 4, 4)
    flow.set_timesteps(10)
    for index in (0, 4, 9):
        noisy, target, _ = add_noise(flow, clean, noise, flow.timesteps[index : index + 1])
        sigma = flow.sigmas[index]
        torch.testing.assert_close(noisy, (1 - sigma) * clean + sigma * noise, atol=1e-2, rtol=0)  # whole timesteps
        torch.testing.assert_close(noisy - target * sigma, clean, atol=1e-2, rtol=0)


def test_timesteps_of_a_flow_are_shifted_as_those_of_its_sampler(flow):
    flow.set_timesteps(1000)
    even = torch.linspace(1, 1e-3, 1000)
    # towards no noise the samplers stop a little earlier, each in its own way
    assert (timesteps_of(flow, even) - flow.timesteps)[:700].abs().max() <= 3.0
    assert timesteps_of(flow, torch.tensor([0.5])).item() == pytest.approx(1000 * 2.5 / 3)


def test_timesteps_without_shift_are_whole_numbers_below_the_last():
    assert timesteps_of(build_scheduler(), torch.tensor([0.0, 0.5, 0.9999, 1.0])).tolist() == [0, 500, 999, 999]
