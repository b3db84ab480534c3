import numpy as np
import PIL.Image
import pytest
import torch
from released_inference import released_frames
from tiny_model import FRAMES, HEIGHT, WIDTH, write_tiny_model

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError, VideoError
from tavid_planner.video import TargetAwarePipeline


@pytest.mark.parametrize("solver", ["dpm", "ddim"])
def test_released_settings_give_the_frames_of_the_released_inference(tiny_base, tiny_adapter, scene, solver):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, scheduler=solver)
    image, mask = PIL.Image.fromarray(scene[0]), PIL.Image.fromarray(scene[1].astype(np.uint8) * 255)
    prompt = "the person picks up the target mug"
    ours = pipeline(
        image=image,
        mask=mask,
        prompt=prompt,
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        num_inference_steps=5,
        guidance_scale=6.0,
        guidance="released",
        mask_reduction="nearest",
        generator=torch.Generator().manual_seed(3),
        output_type="np",
    ).frames[0]
    theirs = released_frames(
        tiny_base, tiny_adapter, image, mask, prompt, FRAMES, num_steps=5, scale=6.0, seed=3, solver=solver, scaling=0.5
    )
    assert ours.shape == theirs.shape == (FRAMES, HEIGHT, WIDTH, 3)
    assert theirs.std() > 0.05
    assert np.abs(ours - theirs).max() <= 1e-4


def test_without_adapter_it_is_diffusers_image_to_video(tiny_base, generate, scene):
    from diffusers import CogVideoXImageToVideoPipeline

    plain = TargetAwarePipeline.from_pretrained(tiny_base)
    theirs = CogVideoXImageToVideoPipeline.from_pretrained(tiny_base)(
        image=PIL.Image.fromarray(scene[0]),
        prompt="the person picks up the target mug",
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        num_inference_steps=2,
        guidance_scale=6.0,
        max_sequence_length=24,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).frames[0]
    assert not plain.uses_mask
    assert np.abs(generate(plain, mask=None).frames[0] - theirs).max() <= 1e-5


