"""An adapter on a tiny Wan: encoded clips, a run, its export, and the planner that loads it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hoi_motion.options import from_mapping
from tavid_planner.video.model_files import weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import AdapterConfig
from training.data.cache import CacheWriter
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder
from training.tasks.own_inputs import after_own_steps
from training.trainer import Trainer

pytest.importorskip("ftfy", reason="diffusers repairs every prompt of Wan with it")


@pytest.fixture(scope="module")
def wan_cache(tiny_wan, tmp_path_factory):
    """Two encoded clips of noise, 32x64 px, 9 frames."""
    folder = tmp_path_factory.mktemp("cache")
    pipeline = TargetAwarePipeline.from_pretrained(tiny_wan)
    settings = CacheSettings(
        str(tiny_wan), weights_digest(tiny_wan), 32, 64, 9, 2, "target", pipeline.backbone.text_length
    )
    encoder = ClipEncoder(pipeline, settings)
    writer = CacheWriter(folder, settings, encoder.text(""))
    rng = np.random.default_rng(0)
    mask = np.zeros((32, 64), bool)
    mask[8:24, 4:30] = True
    clips = [
        TrainingClip(rng.integers(0, 255, (9, 32, 64, 3), dtype=np.uint8), m, "A person lifts the [TGT] mug.")
        for m in (mask, mask[:, ::-1].copy())
    ]
    writer.add_shard([encoder.encode(f"clip{i}", clip) for i, clip in enumerate(clips)])
    return folder


@pytest.fixture
def options(tiny_wan, wan_cache, tmp_path):
    return dict(
        base=str(tiny_wan),
        cache=str(wan_cache),
        out=str(tmp_path / "run"),
        steps=3,
        batch_size=2,
        rank=4,
        alpha=2,
        learning_rate=1e-2,
        log_every=1,
        save_every=3,
        device="cpu",
        attention=dict(blocks="1", weight=0.1),
        validation=dict(every=3, clips=1, num_inference_steps=2),
    )


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_planner_gets_the_frames_of_the_validation(options, tiny_wan, checkpointing):
    trainer = Trainer(from_mapping(AdapterConfig, options | {"gradient_checkpointing": checkpointing}))
    before = {n: p.detach().clone() for n, p in trainer.trained.items()}
    trainer.run()
    assert {n.split(".lora_")[0].split(".")[-2] for n in before if "to_q.lora_A" in n} == {"attn1", "attn2"}
    assert not torch.equal(before[name := "transformer.patch_embedding.weight"], trainer.trained[name])
    [seen] = trainer.validate()
    clip = trainer.task.cache[1]
    adapter = Path(options["out"]) / "adapter"
    assert (adapter / "patch_embed_conv3d.safetensors").is_file()
    pipeline = TargetAwarePipeline.from_pretrained(tiny_wan, adapter)
    pipeline.set_progress_bar_config(disable=True)
    again = pipeline(
        clip.first_frame.numpy(),
        clip.mask.float()[None, None],
        clip.caption,
        32,
        64,
        9,
        2,
        1.0,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).frames[0]
    assert np.abs(again - seen).max() <= 1e-5
    assert pipeline.adapter.extra["attention_blocks"] == [1]


def test_the_attention_loss_alone_moves_the_lora_of_the_words(options):
    trainer = Trainer(from_mapping(AdapterConfig, options | {"gradient_checkpointing": True}))
    from contextlib import ExitStack

    batch = trainer.task.draw(0, np.random.default_rng(1))
    assert batch.supervised.any()
    with ExitStack() as held:
        trainer.task(batch, held)["attention"].backward()
    moved = [n for n, p in trainer.trained.items() if p.grad is not None and p.grad.abs().max() > 0]
    assert any("blocks.1.attn2.to_q.lora_B" in n for n in moved)
    assert any("blocks.1.attn2.to_k.lora_B" in n for n in moved)
    assert not any("attn2.to_v" in n and "blocks.1" in n for n in moved)


def test_the_image_is_given_and_not_predicted(options):
    task = Trainer(from_mapping(AdapterConfig, options | {"image_dropout": 0.0})).task
    batch = task.draw(0, np.random.default_rng(0))
    assert batch.timesteps.shape == (2, 3) and not batch.timesteps[:, 0].any() and batch.timesteps[:, 1:].all()
    assert not batch.weight[:, 0].any() and batch.weight[:, 1:].all()
    with_all = task.draw(0, np.random.default_rng(0)).inputs[:, :, :48]
    assert torch.equal(with_all[:, 1:], batch.inputs[:, 1:, :48])
    without = Trainer(from_mapping(AdapterConfig, options | {"image_dropout": 1.0})).task
    assert without.draw(0, np.random.default_rng(0)).weight.all()  # nothing is given


def test_the_image_stays_given_while_the_model_denoises_by_itself(options):
    changes = {"image_dropout": 0.0, "own_inputs": 1.0, "own_steps": 3}
    task = Trainer(from_mapping(AdapterConfig, options | changes)).task
    batches = (task.draw(0, np.random.default_rng(seed)) for seed in range(100))
    batch = next(b for b in batches if len(b.own_times) == 3)
    reached = after_own_steps(task, batch)
    assert torch.equal(reached.inputs[:, 0], batch.inputs[:, 0])
    assert not torch.equal(reached.inputs[:, 1:], batch.inputs[:, 1:])
    assert not reached.timesteps[:, 0].any() and (reached.timesteps[:, 1:] == batch.own_times[-1]).all()
