import numpy as np
import PIL.Image
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanImageToVideoPipeline
from tiny_wan import tiny_wan_transformer, write_tiny_wan

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ControlError, ErrorCode, InputError, TavidError
from tavid_planner.video import TargetAwarePipeline

pytest.importorskip("ftfy", reason="diffusers repairs every prompt of Wan with it")

HEIGHT = 32
WIDTH = 64
FRAMES = 5
PROMPT = "the person picks up the target mug"


@pytest.fixture(scope="module", params=["ti2v", "i2v"])
def wan(request, tmp_path_factory, tiny_wan):
    return tiny_wan if request.param == "ti2v" else write_tiny_wan(tmp_path_factory.mktemp("wan"), "i2v")


@pytest.fixture(scope="module")
def adapted(tiny_wan, tiny_wan_adapter):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_wan, tiny_wan_adapter)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def arguments(picture):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:24, 10:40] = True
    return dict(
        image=picture,
        mask=mask,
        prompt="the person picks up the [TGT] mug",
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    )


@pytest.mark.parametrize("scheduler", [None, "euler"])
def test_without_adapter_it_is_diffusers_wan(wan, picture, arguments, scheduler):
    ours = TargetAwarePipeline.from_pretrained(wan, scheduler=scheduler)
    theirs = WanImageToVideoPipeline.from_pretrained(wan)
    if scheduler:
        theirs.scheduler = FlowMatchEulerDiscreteScheduler(shift=theirs.scheduler.config.flow_shift)
    expected = theirs(
        image=PIL.Image.fromarray(picture),
        prompt=PROMPT,
        height=HEIGHT,
        width=WIDTH,
        num_frames=FRAMES,
        num_inference_steps=3,
        guidance_scale=5.0,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).frames
    found = ours(**arguments | {"mask": None}).frames
    assert not ours.uses_mask
    assert found.shape == expected.shape == (1, FRAMES, HEIGHT, WIDTH, 3)
    assert expected.std() > 0.02
    assert np.abs(found - expected).max() <= 1e-4


def test_beside_a_transformer_in_half_precision_vae_and_image_encoder_stay_exact(wan, picture, arguments):
    """As Wan's authors and diffusers' pages run it; in bfloat16 the VAE alone errs more than all the rest."""
    ours = TargetAwarePipeline.from_pretrained(wan, dtype=torch.bfloat16)
    exact = dict(vae=torch.float32, image_encoder=torch.float32)
    theirs = WanImageToVideoPipeline.from_pretrained(wan, torch_dtype={"default": torch.bfloat16, **exact})
    assert (ours.vae.dtype, ours.transformer.dtype, ours.text_encoder.dtype) == (
        torch.float32,
        torch.bfloat16,
        torch.bfloat16,
    )
    options = {key: value for key, value in arguments.items() if key != "mask"}
    expected = theirs(**options | {"image": PIL.Image.fromarray(picture), "prompt": PROMPT}).frames
    found = ours(**options | {"prompt": PROMPT, "generator": torch.Generator().manual_seed(0)}).frames
    # diffusers guides in bfloat16, here it is done in single precision
    assert np.abs(found - expected).mean() <= 1e-3


def test_a_widened_patch_embedding_gives_the_same_frames(wan, arguments):
    pipeline = TargetAwarePipeline.from_pretrained(wan)
    before = pipeline(**arguments | {"mask": None}).frames
    pipeline.backbone.widen()
    assert pipeline.uses_mask
    again = pipeline(**arguments | {"generator": torch.Generator().manual_seed(0)}).frames
    assert np.abs(again - before).max() <= 1e-5


def test_the_mask_changes_the_frames_and_the_map_is_of_the_tokens(adapted, arguments):
    first = adapted(**arguments, capture_attention=True)
    other = arguments | {"mask": arguments["mask"][:, ::-1].copy(), "generator": torch.Generator().manual_seed(0)}
    assert np.abs(first.frames - adapted(**other).frames).max() > 1e-3
    assert first.target_attention.shape == (2, 1, 2)
    assert 0 < first.target_attention.min() and first.target_attention.max() < 1


def test_the_first_latent_frame_stays_the_image(adapted, arguments):
    latents = adapted(**arguments | {"output_type": "latent"}).frames
    pixels = torch.from_numpy(arguments["image"]).permute(2, 0, 1)[None, :, None] / 127.5 - 1
    with torch.no_grad():
        assert (latents[:, 0] - adapted.encoded_image(pixels)).abs().max() <= 1e-5


def test_latents_decode_to_the_frames_they_are_encoded_from_as_diffusers_has_it(adapted):
    latents = torch.randn(1, 2, 48, 2, 4, generator=torch.Generator().manual_seed(0))
    config = adapted.vae.config
    scaled = latents.transpose(1, 2) * torch.tensor(config.latents_std).view(1, -1, 1, 1, 1)
    with torch.no_grad():
        plain = adapted.vae.decode(scaled + torch.tensor(config.latents_mean).view(1, -1, 1, 1, 1)).sample
        assert (adapted.decoded(latents, 5) - plain).abs().max() <= 1e-5


