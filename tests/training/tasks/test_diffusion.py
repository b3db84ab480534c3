"""What a transformer's training makes of clips, by what the transformer is."""

import numpy as np
import pytest
import torch
from tiny_model import tiny_transformer, write_tiny_model

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.adapter import widen_patch_embed
from tavid_planner.video.attention import TextMaps
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import DiffusionConfig
from training.models import build_scheduler
from training.tasks.alignment import Interactions
from training.tasks.diffusion import TARGET, Clips, DiffusionTask

SHAPE = (3, 16, 4, 6)


def task_of(shape=SHAPE, **transformer) -> DiffusionTask:
    config = from_mapping(DiffusionConfig, dict(attention=dict(weight=0.0), moving_weight=8.0, image_dropout=0.0))
    return DiffusionTask(config, tiny_transformer(**transformer), build_scheduler(), shape)


def marked_task(conditioning=Conditioning(), **options) -> DiffusionTask:
    """Of a transformer with channels for marked instances, on clips whose cells are a pixel of their tracks each."""
    transformer = tiny_transformer()
    widen_patch_embed(transformer, conditioning.channels(16))
    config = from_mapping(DiffusionConfig, {"attention": {"weight": 0.0}, "image_dropout": 0.0} | options)
    task = DiffusionTask(config, transformer, build_scheduler(), SHAPE, (9, 4, 6))
    task.conditioning = conditioning
    return task


def clips_of(count: int, **changes) -> Clips:
    """Equal ones."""
    yes = torch.ones(count, dtype=torch.bool)
    tracks = torch.zeros(count, 2, 9, 4, 6, dtype=torch.bool)
    tracks[:, 0, :, 0, 0], tracks[:, 1, :, 3, 5] = True, True
    plain = Clips(
        torch.zeros(count, *SHAPE),
        torch.ones(count, *SHAPE[1:]),
        torch.ones(count, 1, 32, 48),
        yes,
        torch.zeros(count, 24, 16),
        [(5,)] * count,
        yes,
        Interactions(tracks, [((1,), (2,), (3,))] * count, yes),
    )
    return plain._replace(**changes)


def batch_of(task: DiffusionTask, clips: Clips, step: int = 0):
    return task.batch(clips, step, np.random.default_rng(0))


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


def test_the_first_frame_is_left_out_as_often_as_asked_for():
    shown = batch_of(marked_task(image_dropout=0.25), clips_of(400)).inputs[:, 0, 16:32].flatten(1).any(1)
    assert 0.15 < 1 - shown.float().mean() < 0.35


@pytest.mark.parametrize("power, mean", [(1.0, 500), (3.0, 750)])
def test_a_power_of_the_noise_draws_later_timesteps(power, mean):
    """The mean of u^(1/n) is n / (n + 1)."""
    times = batch_of(marked_task(noise_power=power), clips_of(400)).timesteps
    assert abs(times.float().mean() - mean) < 60


def test_clips_of_a_pair_differ_in_nothing_that_is_drawn():
    batch = batch_of(marked_task(image_dropout=0.5), clips_of(24, pairs=tuple((k, k + 12) for k in range(12))))
    for drawn in (batch.timesteps, batch.target, batch.inputs):
        assert torch.equal(drawn[:12], drawn[12:]) and not torch.equal(drawn[0], drawn[1])
    assert len(batch.inputs[:, 0, 16:32].flatten(1).any(1).unique()) == 2


def test_a_clip_takes_part_in_the_losses_on_attention_when_its_mask_and_its_trigger_word_are_there():
    sees, reads = torch.tensor([True, True, False]), torch.tensor([True, False, True])
    batch = batch_of(marked_task(), clips_of(3, has_mask=sees, has_trigger=reads))
    assert batch.supervised.tolist() == [True, False, False]
    assert batch.inputs[:, 0, 32].flatten(1).any(1).tolist() == [True, True, False]
    assert batch.interactions.known.tolist() == [True, False, True]


def test_an_id_map_has_the_colours_of_the_instances_by_their_numbers():
    ids = torch.zeros(1, 32, 48, dtype=torch.uint8)
    ids[:, :8], ids[:, 8:16] = 1, 2
    conditioning = Conditioning("id_map", ((255, 0, 0), (0, 0, 255)))
    batch = batch_of(marked_task(conditioning), clips_of(1, ids=ids))
    assert batch.inputs[0, 0, 32:, :, 0].T.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert not batch.inputs[:, 1:, 32:].any()


def test_cells_count_more_where_they_change_and_where_the_object_is():
    latents = torch.zeros(1, *SHAPE)
    latents[:, 2, :, 1, 1] = 3.0
    weight = batch_of(marked_task(moving_weight=8.0, object_weight=2.0), clips_of(1, latents=latents)).weight
    expected = torch.ones(1, 3, 1, 4, 6)
    expected[:, :, :, 3, 5], expected[:, 2, :, 1, 1] = 3.0, 9.0
    assert torch.equal(weight, expected)


def test_attention_is_recorded_in_the_blocks_of_the_step_and_the_direction_that_is_asked_for():
    task = marked_task(attention=dict(weight=0.1, blocks="1 of 0-2", direction="t2v"))
    recorded = set()
    for step in range(8):
        batch = batch_of(task, clips_of(2), step)
        assert batch.blocks == task.blocks.at_step(step)
        assert task._wanted(batch) == {batch.blocks[0]: [TextMaps((((5,),), ((5,),)), "t2v", "first", TARGET)]}
        recorded |= set(batch.blocks)
    assert recorded == {0, 1, 2}


def test_clips_of_other_sizes_than_those_of_learned_positions_are_refused():
    for frames in (1, 2, 3):
        task_of((frames, 16, 4, 6), use_learned_positional_embeddings=True)
    for shape in ((5, 16, 4, 6), (3, 16, 8, 6)):
        with pytest.raises(InputError, match="learned positions for up to 3x4x6 only") as error:
            task_of(shape, use_learned_positional_embeddings=True)
        assert error.value.code is ErrorCode.CONFIG_INVALID
