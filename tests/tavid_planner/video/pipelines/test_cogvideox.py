"""What is CogVideoX's own."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_model import tiny_transformer, write_tiny_model

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.backbone.cogvideox import CogVideoXBackbone
from tavid_planner.video.pipeline import TargetAwarePipeline
from tavid_planner.video.pipelines.cogvideox import whole_tile


@given(st.integers(2, 200), st.sampled_from([4, 8]), st.sampled_from([1 / 6, 1 / 5]))
def test_a_tile_overlaps_by_whole_latents_and_grows_by_little(latents, cell, overlap):
    side = whole_tile(latents, cell, overlap)
    assert latents <= side <= latents + 12
    # as the VAE computes its step in latents, and what it keeps of a tile in pixels
    assert int(side * (1 - overlap)) * cell == side * cell - int(side * cell * overlap)


def test_the_tiles_of_the_published_model_stay_as_they_are():
    assert (whole_tile(30, 8, 1 / 6), whole_tile(45, 8, 1 / 5)) == (30, 45)


@pytest.mark.parametrize("size", [(32, 48, 13), (48, 48, 9), (32, 64, 9)])
def test_sizes_and_lengths_without_learned_positions_are_refused(tmp_path, size):
    base = write_tiny_model(tmp_path, use_learned_positional_embeddings=True)
    pipeline = TargetAwarePipeline.from_pretrained(base)
    for frames in (1, 5, 9):
        pipeline.check_size(32, 48, frames)
    with pytest.raises(InputError, match="learned positions for up to 9 frames of 48x32 only") as error:
        pipeline.check_size(*size)
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_a_shorter_clip_has_the_learned_positions_of_its_first_frames():
    """diffusers would give it others, which the model has never seen."""
    transformer = tiny_transformer(use_learned_positional_embeddings=True)
    transformer.patch_embed.pos_embedding.normal_()
    latents, text = torch.randn(1, 3, 32, 4, 6), torch.randn(1, 24, 16)
    backbone = CogVideoXBackbone(copy.deepcopy(transformer))
    whole = transformer.patch_embed(text, latents)
    for frames in (1, 2, 3):
        embedded = backbone.transformer.patch_embed(text, latents[:, :frames])
        torch.testing.assert_close(embedded, whole[:, : 24 + 6 * frames])
    assert backbone.predict(latents[:, :2], text, torch.tensor([500])).shape == (1, 2, 16, 4, 6)
    assert transformer.state_dict().keys() == backbone.transformer.state_dict().keys()


def test_a_limit_of_sizes_is_not_taken_for_the_models_own(tmp_path):
    """The published config of 1.5 has 300x300 latents, that would be 2400x2400 pixels."""
    base = write_tiny_model(tmp_path, patch_size_t=2, ofs_embed_dim=8, sample_width=300, sample_height=300)
    assert TargetAwarePipeline.from_pretrained(base).own_size_px() == (768, 1360)
    assert TargetAwarePipeline.from_pretrained(base).own_fps() == 16


def test_the_models_own_size_is_as_high_and_wide_as_its_latents_times_a_cell(tmp_path):
    assert TargetAwarePipeline.from_pretrained(write_tiny_model(tmp_path)).own_size_px() == (32, 48)


def test_the_image_is_in_the_first_latent_frame_alone_where_1_5_fills_up_to_whole_tokens(tmp_path):
    """9 frames are 3 latent ones, to which a fourth comes; in training the image is in the first."""
    pipeline = TargetAwarePipeline.from_pretrained(write_tiny_model(tmp_path, patch_size_t=2, ofs_embed_dim=8))
    start = pipeline.start(torch.rand(1, 3, 32, 48), 32, 48, 9, torch.float32, "cpu", torch.Generator().manual_seed(0))
    assert start.noise.shape == start.image.shape == (1, 4, 16, 4, 6)
    assert start.image[:, 0].any() and not start.image[:, 1:].any()
