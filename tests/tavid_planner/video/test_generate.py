import dataclasses

import numpy as np
import pytest
import torch
from tiny_model import write_tiny_adapter

from hoi_motion.progress import CancelToken
from tavid_planner.config import VideoConfig
from tavid_planner.errors import ControlError, ErrorCode, InputError, VideoError
from tavid_planner.request import InteractionRequest
from tavid_planner.video import generate, named_loras
from tavid_planner.video.generate import generate_video, load_pipeline
from tavid_planner.video.named_loras import NamedLora


@pytest.fixture(scope="module")
def config(tiny_base, tiny_adapter):
    return VideoConfig(
        base=str(tiny_base),
        adapter=str(tiny_adapter),
        device="cpu",
        height=32,
        width=48,
        num_frames=9,
        num_inference_steps=2,
    )


@pytest.fixture(scope="module")
def pipeline(config):
    return load_pipeline(config)


def request(height=64, width=96, **changes):
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    rgb = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return InteractionRequest(**({"rgb": rgb, "target_mask": mask, "instruction": "lifts the [TGT] mug"} | changes))


@pytest.mark.parametrize("size", [(64, 96), (50, 50)])
def test_video_has_the_pixels_of_the_request(pipeline, config, size):
    video = generate_video(pipeline, request(*size), config, seed=3)
    assert video.frames.shape == (9, *size, 3)
    assert video.fps == config.fps
    assert video.target_attention.shape[0] == 3
    assert video.target_attention.max() == 1


def test_provenance_says_what_ran(pipeline, config):
    facts = generate_video(pipeline, request(), config, seed=3).provenance
    assert facts["seed"] == 3 and facts["steps"] == 2 and facts["mask_used"] is True
    assert facts["scheduler"] == "CogVideoXDDIMScheduler" and facts["trigger"] == "target"
    assert len(facts["base_digest"]) == len(facts["adapter_digest"]) == 16


def test_provenance_has_what_the_options_did_and_which_did_nothing(config, caplog):
    how = dict(step_cache="first_block", step_cache_threshold=0.2, capture_attention=False, vae_tiling=True)
    how = dataclasses.replace(config, early_blocks="1", **how)
    pipeline = load_pipeline(how)
    facts = generate_video(pipeline, request(), how, seed=3).provenance
    assert (facts["step_cache"], facts["step_cache_threshold"], facts["vae_tiling"]) == ("first_block", 0.2, True)
    assert (facts["contrast"], facts["contrast_steps"]) == (1.0, 0)
    assert facts["without_effect"] == ["video.early_blocks=1 has no effect with video.early_steps=0"]
    assert [record.message for record in caplog.records if record.name.endswith("generate")][-1] in facts[
        "without_effect"
    ]


def test_all_samples_of_a_request_have_the_same_share_of_its_time(pipeline, config):
    made = generate.generate_videos(pipeline, request(), config, [3, 4, 5])
    assert len({one.video.provenance["seconds"] for one in made}) == 1


def test_the_provenance_of_a_clip_with_an_id_map_says_how_it_was_reduced(config, tiny_base, tmp_path):
    adapter = write_tiny_adapter(tmp_path / "adapter", tiny_base, conditioning="id_map")
    marked = dataclasses.replace(config, adapter=str(adapter), mask_reduction="nearest")
    facts = generate_video(load_pipeline(marked), request(), marked, seed=3).provenance
    assert facts["conditioning"] == "id_map" and facts["mask_reduction"] == "area"


def test_without_adapter_the_provenance_says_that_the_mask_is_not_used(config, tiny_base):
    plain = dataclasses.replace(config, adapter="", capture_attention=False)
    video = generate_video(load_pipeline(plain), request(), plain, seed=3)
    assert video.provenance["mask_used"] is False
    assert "not used" in video.provenance["mask_reduction"]
    assert video.target_attention is None


