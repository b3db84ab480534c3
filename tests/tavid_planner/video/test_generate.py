import numpy as np
import pytest

from hoi_motion.progress import CancelToken
from tavid_planner.config import VideoConfig
from tavid_planner.errors import ControlError, ErrorCode, InputError, VideoError
from tavid_planner.request import InteractionRequest
from tavid_planner.video.generate import generate_video, load_pipeline


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


def test_without_adapter_the_provenance_says_that_the_mask_is_not_used(config, tiny_base):
    import dataclasses

    plain = dataclasses.replace(config, adapter="", capture_attention=False)
    video = generate_video(load_pipeline(plain), request(), plain, seed=3)
    assert video.provenance["mask_used"] is False
    assert "not used" in video.provenance["mask_reduction"]
    assert video.target_attention is None


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
    import dataclasses

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
    import torch

    decode = pipeline.decode_latents
    monkeypatch.setattr(pipeline, "decode_latents", lambda latents: torch.full_like(decode(latents), value))
    with pytest.raises(VideoError, match="float32") as caught:
        generate_video(pipeline, request(), config, seed=3)
    assert caught.value.code == ErrorCode.GENERATION_FAILED
