"""MATRIX's losses in a training step of a tiny transformer."""

from contextlib import ExitStack

import numpy as np
import pytest
import torch
from tiny_model import tiny_transformer

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from training.configuration import AdapterConfig, AlignmentConfig, DiffusionConfig
from training.models import build_scheduler
from training.objectives.diffusion import difference_loss
from training.tasks.adapter import add_lora, lora_blocks
from training.tasks.alignment import InteractionAlignment, Interactions
from training.tasks.diffusion import Clips, DiffusionTask

SHAPE = (3, 16, 4, 6)  # (F, C, h, w) latents: 2x3 tokens a frame
TRACKS = (9, 16, 24)  # (T, H, W): 8 cells a token
MATRIX = dict(grounding=dict(weight=1.0, blocks="0,1"), propagation=dict(weight=0.5, blocks="2"))


def task_of(alignment=MATRIX, attention=0.0, **changes) -> DiffusionTask:
    torch.manual_seed(0)
    options = dict(alignment=alignment, attention=dict(weight=attention, blocks="1"), **changes)
    config = from_mapping(DiffusionConfig, options)
    transformer = tiny_transformer()
    transformer.requires_grad_(False)
    add_lora(transformer, 4, 4)
    return DiffusionTask(config, transformer, build_scheduler(), SHAPE, TRACKS)


def clips_of(known=(True, True)) -> Clips:
    torch.manual_seed(1)
    tracks = torch.zeros(2, 2, *TRACKS, dtype=torch.bool)
    tracks[:, 0, :, :8, :8] = True
    tracks[:, 1, :, 8:, 8:16] = True
    words = [((1, 2), (6,), (3, 4)), ((2,), (5, 6), (3,))]
    return Clips(
        torch.randn(2, *SHAPE),
        torch.randn(2, *SHAPE[1:]),
        torch.ones(2, 1, 32, 48),
        torch.ones(2, dtype=torch.bool),
        torch.randn(2, 24, 16),
        [(5,), (5,)],
        torch.ones(2, dtype=torch.bool),
        Interactions(tracks, words, torch.tensor(known)),
    )


def losses_of(task: DiffusionTask, clips: Clips) -> dict[str, torch.Tensor]:
    with ExitStack() as held:
        return task(task.batch(clips, 0, np.random.default_rng(0)), held)


def test_each_loss_has_its_name_and_its_weight():
    task = task_of(attention=0.1)
    assert losses_of(task, clips_of()).keys() == {"diffusion", "attention", "grounding", "propagation"}
    assert task.weights == {"diffusion": 1.0, "attention": 0.1, "grounding": 1.0, "propagation": 0.5}


def test_the_target_loss_is_the_same_beside_the_others():
    alone = losses_of(task_of({}, attention=0.1), clips_of())
    beside = losses_of(task_of(attention=0.1), clips_of())
    torch.testing.assert_close(alone["attention"], beside["attention"])