def test_cancel_takes_effect_inside_a_step(adapted, arguments):
    token = CancelToken()
    hook = adapted.transformer.blocks[0].register_forward_hook(lambda *_: token.cancel())
    try:
        with pytest.raises(ControlError) as error:
            adapted(**arguments, cancel=token)
    finally:
        hook.remove()
    assert error.value.code is ErrorCode.CANCELLED


@pytest.mark.parametrize(
    "changes, quoted", [({"num_frames": 8}, "num_frames is 8"), ({"height": 48}, "48"), ({"mask": None}, "None")]
)
def test_bad_input_is_named(adapted, arguments, changes, quoted):
    with pytest.raises(InputError, match=quoted):
        adapted(**arguments | changes)


def test_schedulers_of_another_family_are_refused(tiny_wan):
    with pytest.raises(InputError, match="'dpm'"):
        TargetAwarePipeline.from_pretrained(tiny_wan, scheduler="dpm")


def test_text_to_video_bases_are_refused(tmp_path):
    base = write_tiny_wan(tmp_path, "i2v", in_channels=16, image_dim=None, added_kv_proj_dim=None)
    with pytest.raises(TavidError, match="no image-to-video model") as error:
        TargetAwarePipeline.from_pretrained(base)
    assert error.value.code is ErrorCode.MODEL_MISSING


def test_a_base_that_wants_a_last_frame_is_refused(tmp_path):
    base = write_tiny_wan(tmp_path, "i2v", pos_embed_seq_len=10)
    with pytest.raises(TavidError, match="wants a last frame") as error:
        TargetAwarePipeline.from_pretrained(base)
    assert error.value.code is ErrorCode.MODEL_MISSING


def test_another_text_length_is_refused_where_the_images_features_are_told_by_it(wan, arguments):
    """With 100 text tokens diffusers takes the first text tokens for the image's."""
    pipeline, options = TargetAwarePipeline.from_pretrained(wan), arguments | {"mask": None, "max_sequence_length": 100}
    if pipeline.image_encoder is None:
        pipeline(**options)
        return
    with pytest.raises(InputError, match="max_sequence_length is 100") as error:
        pipeline(**options)
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_an_adapter_of_another_family_is_refused(tiny_wan, tiny_adapter):
    with pytest.raises(TavidError, match="another family") as error:
        TargetAwarePipeline.from_pretrained(tiny_wan, tiny_adapter)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE


@pytest.mark.parametrize("kind", ["ti2v", "i2v"])
def test_channels_of_the_published_models_are_told_from_added_ones(kind):
    from tavid_planner.video.backbone import backbone_of

    for extra in (0, 1, 3, 48 if kind == "ti2v" else 16):
        transformer = tiny_wan_transformer(kind)
        backbone = backbone_of(transformer)
        if extra:
            backbone.widen(extra)
        assert backbone_of(transformer).extra_channels == extra


def test_the_profile_plans_a_video_in_the_pixels_of_the_request(tiny_wan, tiny_wan_adapter, picture):
    from dataclasses import replace

    from tavid_planner.config import load_profile
    from tavid_planner.request import InteractionRequest
    from tavid_planner.video import generate_video, load_pipeline

    small = dict(height=HEIGHT, width=WIDTH, num_frames=FRAMES, num_inference_steps=2, dtype="float32")
    config = replace(
        load_profile("wan-5b").video,
        base=str(tiny_wan),
        adapter=str(tiny_wan_adapter),
        device="cpu",
        memory="resident",
        **small,
    )
    rgb = picture.repeat(2, axis=0).repeat(2, axis=1)
    mask = np.zeros(rgb.shape[:2], bool)
    mask[16:48, 20:80] = True
    heard = []
    video = generate_video(
        load_pipeline(config),
        InteractionRequest(rgb, mask, "lifts the [TGT] mug"),
        config,
        seed=3,
        on_progress=lambda *part: heard.append(part),
    )
    assert video.frames.shape == (FRAMES, *rgb.shape) and video.fps == 24
    assert video.target_attention.max() == 1
    assert video.provenance["mask_used"] is True and video.provenance["scheduler"] == "UniPCMultistepScheduler"
    assert heard[-1] == ("video", 1.0)


def test_clips_of_another_length_are_refused_before_generating(adapted):
    from tavid_planner.config import VideoConfig
    from tavid_planner.request import InteractionRequest
    from tavid_planner.video import generate_video

    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:24, 10:40] = True
    request = InteractionRequest(np.zeros((HEIGHT, WIDTH, 3), np.uint8), mask, "lifts the [TGT] mug")
    with pytest.raises(InputError, match="num_frames is 15") as error:
        generate_video(adapted, request, VideoConfig(num_frames=15, height=HEIGHT, width=WIDTH), seed=0)
    assert "4k + 1" in error.value.hint
