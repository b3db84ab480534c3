"""What a transformer's training makes of clips, by what the transformer is."""

import numpy as np
import pytest
import torch
from tiny_model import tiny_transformer, write_tiny_model

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import DiffusionConfig
from training.models import build_scheduler
from training.tasks.diffusion import Clips, DiffusionTask

SHAPE = (3, 16, 4, 6)


def task_of(shape=SHAPE, **transformer) -> DiffusionTask:
    config = from_mapping(DiffusionConfig, dict(attention=dict(weight=0.0), moving_weight=8.0, image_dropout=0.0))
    return DiffusionTask(config, tiny_transformer(**transformer), build_scheduler(), shape)


def test_latents_of_1_5_have_their_first_frame_twice_as_in_generation(tmp_path):
    """9 frames are 3 latent ones, of which two make a token: without the copy the model would be trained one off."""
    task, latents = task_of(patch_size_t=2, ofs_embed_dim=8), torch.randn(1, *SHAPE)
    one = torch.ones(1, dtype=torch.bool)
    clips = Clips(
        latents, torch.randn(1, *SHAPE[1:]), torch.ones(1, 1, 32, 48), one, torch.randn(1, 24, 16), [(5,)], one
    )
    batch = task.batch(clips, 0, np.random.default_rng(0), timestep=0)
    assert batch.target.shape == (1, 4, *SHAPE[1:])
    assert torch.equal(batch.weight[:, 1:], task.cell_weight(clips))
    assert torch.equal(batch.inputs[:, 0, 16:], clips.image_latents) and not batch.inputs[:, 1:, 16:].any()

    pipeline = TargetAwarePipeline.from_pretrained(write_tiny_model(tmp_path, patch_size_t=2, ofs_embed_dim=8))
    with torch.no_grad():
        shown = pipeline.decoded(pipeline.backbone.padded(latents), 9)
        torch.testing.assert_close(shown, pipeline.decode_latents(latents))


def test_clips_of_other_sizes_than_those_of_learned_positions_are_refused():
    for frames in (1, 2, 3):
        task_of((frames, 16, 4, 6), use_learned_positional_embeddings=True)
    for shape in ((5, 16, 4, 6), (3, 16, 8, 6)):
        with pytest.raises(InputError, match="learned positions for up to 3x4x6 only") as error:
            task_of(shape, use_learned_positional_embeddings=True)
        assert error.value.code is ErrorCode.CONFIG_INVALID
