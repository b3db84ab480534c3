"""Samples of one request: none knows of the others, however they are taken through their steps."""

import numpy as np
import pytest
import torch
from tiny_model import FRAMES

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ControlError, ErrorCode, VideoError
from tavid_planner.video.generation import GenerationRequest

SEEDS = (3, 4, 5)


@pytest.fixture
def generation(scene):
    """A function that begins samples of a pipeline, and gives what all ask of one: latents and map."""
    image, mask = (np.kron(array, np.ones((2, 2, 1)[: array.ndim], array.dtype)) for array in scene)

    def begin(pipeline, seeds=SEEDS, steps=3, cancel=None, **changes):
        how = dict(mask=mask, height=64, width=96, num_frames=FRAMES, num_inference_steps=steps)
        how |= dict(prompt="the person picks up the [TGT] mug", capture_attention=True)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        asked = GenerationRequest(image, **how | changes)
        return pipeline.generation(asked, generators, cancel)

    return begin


def results(run, number):
    return run.frames(number, "latent"), run.attention(number)


def alone(generation, pipeline, **changes):
    found = []
    for seed in SEEDS:
        with generation(pipeline, [seed], **changes) as run:
            run.denoise([0])
            found.append(results(run, 0))
    return found


MARKS = np.zeros((64, 96), bool)
MARKS[40:60, 60:90] = True


@pytest.mark.parametrize(
    "how", [dict(guidance_scale=1.0), dict(), dict(contrast_mask=MARKS, contrast_scale=3.0, contrast_steps=2)]
)
def test_a_batch_of_samples_is_the_samples_one_by_one(load, generation, how):
    """With the samplers that remember: DPM looks a step back and draws noise, UniPC keeps what was predicted."""
    pipeline = load()
    expected = alone(generation, pipeline, **how)
    with generation(pipeline, **how) as run:
        run.denoise([0, 1, 2], until=1)
        run.denoise([2, 0])  # another order, and one of them later, alone
        run.denoise([1])
        found = [results(run, k) for k in range(3)]
    for (latents, maps), (latents_alone, maps_alone) in zip(found, expected):
        assert (latents - latents_alone).abs().max() <= 1e-5 * latents_alone.abs().max()
        assert (maps - maps_alone).abs().max() <= 1e-5
    assert (expected[0][0] - expected[1][0]).abs().max() > 0.1


def test_a_sample_that_is_left_behind_changes_nothing(tiny_pipeline, generation):
    expected = alone(generation, tiny_pipeline)[1][0]
    with generation(tiny_pipeline) as run:
        run.denoise([0], until=2)
        run.denoise([1])
        assert (run.frames(1, "latent") - expected).abs().max() == 0


def test_maps_of_other_blocks_are_recorded_beside_those_that_are_shown(tiny_pipeline, generation):
    with generation(tiny_pipeline) as run:
        run.denoise([0], until=1)
        of_all = run.attention(0)
        each = [run.attention(0, [block]) for block in range(3)]
        assert (sum(each) / 3 - of_all).abs().max() <= 1e-6
        assert (each[0] - each[1]).abs().max() > 1e-4


def test_cancelling_between_samples_decodes_nothing(tiny_pipeline, generation, monkeypatch):
    token, decoded = CancelToken(), []
    monkeypatch.setattr(tiny_pipeline, "decoded", lambda *_: decoded.append(1))
    with pytest.raises(ControlError) as error, generation(tiny_pipeline, cancel=token) as run:
        run.denoise([0], on_step=token.cancel)
    assert error.value.code is ErrorCode.CANCELLED and not decoded


def test_a_contrast_guides_away_from_other_marks_by_its_scale(tiny_pipeline, generation):
    """With one DDIM step clean latents are linear in what is predicted."""
    tiny_pipeline.scheduler = tiny_pipeline.sampler("ddim")

    def latents(scale, guidance_scale=1.0, **changes):
        asked = dict(steps=1, guidance_scale=guidance_scale, contrast_mask=MARKS, contrast_scale=scale)
        with generation(tiny_pipeline, [3], **asked | changes) as run:
            run.denoise([0])
            return results(run, 0)

    away = latents(1)[0] - latents(1, mask=MARKS)[0]  # from what the other marks alone would give
    for guidance_scale in (1.0, 4.0):
        (plain, maps), (twice, maps_twice), (four, _) = (latents(scale, guidance_scale) for scale in (1, 2, 4))
        assert (twice - plain).abs().max() > 1e-3 * plain.abs().max()
        assert torch.allclose(twice - plain, away, atol=1e-4 * plain.abs().max())
        assert torch.allclose(four - plain, 3 * (twice - plain), atol=1e-4 * plain.abs().max())
        assert torch.allclose(maps, maps_twice, atol=1e-5)


def test_a_contrast_ends_after_its_steps(tiny_pipeline, generation):
    def latents(**asked):
        with generation(tiny_pipeline, [3], **asked) as run:
            run.denoise([0], until=1)
            first = run._samples[0].latents
            run.denoise([0])
            return first, run.frames(0, "latent")

    first, last = latents()
    one_step, two_steps, all_steps = (
        latents(contrast_mask=MARKS, contrast_scale=3.0, contrast_steps=steps) for steps in (1, 2, 3)
    )
    assert torch.equal(one_step[0], all_steps[0]) and not torch.equal(one_step[1], two_steps[1])
    assert not torch.equal(two_steps[1], all_steps[1])
    assert not torch.equal(one_step[0], first) and not torch.equal(one_step[1], last)


def test_a_guidance_that_rises_begins_at_none(tiny_pipeline, generation):
    def first_latents(**asked):
        with generation(tiny_pipeline, [3], steps=1, **asked) as run:
            run.denoise([0])
            return run.frames(0, "latent")

    rising, without = first_latents(guidance="step_index"), first_latents(guidance_scale=1.0)
    assert torch.allclose(rising, without, atol=1e-5 * without.abs().max())
    assert not torch.allclose(rising, first_latents(), atol=1e-3 * without.abs().max())


def test_attention_is_the_mean_over_the_steps_so_far(tiny_pipeline, generation, monkeypatch):
    maps = iter([torch.full((1, 3, 3, 4, 6), value) for value in (0.1, 0.3, 0.8)])
    monkeypatch.setattr("tavid_planner.video.generation.AttentionRecorder.step_maps", lambda _: next(maps))
    with generation(tiny_pipeline, [3]) as run:
        for until, mean in ((1, 0.1), (2, 0.2), (3, 0.4)):
            run.denoise([0], until)
            assert run.attention(0).numpy() == pytest.approx(mean)


def test_latents_that_are_not_finite_are_no_sample(tiny_pipeline, generation, monkeypatch):
    monkeypatch.setattr(tiny_pipeline, "step", lambda scheduler, predicted, *_: predicted * float("nan"))
    with generation(tiny_pipeline, [3]) as run:
        run.denoise([0])
        with pytest.raises(VideoError, match="hold NaN or infinity after 3 steps") as error:
            run.frames(0, "latent")
    assert error.value.code is ErrorCode.GENERATION_FAILED
