"""Which samples stop after their first steps, and that the others are what they would have been."""

from dataclasses import replace

import numpy as np
import pytest

from tavid_planner.config import VideoConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.mirror import mirrored_request
from tavid_planner.request import InteractionRequest
from tavid_planner.video.early import early_looks
from tavid_planner.video.generate import generate_video, generate_videos, load_pipeline


def test_the_samples_that_attend_most_to_the_target_continue():
    looks = early_looks({0: 0.1, 1: 0.4, 2: 0.3, 3: 0.2}, keep=0.5, step=2, steps=8)
    assert [bool(looks[k].stopped) for k in range(4)] == [True, False, False, True]
    assert looks[3].stopped == (
        "stopped after step 2 of 8: 0.200 of its attention to the target word falls on the target, of the 2 of 4 "
        "samples that continued at least 0.300"
    )


@pytest.mark.parametrize("keep, kept", [(0.0, [0]), (0.3, [0]), (0.34, [0, 1]), (1.0, [0, 1, 2])])
def test_a_share_continues_but_at_least_one_and_the_first_among_equals(keep, kept):
    looks = early_looks({0: 0.2, 1: 0.2, 2: 0.2}, keep, 1, 4)
    assert [k for k, look in looks.items() if not look.stopped] == kept


@pytest.mark.parametrize(
    "options, quoted",
    [
        (dict(early_steps=2, num_inference_steps=2), "early_steps is 2 of 2"),
        (dict(early_steps=1, capture_attention=False), "attention is not captured"),
        (dict(early_blocks="3;5"), "'3;5'"),
    ],
)
def test_a_profile_that_cannot_look_is_refused(options, quoted):
    with pytest.raises(InputError, match=quoted) as error:
        VideoConfig(**options)
    assert error.value.code is ErrorCode.CONFIG_INVALID


@pytest.fixture(scope="module")
def config(tiny_base, tiny_adapter):
    small = dict(device="cpu", height=32, width=48, num_frames=9, num_inference_steps=3)
    return VideoConfig(base=str(tiny_base), adapter=str(tiny_adapter), **small)


@pytest.fixture(scope="module")
def request_():
    mask = np.zeros((64, 96), bool)
    mask[16:32, 24:48] = True
    rgb = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    return InteractionRequest(rgb=rgb, target_mask=mask, instruction="lifts the [TGT] mug")


@pytest.mark.parametrize("how", [dict(), dict(samples_at_once=2), dict(samples_at_once=0, decode_beside=True)])
def test_a_sample_that_continues_has_the_same_video_as_without_early_stops(config, request_, how):
    pipeline = load_pipeline(config)
    config = replace(config, early_steps=1, early_blocks="1", **how)
    heard = []
    made = generate_videos(pipeline, request_, config, [5, 6, 7], on_progress=lambda stage, part: heard.append(part))
    assert sorted(one.video is None for one in made) == [False, False, True]
    assert all((one.video is None) == bool(one.early.stopped) for one in made)
    assert heard == sorted(heard) and heard[-1] == 1.0
    for one in made:
        if one.video is not None:
            frames = generate_video(pipeline, request_, config, one.seed).frames
            # equal but for the rounding of a batch
            assert np.abs(frames.astype(int) - one.video.frames).max() <= 1


def test_odd_seeds_are_made_in_the_mirror_and_turned_back(config, request_):
    pipeline, mirror = load_pipeline(config), replace(config, mirrored=True)
    plain, turned = generate_videos(pipeline, request_, mirror, [6, 7])
    assert [one.video.provenance["mirrored"] for one in (plain, turned)] == [False, True]
    assert (plain.video.frames == generate_video(pipeline, request_, config, 6).frames).all()
    expected = generate_video(pipeline, mirrored_request(request_), config, 7)
    assert (turned.video.frames == expected.frames[:, :, ::-1]).all()
    assert (turned.video.target_attention == expected.target_attention[:, :, ::-1]).all()
    alone = generate_video(pipeline, request_, mirror, 7)
    assert (alone.frames == turned.video.frames).all()


def test_a_block_that_is_not_there_is_named(config, request_):
    with pytest.raises(InputError, match="blocks 0 to 2") as error:
        generate_videos(load_pipeline(config), request_, replace(config, early_steps=1, early_blocks="7"), [5, 6])
    assert error.value.code is ErrorCode.CONFIG_INVALID