@pytest.mark.parametrize(
    "option, value, argument, expected",
    [
        ("dtype", "bfloat16", "dtype", torch.bfloat16),
        ("scheduler", "ddim", "scheduler", "ddim"),
        ("memory", "auto", "memory", "resident"),
        ("vae_tiling", True, "vae_tiling", True),
        ("lora_alpha", 3.0, "lora_alpha", 3.0),
        ("weights", "int8", "weights", "int8"),
        ("fuse", True, "fuse", True),
        ("loras", "style=somewhere@0.5", "loras", (NamedLora("style", "/models/somewhere", 0.5),)),
        ("speed_adapter", "fast", "loras", (NamedLora("speed_adapter", "/models/fast"),)),
        ("step_cache", "first_block", "step_cache", "first_block"),
        ("step_cache_threshold", 0.2, "step_cache_threshold", 0.2),
        ("attention", "math", "attention", "math"),
        ("compiled", True, "compiled", True),
    ],
)
def test_an_option_of_the_model_is_what_it_is_loaded_with(config, option, value, argument, expected, monkeypatch):
    class Asked(Exception):
        """Enough is known before a model is loaded."""

    def ask(*_, **arguments):
        raise Asked(arguments[argument])

    monkeypatch.setattr(generate.TargetAwarePipeline, "from_pretrained", ask)
    for module in (generate, named_loras):
        monkeypatch.setattr(module, "resolve_model", lambda name: name and f"/models/{name.removeprefix('/')}")
    monkeypatch.setattr(generate, "base_folder", lambda *_: None)
    monkeypatch.setattr(generate, "chosen_mode", lambda config: "resident")
    with pytest.raises(Asked) as asked:
        load_pipeline(dataclasses.replace(config, capture_attention=False, **{option: value}))
    assert asked.value.args == (expected,)


@pytest.mark.parametrize(
    "option, value, name, expected",
    [
        ("num_inference_steps", 3, "num_inference_steps", 3),
        ("guidance_scale", 2.5, "guidance_scale", 2.5),
        ("guidance", "released", "guidance", "released"),
        ("mask_reduction", "nearest", "mask_reduction", "nearest"),
        ("capture_attention", False, "capture_attention", False),
        ("contrast", 4.0, "contrast_scale", 4.0),
        ("contrast_steps", 2, "contrast_steps", 2),
    ],
)
def test_an_option_of_the_denoising_is_what_a_sample_is_asked_with(
    pipeline, config, option, value, name, expected, monkeypatch
):
    asked, begin = [], pipeline.generation
    monkeypatch.setattr(pipeline, "generation", lambda what, *rest: asked.append(what) or begin(what, *rest))
    generate_video(pipeline, request(), dataclasses.replace(config, **{option: value}), seed=3)
    assert getattr(asked[0], name) == expected


def test_a_mask_is_scaled_to_the_model_as_it_is_reduced_there(pipeline, config, monkeypatch):
    """Of marks in every second row the upper left pixels see all or nothing, a mean sees half."""
    mask = np.zeros((64, 96), bool)
    mask[:32:2] = True
    masks, begin = [], pipeline.generation
    monkeypatch.setattr(pipeline, "generation", lambda what, *rest: masks.append(what.mask) or begin(what, *rest))
    for reduction in ("nearest", "area"):
        how = dataclasses.replace(config, mask_reduction=reduction)
        generate_video(pipeline, request(target_mask=mask), how, seed=3)
    assert [mask.unique().tolist() for mask in masks] == [[0.0, 1.0], [0.0, 0.5]]


def test_progress_rises_to_one(pipeline, config):
    heard = []
    generate_video(pipeline, request(), config, seed=3, on_progress=lambda stage, part: heard.append((stage, part)))
    assert {stage for stage, _ in heard} == {"video"}
    parts = [part for _, part in heard]
    assert parts == sorted(parts) and parts[-1] == 1.0


def test_cancelled_before_the_start(pipeline, config):
    token = CancelToken()
    token.cancel()
    with pytest.raises(ControlError):
        generate_video(pipeline, request(), config, seed=3, cancel=token)


def test_frame_count_that_the_vae_cannot_give(pipeline, config):
    with pytest.raises(InputError, match="num_frames is 13") as error:
        generate_video(pipeline, request(), dataclasses.replace(config, num_frames=13), seed=3)
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_one_pixel_in_a_large_image_vanishes(pipeline, config):
    mask = np.zeros((640, 960), bool)
    mask[3, 3] = True
    with pytest.raises(InputError) as error:
        generate_video(pipeline, request(640, 960, target_mask=mask), config, seed=3)
    assert error.value.code is ErrorCode.MASK_EMPTY


@pytest.mark.parametrize("value", [float("inf"), -9.0])
def test_a_vae_that_overflows_fails_with_the_name_of_the_dtype(pipeline, config, monkeypatch, value):
    decode = pipeline.decode_latents
    monkeypatch.setattr(pipeline, "decode_latents", lambda latents: torch.full_like(decode(latents), value))
    with pytest.raises(VideoError, match="float32") as caught:
        generate_video(pipeline, request(), config, seed=3)
    assert caught.value.code == ErrorCode.GENERATION_FAILED
