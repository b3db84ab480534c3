import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.conditioning import PALETTE, Conditioning, id_map_latents, mask_latents, reduce_mask


def box(top, left, bottom, right, height=32, width=48):
    mask = torch.zeros(1, 1, height, width)
    mask[..., top:bottom, left:right] = 1
    return mask


def test_nearest_keeps_the_upper_left_pixel_of_each_cell():
    mask = (torch.rand(1, 1, 32, 48, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    assert torch.equal(reduce_mask(mask, 4, 6, "nearest"), mask[..., ::8, ::8])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 23), st.integers(0, 39), st.integers(4, 8), st.integers(4, 8))
def test_area_reduction_keeps_the_covered_share(top, left, height, width):
    mask = box(top, left, top + height, left + width)
    torch.testing.assert_close(reduce_mask(mask, 4, 6).mean(), mask.mean())


def test_thin_mask_vanishes_by_nearest_and_survives_by_area():
    mask = box(1, 1, 2, 40)
    with pytest.raises(InputError) as error:
        reduce_mask(mask, 4, 6, "nearest")
    assert error.value.code is ErrorCode.MASK_EMPTY
    assert "area" in error.value.hint
    assert reduce_mask(mask, 4, 6).max() == 1 / 8


def test_one_vanishing_mask_of_a_batch_is_found():
    masks = torch.cat([box(0, 0, 16, 16), box(1, 1, 3, 3)])
    with pytest.raises(InputError, match="mask of 4 pixels"):
        reduce_mask(masks, 4, 6, "nearest")


def test_mask_channel_is_in_latent_frame_0_only():
    channel = mask_latents(box(0, 0, 8, 8), 3, 4, 6)
    assert channel.shape == (1, 3, 1, 4, 6)
    assert channel[0, 0, 0, 0, 0] == 1
    assert channel.sum() == 1


def test_unknown_reduction():
    with pytest.raises(InputError, match="'max'"):
        reduce_mask(box(0, 0, 8, 8), 4, 6, "max")


def test_an_id_map_has_each_instances_colour_in_the_first_latent_frame_only():
    masks = torch.zeros(1, 2, 16, 16)
    masks[0, 0, :8, :8] = 1
    masks[0, 1, 8:, 8:] = 1
    latents = id_map_latents(masks, [(255, 0, 0), (0, 0, 255)], 3, 2, 2)
    assert latents.shape == (1, 3, 3, 2, 2) and not latents[:, 1:].any()
    assert latents[0, 0, :, 0, 0].tolist() == [1, 0, 0] and latents[0, 0, :, 1, 1].tolist() == [0, 0, 1]
    assert not latents[0, 0, :, 0, 1].any()


def test_what_comes_later_in_the_id_map_lies_on_top():
    masks = torch.ones(1, 2, 16, 16)
    masks[0, 1, :, 8:] = 0
    latents = id_map_latents(masks, [(255, 0, 0), (0, 0, 255)], 1, 2, 2)
    assert latents[0, 0, :, 0].T.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_a_clip_of_a_batch_may_lack_an_instance_that_another_has():
    masks = torch.ones(2, 2, 16, 16)
    masks[1, 1] = 0
    latents = id_map_latents(masks, [(255, 0, 0), (0, 0, 255)], 1, 2, 2)
    assert latents[:, 0, :, 0, 0].tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("share, is_left", [(0.5, True), (0.49, False)])
def test_half_a_pixel_is_the_least_that_is_left_of_a_mask(share, is_left):
    mask = share * box(9, 9, 10, 10)
    if is_left:
        assert reduce_mask(mask, 4, 6).max() == share / 64
    else:
        with pytest.raises(InputError, match="vanishes"):
            reduce_mask(mask, 4, 6)


def test_an_instance_that_vanishes_at_latent_size_is_refused():
    masks = torch.zeros(1, 2, 160, 160)
    masks[0, 0, :80] = 1
    masks[0, 1, 100, 100] = 1
    with pytest.raises(InputError, match="vanishes") as error:
        id_map_latents(masks, PALETTE, 1, 5, 5)
    assert error.value.code is ErrorCode.MASK_EMPTY


@pytest.mark.parametrize(
    "options, quoted",
    [
        ({"kind": "boxes"}, "'boxes'"),
        ({"palette": ()}, "1 to 5"),
        ({"palette": ((1, 2, 3), (1, 2, 3))}, "different"),
        ({"palette": ((0, 0, 0),)}, "black"),
        ({"palette": ((1, 2, 256),)}, "256"),
        ({"palette": ((1.0, 0.5, 0.0),)}, "0.5"),
        ({"palette": ((float("inf"), 2, 3),)}, "inf"),
        ({"palette": ((True, 2, 3),)}, "True"),
        ({"palette": ((1, -1, 3),)}, "-1"),
        ({"palette": ((1, 2),)}, "RGB"),
        ({"palette": tuple((1, 2, blue) for blue in range(6))}, "1 to 5"),
        ({"palette": "red"}, "red"),
    ],
)
def test_an_invalid_conditioning_is_refused(options, quoted):
    with pytest.raises(InputError, match=quoted):
        Conditioning(**options)


@pytest.mark.parametrize("kind, channels", [("mask", 1), ("id_map", 3), ("id_map_vae", 16)])
def test_each_kind_says_how_many_channels_it_adds(kind, channels):
    assert Conditioning(kind).channels(16) == channels


def test_a_palette_may_reach_its_bounds():
    palette = ((0, 0, 1), (255, 255, 255), (0, 255, 0), (1, 0, 0), (2, 0, 0))
    assert Conditioning("id_map", palette).palette == palette
