import pytest
import torch
from diffusers import CogVideoXDDIMScheduler, FlowMatchEulerDiscreteScheduler

from training.models import build_scheduler
from training.objectives.diffusion import add_noise
from training.objectives.few_steps import clean_and_noise, one_step_target, stepped

SHAPE = (2, 3, 4, 5, 6)


def scheduler_of(kind):
    if kind == "flow":
        return FlowMatchEulerDiscreteScheduler(shift=3.0)
    return CogVideoXDDIMScheduler.from_config(build_scheduler(kind).config)


@pytest.fixture(params=["sample", "v_prediction", "flow"])
def scheduler(request):
    torch.manual_seed(0)
    return scheduler_of(request.param)


@pytest.mark.parametrize("time", [999, 499])
def test_a_right_prediction_gives_the_clean_latents_and_the_noise(scheduler, time):
    clean, noise = torch.randn(2, *SHAPE).double()
    noisy, target, _ = add_noise(scheduler, clean, noise, torch.full((2,), time))
    found_clean, found_noise = clean_and_noise(scheduler, noisy, target, time)
    torch.testing.assert_close(found_clean, clean, rtol=0, atol=1e-5)
    torch.testing.assert_close(found_noise, noise, rtol=0, atol=1e-5)


@pytest.mark.parametrize("ends", [(999, 499), (499, None), (999, None)])
def test_one_step_of_the_student_ends_where_the_teacher_is(scheduler, ends):
    noisy, reached = torch.randn(2, *SHAPE).double()
    target, _ = one_step_target(scheduler, noisy, reached, *ends)
    torch.testing.assert_close(stepped(scheduler, noisy, target, *ends), reached, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_a_step_is_that_of_the_sampler(kind):
    scheduler = scheduler_of(kind)
    scheduler.set_timesteps(4)
    noisy, prediction = torch.randn(2, *SHAPE)
    times = [*scheduler.timesteps.tolist(), None]
    for start, end in zip(times, times[1:]):
        expected = scheduler.step(prediction, start, noisy).prev_sample
        torch.testing.assert_close(stepped(scheduler, noisy, prediction, start, end), expected, rtol=1e-4, atol=1e-4)
