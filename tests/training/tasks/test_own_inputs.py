from contextlib import ExitStack

import numpy as np
import pytest
import torch
from diffusers import CogVideoXDDIMScheduler
from torch.testing import assert_close

from hoi_motion.options import from_mapping
from training.configuration import AdapterConfig
from training.objectives.few_steps import clean_and_noise
from training.tasks.adapter import AdapterTask
from training.tasks.own_inputs import after_own_steps

STEPS = 4


@pytest.fixture
def task(train_options):
    changes = dict(own_inputs=1.0, own_steps=STEPS, text_dropout=0.0, image_dropout=0.0)
    return AdapterTask(from_mapping(AdapterConfig, {**train_options, **changes}), torch.device("cpu")).eval()


def drawn(task, steps):
    """A batch that goes so many steps by itself."""
    batches = (task.draw(0, np.random.default_rng(seed)) for seed in range(100))
    return next(batch for batch in batches if len(batch.own_times) == steps + 1)


@torch.no_grad()
def test_inputs_are_what_the_sampler_comes_to(task):
    batch = drawn(task, STEPS - 1)
    sampler = CogVideoXDDIMScheduler.from_config(task.noise_scheduler.config)
    sampler.set_timesteps(STEPS)
    latents, channels = batch.parts.noisy, batch.parts.noisy.shape[2]
    for time in sampler.timesteps[:-1]:
        times = torch.full((len(latents),), int(time))
        inputs = torch.cat([latents, batch.inputs[:, :, channels:]], dim=2)
        latents = sampler.step(task.backbone.predict(inputs, batch.text, times), time, latents, return_dict=False)[0]
    reached = after_own_steps(task, batch)
    assert reached.timesteps.tolist() == [int(sampler.timesteps[-1])] * len(latents)
    assert_close(reached.inputs[:, :, :channels], latents, rtol=1e-4, atol=1e-4)
    assert torch.equal(reached.inputs[:, :, channels:], batch.inputs[:, :, channels:])


def test_it_starts_from_noise_that_tells_nothing_of_the_clip(task):
    batch = drawn(task, 0)
    _, noise = clean_and_noise(task.noise_scheduler, batch.parts.noisy, batch.target, batch.own_times[0])
    assert_close(batch.parts.noisy, noise.to(batch.parts.noisy), rtol=1e-3, atol=1e-3)


def test_what_is_to_be_predicted_is_still_the_clip(task):
    reached = after_own_steps(task, drawn(task, 2))
    said, _ = clean_and_noise(task.noise_scheduler, reached.parts.noisy, reached.target, reached.own_times[-1])
    assert_close(said.to(reached.parts.clean), reached.parts.clean, rtol=1e-3, atol=1e-3)


def test_each_of_the_samplers_steps_is_trained(task):
    lengths = {len(task.draw(0, np.random.default_rng(seed)).own_times) for seed in range(40)}
    assert lengths == {1, 2, 3, 4}


def test_without_them_a_run_draws_what_it_drew_before(task, train_options):
    plain = AdapterTask(from_mapping(AdapterConfig, train_options), torch.device("cpu"))
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    batch = plain.draw(0, rng)
    assert not batch.own_times
    rows, pairs = plain._drawn(again.integers(len(plain.cache), size=plain.config.batch_size))
    assert torch.equal(batch.inputs, plain.batch(plain.clips(rows, pairs, again), 0, again).inputs)


def test_in_bfloat16_every_weight_still_gets_a_gradient(task):
    """Weights that autocast has cast without gradients are not used for the step that is trained."""
    with ExitStack() as held, torch.autocast("cpu", torch.bfloat16):
        losses = task(drawn(task, 1), held)
        losses["diffusion"].backward()
    trained = {name: p for name, p in task.named_parameters() if p.requires_grad}
    assert [name for name, p in trained.items() if p.grad is None] == []
