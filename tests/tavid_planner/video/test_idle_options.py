"""Options that have no effect beside others: each is told, and no profile of ours has one."""

import pytest

from tavid_planner.config import VideoConfig, load_profile, profile_names
from tavid_planner.video.idle_options import idle_options


@pytest.mark.parametrize(
    "options, without",
    [
        (dict(lora_alpha=3.0, adapter=""), 'video.lora_alpha=3.0 has no effect with video.adapter=""'),
        (dict(guidance="released"), "video.guidance=released has no effect with video.guidance_scale=1.0"),
        (dict(contrast_steps=2), "video.contrast_steps=2 has no effect with video.contrast=1.0"),
        (dict(step_cache_threshold=0.2), "video.step_cache_threshold=0.2 has no effect with video.step_cache=none"),
        (dict(speed_steps=2), 'video.speed_steps=2 has no effect with video.speed_adapter=""'),
        (dict(speed_scheduler="dpm"), 'video.speed_scheduler=dpm has no effect with video.speed_adapter=""'),
        (dict(early_keep=0.2), "video.early_keep=0.2 has no effect with video.early_steps=0"),
        (dict(early_blocks="3,5"), "video.early_blocks=3,5 has no effect with video.early_steps=0"),
        (dict(early_again=False), "video.early_again=false has no effect with video.early_steps=0"),
    ],
)
def test_an_option_whose_switch_is_off_is_told(options, without):
    assert idle_options(VideoConfig(**options), "id_map" if options.get("contrast_steps") else "mask") == (without,)


@pytest.mark.parametrize(
    "options",
    [
        dict(lora_alpha=3.0),
        dict(guidance="released", guidance_scale=6.0),
        dict(step_cache_threshold=0.2, step_cache="first_block", capture_attention=False),
        dict(speed_steps=2, speed_scheduler="dpm", speed_adapter="a/b"),
        dict(early_keep=0.2, early_blocks="3", early_again=False, early_steps=1),
        dict(mask_reduction="nearest"),
    ],
)
def test_an_option_whose_switch_is_on_is_not(options):
    assert idle_options(VideoConfig(**options), "mask") == ()


@pytest.mark.parametrize(
    "conditioning, contrast, nearest",
    [("none", True, True), ("mask", True, False), ("id_map", False, True), ("id_map_vae", False, True)],
)
def test_what_the_marks_of_an_adapter_cannot_be_used_for_is_told(conditioning, contrast, nearest):
    told = idle_options(VideoConfig(contrast=4.0, mask_reduction="nearest"), conditioning)
    assert [name for name in ("contrast=4.0", "mask_reduction=nearest") if any(name in words for words in told)] == [
        *["contrast=4.0"] * contrast,
        *["mask_reduction=nearest"] * nearest,
    ]


@pytest.mark.parametrize("name", profile_names())
def test_no_profile_sets_what_has_no_effect(name):
    video = load_profile(name).video
    conditioning = ("id_map" if "matrix" in name else "mask") if video.adapter else "none"
    assert idle_options(video, conditioning) == ()