def test_products_move_decoder_and_lora_too_and_are_other_losses():
    attention, products = task_of(), task_of(MATRIX | dict(maps="products"))
    clips, changed = clips_of(), []
    for task in (attention, products):
        with ExitStack() as held:
            losses = task(task.batch(clips, 0, np.random.default_rng(0)), held)
            (losses["grounding"] + losses["propagation"]).backward()
        changed.append(losses)
    for name in ("grounding", "propagation"):
        assert torch.isfinite(changed[1][name]) and not torch.equal(changed[0][name], changed[1][name])
    moved = {n for n, p in products.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert any("lora_B" in n for n in moved) and any(n.startswith("alignment.decoders.") for n in moved)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("loss, block", [("grounding", 1), ("propagation", 2)])
def test_either_loss_alone_moves_decoder_and_lora(loss, block, checkpointing):
    task = task_of(gradient_checkpointing=checkpointing)
    clips = clips_of()
    with ExitStack() as held:
        batch = task.batch(clips, 0, np.random.default_rng(0))
        if checkpointing:
            batch.inputs.requires_grad_()
        task(batch, held)[loss].backward()
    moved = {n for n, p in task.named_parameters() if p.grad is not None and p.grad.abs().max() > 0}
    assert any(f"transformer_blocks.{block}.attn1.to_q" in n and "lora_B" in n for n in moved)
    assert any(n.startswith("alignment.decoders.") for n in moved)


def test_one_decoder_can_serve_both():
    shared = task_of({**MATRIX, "shared_decoder": True})
    assert list(shared.alignment.decoders) == ["words"]
    assert losses_of(shared, clips_of()).keys() == {"diffusion", "grounding", "propagation"}


def test_clips_without_known_interactions_only_denoise():
    """The decoders still have gradients, of zero: several processes would wait for them."""
    task = task_of()
    losses = losses_of(task, clips_of(known=(False, False)))
    assert losses.keys() == {"diffusion"}
    losses["diffusion"].backward()
    assert all(p.grad is not None and not p.grad.any() for p in task.alignment.parameters())


def test_the_losses_fall_when_the_maps_can_follow():
    task = task_of()
    optimizer = torch.optim.Adam([p for p in task.parameters() if p.requires_grad], 0.02)
    clips, first = clips_of(), None
    for _ in range(25):
        losses = losses_of(task, clips)
        loss = losses["grounding"] + losses["propagation"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first = first or loss.item()
    assert loss.item() < 0.7 * first


def test_losses_without_tracks_are_refused():
    config = from_mapping(DiffusionConfig, dict(alignment=MATRIX, attention=dict(blocks="1")))
    with pytest.raises(InputError, match="no mask tracks") as error:
        DiffusionTask(config, tiny_transformer(), build_scheduler(), SHAPE)
    assert error.value.code is ErrorCode.CONFIG_INVALID


@pytest.mark.parametrize("frames, tokens, wanted", [(13, 2, 9), (21, 3, 17)])
def test_a_length_that_the_decoder_cannot_reach_by_doubling_is_refused(frames, tokens, wanted):
    """As of CogVideoX 1.5, whose tokens are two latent frames deep."""
    config = from_mapping(AlignmentConfig, MATRIX)
    InteractionAlignment(config, 3, (tokens, 2, 3), (wanted, 16, 24))
    with pytest.raises(InputError, match=f"encode clips of {wanted} frames") as error:
        InteractionAlignment(config, 3, (tokens, 2, 3), (frames, 16, 24))
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_lora_may_sit_on_the_supervised_blocks_only():
    alignment = {**MATRIX, "lora_blocks": "supervised"}
    config = from_mapping(AdapterConfig, dict(alignment=alignment, attention=dict(weight=0.0)))
    transformer = tiny_transformer()
    assert lora_blocks(config, 3) == (0, 1, 2)
    add_lora(transformer, 4, 4, (1,))
    assert {n.split(".")[1] for n, _ in transformer.named_parameters() if "lora_" in n} == {"1"}


def test_lora_on_supervised_blocks_needs_one():
    config = from_mapping(AdapterConfig, dict(alignment={"lora_blocks": "supervised"}, attention=dict(weight=0.0)))
    with pytest.raises(InputError, match="supervises"):
        lora_blocks(config, 3)


@pytest.mark.slow
def test_an_adapter_learns_both_losses_from_a_cache_of_scenes(tmp_path):
    from tiny_model import write_tiny_model

    from tavid_planner.video.model_files import weights_digest
    from tavid_planner.video.pipeline import TargetAwarePipeline
    from training.data.cache import CacheWriter, ClipCache, fill
    from training.data.encoded_clip import CacheSettings, ClipEncoder
    from training.data.sources import SceneClips
    from training.json_lines import read_lines
    from training.scenes.clip_file import save_clip
    from training.scenes.scene import generate_scene
    from training.trainer import Trainer

    base = write_tiny_model(tmp_path / "base", max_text_seq_length=96)
    (tmp_path / "clips").mkdir()
    for seed in (5, 6):
        save_clip(tmp_path / "clips" / f"clip_{seed}.npz", generate_scene(seed, 32, 48, 9, supersampling=1))
    pipeline = TargetAwarePipeline.from_pretrained(base)
    settings = CacheSettings(str(base), weights_digest(base), 32, 48, 9, 1, "target", 96, track_px=2)
    encoder = ClipEncoder(pipeline, settings)
    fill(CacheWriter(tmp_path / "cache", settings, encoder.text("")), encoder, SceneClips(tmp_path / "clips"), 8, None)
    clip = ClipCache(tmp_path / "cache")[0]
    assert clip.tracks.shape == (2, 9, 16, 24) and clip.tracks.max() == 100 and len(clip.words) == 3

    options = dict(
        base=str(base),
        cache=str(tmp_path / "cache"),
        out=str(tmp_path / "run"),
        steps=2,
        batch_size=2,
        rank=4,
        alpha=4,
        text_dropout=0.0,
        log_every=1,
        attention=dict(weight=0.1, blocks="1"),
        alignment=MATRIX,
    )
    Trainer(from_mapping(AdapterConfig, options)).run()
    last = read_lines(tmp_path / "run" / "log.jsonl")[-1]
    assert last["grounding"] > 0 and last["propagation"] > 0 and last["attention"] > 0
    stored = TargetAwarePipeline.from_pretrained(base, tmp_path / "run" / "adapter").adapter.extra
    assert stored["grounding"] == {"weight": 1.0, "blocks": [0, 1]}
    assert stored["propagation"] == {"weight": 0.5, "blocks": [2]}


@pytest.mark.slow
def test_an_adapter_learns_an_id_map_and_is_loaded_as_one(tmp_path):
    from tiny_model import write_tiny_model

    from tavid_planner.video.model_files import weights_digest
    from tavid_planner.video.pipeline import TargetAwarePipeline
    from training.data.cache import CacheWriter, ClipCache, fill
    from training.data.encoded_clip import CacheSettings, ClipEncoder
    from training.data.sources import SceneClips
    from training.scenes.clip_file import save_clip
    from training.scenes.company import generate_company_scene
    from training.trainer import Trainer

    base = write_tiny_model(tmp_path / "base", max_text_seq_length=128)
    (tmp_path / "clips").mkdir()
    for seed in (3, 4):
        save_clip(tmp_path / "clips" / f"clip_{seed}.npz", generate_company_scene(seed, 32, 48, 9, supersampling=1))
    pipeline = TargetAwarePipeline.from_pretrained(base)
    settings = CacheSettings(str(base), weights_digest(base), 32, 48, 9, 1, "target", 128, track_px=2)
    encoder = ClipEncoder(pipeline, settings)
    fill(CacheWriter(tmp_path / "cache", settings, encoder.text("")), encoder, SceneClips(tmp_path / "clips"), 8, None)
    assert ClipCache(tmp_path / "cache")[0].ids.unique().tolist() == [0, 1, 2, 3]

    options = dict(base=str(base), cache=str(tmp_path / "cache"), steps=2, batch_size=2, rank=4, alpha=4, log_every=1)
    options |= dict(text_dropout=0.0, attention=dict(weight=0.1, blocks="1"), alignment=MATRIX, conditioning="id_map")
    run = dict(out=str(tmp_path / "run"), validation=dict(every=2, clips=1, num_inference_steps=2))
    Trainer(from_mapping(AdapterConfig, options | run)).run()
    loaded = TargetAwarePipeline.from_pretrained(base, tmp_path / "run" / "adapter")
    assert loaded.conditioning.kind == "id_map" and loaded.backbone.extra_channels == 3
    assert (tmp_path / "run" / "validation" / "step_000002" / "0.mp4").is_file()


def test_an_id_map_starts_as_the_mask_that_it_comes_from(tmp_path):
    from tavid_planner.video.adapter import save_adapter, widen_patch_embed
    from tavid_planner.video.backbone import backbone_of
    from tavid_planner.video.conditioning import Conditioning, id_map_latents, mask_latents
    from training.tasks.adapter import prepare_adapter

    torch.manual_seed(0)
    transformer = tiny_transformer()
    widen_patch_embed(transformer)
    torch.nn.init.normal_(transformer.patch_embed.proj.weight)
    add_lora(transformer, 4, 4)
    ids = torch.zeros(1, 32, 48, dtype=torch.uint8)
    ids[:, 4:14, 4:20], ids[:, 16:30, 8:20], ids[:, 2:30, 26:44] = 1, 2, 3
    masks = torch.stack([ids == n for n in (1, 2, 3)], 1).float()
    noise, text, time = torch.randn(1, 3, 32, 4, 6), torch.randn(1, 24, 16), torch.tensor([500])

    def answer(model, extra):
        with torch.no_grad():
            return backbone_of(model).predict(torch.cat([noise, extra], 2), text, time)

    before = answer(transformer, mask_latents(masks[:, :1], 3, 4, 6))
    save_adapter(tmp_path, transformer, 4, 4, "target")
    torch.manual_seed(0)
    other = tiny_transformer()
    config = from_mapping(AdapterConfig, dict(init=str(tmp_path), rank=4, alpha=4, conditioning="id_map"))
    prepare_adapter(other, config)
    after = answer(other, id_map_latents(masks, Conditioning("id_map").palette, 3, 4, 6))
    assert torch.allclose(before, after, atol=1e-4)


def test_the_clips_of_a_pair_have_the_same_noise_timestep_and_first_frame_dropout():
    task = task_of(pair_weight=0.5, image_dropout=0.5)
    clips = clips_of()
    alike = clips._replace(latents=clips.latents[:1].repeat(2, 1, 1, 1, 1), image_latents=clips.image_latents[[0, 0]])
    for step in range(8):
        paired = task.batch(alike._replace(pairs=((0, 1),)), step, np.random.default_rng(step))
        assert torch.equal(paired.inputs[0], paired.inputs[1]) and paired.timesteps[0] == paired.timesteps[1]


def test_the_loss_of_a_pair_counts_what_tells_them_apart_alone():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(2, 1, *SHAPE, generator=generator)
    weight = torch.rand(2, 1, SHAPE[0], 1, *SHAPE[2:], generator=generator)
    assert difference_loss(target.mean(0, keepdim=True).expand_as(target), target, weight) == pytest.approx(1)
    shared_error = torch.randn(1, 1, *SHAPE, generator=generator)
    assert difference_loss(target + shared_error, target, weight) == pytest.approx(0, abs=1e-9)
    half = target.mean(0) + 0.5 * (target - target.mean(0))
    assert difference_loss(half, target, weight) == pytest.approx(0.25)


def test_a_batch_without_a_pair_has_no_loss_of_pairs():
    task = task_of({}, pair_weight=0.5)
    assert losses_of(task, clips_of()).keys() == {"diffusion"}
    assert losses_of(task, clips_of()._replace(pairs=((0, 1),))).keys() == {"diffusion", "pairs"}


def test_cells_of_the_object_count_more_where_a_clip_has_tracks():
    options = dict(image_dropout=1.0, moving_weight=0.0)
    plain, weighed = (
        task_of({}, **options, object_weight=weight).batch(clips_of(), 0, np.random.default_rng(0)).weight
        for weight in (0.0, 4.0)
    )
    expected = torch.zeros_like(plain)
    expected[..., 2:, 2:4] = 4.0  # the object's 8x8 of 16x24 track cells: 2x2 of 4x6 latent cells
    assert torch.equal(weighed - plain, expected)


def test_a_weight_of_the_object_without_tracks_is_refused():
    config = from_mapping(DiffusionConfig, dict(object_weight=4.0))
    with pytest.raises(InputError, match="no mask tracks, without which object_weight"):
        DiffusionTask(config, tiny_transformer(), build_scheduler(), SHAPE)
