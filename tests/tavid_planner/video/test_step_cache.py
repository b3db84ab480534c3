"""Step caches: what they skip, and what does not go with them."""

import pytest

from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video import TargetAwarePipeline


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
