"""Step caches: what they skip, and what does not go with them."""

import numpy as np
import pytest
import torch
from tiny_model import FRAMES

from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video import TargetAwarePipeline
from tavid_planner.video.generation import GenerationRequest


@pytest.fixture
def counted(load):
    """A function that loads a family's tiny model, and counts how often its last block is asked."""

    def run(**options):
        pipeline, asked = load(**options), []
        pipeline.backbone.blocks[-1].attn1.to_q.register_forward_hook(lambda *_: asked.append(1))
        return pipeline, asked

    return run


@pytest.fixture
def generate(generate_wide):
    return lambda pipeline: generate_wide(pipeline, num_inference_steps=6).frames


def test_a_cache_that_tolerates_no_change_changes_nothing(counted, generate):
    plain, whole = counted()
    cached, asked = counted(step_cache="first_block", step_cache_threshold=0.0)
    assert abs(generate(plain) - generate(cached)).max() <= 1e-6
    assert len(asked) == len(whole) == 6


def test_a_tolerant_cache_asks_less_and_forgets_between_videos(counted, generate):
    cached, asked = counted(step_cache="first_block", step_cache_threshold=1.0)
    first = generate(cached)
    assert 1 <= len(asked) < 6
    assert abs(first - generate(cached)).max() == 0


def test_maps_are_refused_while_a_cache_is_on(tiny_base, tiny_adapter, scene):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, step_cache="first_block")
    with pytest.raises(InputError, match="step cache skips blocks") as caught:
        pipeline(image=scene[0], mask=scene[1], prompt="[TGT] mug", height=32, width=48, capture_attention=True)
    assert caught.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize("other", [dict(capture_attention=True), dict(capture_attention=False, speed_adapter="a/b")])
def test_a_profile_says_so_before_anything_is_loaded(other):
    with pytest.raises(InputError, match="cannot be combined"):
        VideoConfig(step_cache="first_block", **other)


def test_a_speed_adapter_brings_its_own_schedule():
    config = VideoConfig(num_inference_steps=50, guidance_scale=6.0, scheduler="dpm")
    assert (config.sampling.steps, config.sampling.guidance_scale, config.sampling.scheduler) == (50, 6.0, "dpm")
    fast = VideoConfig(guidance_scale=6.0, speed_adapter="a/b", speed_steps=3, speed_scheduler="euler").sampling
    assert (fast.steps, fast.guidance_scale, fast.scheduler) == (3, 1.0, "euler")


@pytest.fixture
def samples(scene):
    """A function that denoises samples of a pipeline in the given batches; gives the latents of the one with seed 4."""
    image, mask = (np.kron(array, np.ones((2, 2, 1)[: array.ndim], array.dtype)) for array in scene)

    def run(pipeline, seeds, batches, **changes):
        how = dict(mask=mask, height=64, width=96, num_frames=FRAMES, num_inference_steps=6, prompt="the [TGT] mug")
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        with pipeline.generation(GenerationRequest(image, **how | changes), generators) as generation:
            for batch in batches:
                generation.denoise(batch)
            return generation.frames(seeds.index(4), "latent")

    return run


def test_a_sample_after_another_one_is_what_it_is_alone(load, samples):
    pipeline = load(step_cache="first_block", step_cache_threshold=1.0)
    alone = samples(pipeline, [4], [[0]])
    assert (samples(pipeline, [3, 4], [[0], [1]]) - alone).abs().max() == 0


def test_steps_with_and_without_other_marks_are_not_compared(load, samples):
    marks = np.zeros((64, 96), bool)
    marks[40:60, 60:90] = True
    how = dict(contrast_mask=marks, contrast_scale=3.0, contrast_steps=2)
    tolerant = load(step_cache="first_block", step_cache_threshold=1.0)
    exact = load(step_cache="first_block", step_cache_threshold=0.0)
    assert torch.isfinite(samples(tolerant, [4], [[0]], **how)).all()
    assert (samples(exact, [4], [[0]], **how) - samples(load(), [4], [[0]], **how)).abs().max() <= 1e-5


def test_samples_of_a_batch_would_change_each_other():
    with pytest.raises(InputError, match="samples_at_once=2 cannot be combined"):
        VideoConfig(step_cache="first_block", capture_attention=False, samples_at_once=2)