def test_same_seed_same_frames_other_seed_other_frames(generate):
    first, again, other = (generate(seed=s).frames for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_the_mask_changes_the_frames(generate, scene):
    assert np.abs(generate().frames - generate(mask=scene[1][::-1].copy()).frames).max() > 1e-3


def test_image_of_another_size_with_its_mask(generate, scene):
    image, mask = (a.repeat(2, axis=0).repeat(2, axis=1) for a in scene)
    assert generate(image=image, mask=mask).frames.shape == (1, FRAMES, HEIGHT, WIDTH, 3)


def test_cogvideox_1_5_with_temporal_patches(tmp_path, generate):
    base = write_tiny_model(tmp_path, patch_size_t=2, ofs_embed_dim=8, sample_width=6, sample_height=4, patch_bias=True)
    pipeline = TargetAwarePipeline.from_pretrained(base)
    from tavid_planner.video.adapter import widen_patch_embed

    before = generate(pipeline, mask=None).frames
    widen_patch_embed(pipeline.transformer)
    assert pipeline.uses_mask
    assert np.abs(generate(pipeline).frames - before).max() <= 1e-5


def test_steps_are_reported(generate):
    steps = []
    generate(on_step=lambda step, total: steps.append((step, total)))
    assert steps == [(1, 2), (2, 2)]


@pytest.mark.parametrize("part", ["transformer", "decoder"])
def test_cancel_takes_effect_inside_a_step_and_inside_decoding(tiny_pipeline, generate, part):
    token, calls = CancelToken(), []
    module = tiny_pipeline.transformer.transformer_blocks[0] if part == "transformer" else tiny_pipeline.vae.decoder

    def cancel_on_first_call(*_):
        calls.append(part)
        token.cancel()

    hook = module.register_forward_hook(cancel_on_first_call)
    try:
        with pytest.raises(ControlError) as error:
            # two chunks of latent frames, so that there is a between
            generate(cancel=token, num_frames=17)
    finally:
        hook.remove()
    assert error.value.code is ErrorCode.CANCELLED
    assert len(calls) == 1
    assert generate().frames.shape[1] == FRAMES  # the pipeline goes on working


def test_captured_attention_leaves_the_frames_alone(generate):
    with_map = generate(capture_attention=True)
    assert with_map.target_attention.shape == (3, 2, 3)
    assert 0 < with_map.target_attention.min() and with_map.target_attention.max() < 1
    assert np.abs(with_map.frames - generate().frames).max() <= 1e-5


@pytest.mark.parametrize(
    "changes, code, quoted",
    [
        ({"height": 40}, ErrorCode.CONFIG_INVALID, "48x40"),
        ({"num_frames": 0}, ErrorCode.CONFIG_INVALID, "num_frames is 0"),
        ({"max_sequence_length": 0}, ErrorCode.CONFIG_INVALID, "max_sequence_length is 0"),
        ({"max_sequence_length": 2.5}, ErrorCode.CONFIG_INVALID, "max_sequence_length is 2.5"),
        ({"num_inference_steps": 1001}, ErrorCode.CONFIG_INVALID, "1001"),
        ({"guidance_scale": float("nan")}, ErrorCode.CONFIG_INVALID, "nan"),
        ({"guidance": "dynamic"}, ErrorCode.CONFIG_INVALID, "'dynamic'"),
        ({"mask_reduction": "max"}, ErrorCode.CONFIG_INVALID, "'max'"),
        ({"output_type": "gif"}, ErrorCode.CONFIG_INVALID, "'gif'"),
        ({"image": np.zeros((4, 4), np.uint8)}, ErrorCode.IMAGE_INVALID, "(4, 4)"),
        ({"image": "cup.png"}, ErrorCode.IMAGE_INVALID, "str"),
        ({"mask": None}, ErrorCode.MASK_INVALID, "None"),
        ({"mask": np.zeros((HEIGHT, WIDTH), bool)}, ErrorCode.MASK_EMPTY, "empty"),
        ({"mask": np.ones((HEIGHT, WIDTH), bool)}, ErrorCode.MASK_INVALID, "whole"),
        ({"mask": np.eye(5, dtype=bool)}, ErrorCode.SIZE_MISMATCH, "5x5"),
        ({"prompt": None}, ErrorCode.INSTRUCTION_INVALID, "None"),
        ({"prompt": "mug " * 30 + "[TGT]"}, ErrorCode.INSTRUCTION_INVALID, "behind"),
        ({"prompt": "lifts it", "capture_attention": True}, ErrorCode.INSTRUCTION_INVALID, "lifts it"),
    ],
)
def test_bad_input_is_named(generate, changes, code, quoted):
    with pytest.raises(InputError) as error:
        generate(**changes)
    assert error.value.code is code
    assert quoted in error.value.message


def test_mask_that_vanishes_at_latent_size(generate):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[9, 9:12] = True
    with pytest.raises(InputError) as error:
        generate(mask=mask, mask_reduction="nearest")
    assert error.value.code is ErrorCode.MASK_EMPTY
    assert "area" in error.value.hint
    generate(mask=mask, mask_reduction="area")


def test_not_finite_latents_are_an_error(tiny_pipeline, generate, monkeypatch):
    bias = tiny_pipeline.transformer.proj_out.bias
    monkeypatch.setattr(bias, "data", torch.full_like(bias, float("nan")))
    with pytest.raises(VideoError) as error:
        generate()
    assert error.value.code is ErrorCode.GENERATION_FAILED


def test_out_of_memory_is_an_error_with_a_hint(tiny_pipeline, generate, monkeypatch):
    def no_room(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    monkeypatch.setattr(tiny_pipeline.vae, "_decode", no_room)
    with pytest.raises(VideoError) as error:
        generate()
    assert error.value.code is ErrorCode.OUT_OF_MEMORY
    assert "sequential" in error.value.hint


def test_text_to_video_base_is_refused(tmp_path):
    base = write_tiny_model(tmp_path, in_channels=16)
    with pytest.raises(TavidError) as error:
        TargetAwarePipeline.from_pretrained(base)
    assert error.value.code is ErrorCode.MODEL_MISSING


@pytest.mark.parametrize(
    "changes", [{"scheduler": "euler"}, {"device": "tpu"}, {"memory": "model"}, {"memory": "disk"}]
)
def test_unknown_loading_options(tiny_base, changes):
    with pytest.raises(InputError) as error:
        TargetAwarePipeline.from_pretrained(tiny_base, **changes)
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert repr(next(iter(changes.values()))) in error.value.message


def test_the_words_of_a_request_are_read_once_for_all_its_samples(tiny_base, tiny_adapter, generate):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter)
    pipeline.set_progress_bar_config(disable=True)
    read = []
    pipeline.text_encoder.register_forward_hook(lambda *_: read.append(1))
    first = generate(pipeline, seed=3, guidance_scale=2.0).frames
    generate(pipeline, seed=4, guidance_scale=2.0)
    assert len(read) == 2  # the prompt and the empty one
    generate(pipeline, prompt="another [TGT] cup", guidance_scale=2.0)
    generate(pipeline, prompt="another [TGT] cup", guidance_scale=2.0, negative_prompt="blurred")
    assert len(read) == 6
    assert (generate(pipeline, seed=3, guidance_scale=2.0).frames == first).all()
