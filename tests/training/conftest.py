"""A tiny random base model and a cache of clips encoded by it, for the tests of the trainer."""

import numpy as np
import pytest
import torch

from tavid_planner.video.model_files import weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import AttentionLossConfig, BaseConfig, VaeConfig
from training.data.cache import CacheWriter
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder
from training.data.latents import IMAGE_VARIANTS, LatentCache

CAPTION = "A person picks up the [TGT] red mug."


@pytest.fixture(scope="session")
def tiny_cache(tiny_base, tmp_path_factory):
    """Four encoded clips of noise, 32x48 px, 9 frames."""
    folder = tmp_path_factory.mktemp("cache")
    torch.manual_seed(0)
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base)
    length = pipeline.transformer.config.max_text_seq_length
    settings = CacheSettings(str(tiny_base), weights_digest(tiny_base), 32, 48, 9, 2, "target", length)
    encoder = ClipEncoder(pipeline, settings)
    writer = CacheWriter(folder, settings, encoder.text(""))
    rng = np.random.default_rng(0)
    clips = []
    for index in range(4):
        frames = rng.integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
        mask = np.zeros((32, 48), bool)
        mask[8:20, 8 * index + 2 : 8 * index + 14] = True
        clips.append(encoder.encode(f"clip{index}", TrainingClip(frames, mask, CAPTION)))
    writer.add_shard(clips[:3])
    writer.add_shard(clips[3:])
    return folder


@pytest.fixture
def train_options(tiny_base, tiny_cache, tmp_path):
    """Options of a run of a few steps on the tiny model."""
    return dict(
        base=str(tiny_base),
        cache=str(tiny_cache),
        out=str(tmp_path / "run"),
        steps=4,
        batch_size=2,
        rank=4,
        alpha=2,
        learning_rate=1e-2,
        warmup_steps=2,
        log_every=1,
        save_every=2,
        device="cpu",
        attention=dict(blocks="1 of 0-2", weight=0.1),
    )


@pytest.fixture
def base_config(tmp_path):
    """A run of two steps on two clips of noise, 32x48 px, 9 frames, on a base of two blocks."""
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, 32, 48, dtype=torch.uint8)
    masks[:, 8:20, 10:22] = 1
    captions = ["A person lifts the [TGT] mauve mug.", "A person pushes the [TGT] box."]
    (tmp_path / "latents").mkdir()
    LatentCache(
        ["a.npz", "b.npz"],
        torch.randn(2, 3, 16, 4, 6, generator=generator).half(),
        torch.randn(2, IMAGE_VARIANTS, 16, 4, 6, generator=generator).half(),
        masks,
        captions,
        1.0,
    ).save(tmp_path / "latents" / "latents.pt")
    return BaseConfig(
        latents=str(tmp_path / "latents"),
        out=str(tmp_path / "run"),
        steps=2,
        batch_size=2,
        mask_share=0.8,
        optimizer="muon",
        learning_rate=1e-2,
        warmup_steps=1,
        ema=0.5,
        layers=2,
        heads=2,
        head_dim=16,
        text_length=16,
        rank=4,
        alpha=2,
        text_dropout=0.0,
        log_every=1,
        save_every=1,
        device="cpu",
        attention=AttentionLossConfig(blocks="0-1", normalisation="max"),
    )


@pytest.fixture
def vae_config(tmp_path):
    """A run of two steps on 9 frames of moving shapes, 16x16 px."""
    return VaeConfig(
        clips="shapes",
        out=str(tmp_path / "run"),
        frames=9,
        height=16,
        width=16,
        steps=2,
        optimizer="muon",
        learning_rate=5e-3,
        warmup_steps=1,
        log_every=1,
        save_every=1,
        device="cpu",
    )
