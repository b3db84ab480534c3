import numpy as np
import pytest
import torch

from hoi_motion.options import from_mapping
from tavid_planner.errors import InputError
from tavid_planner.video.model_files import weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.bench.told_apart import NOTHING, explained, load_pairs, main
from training.configuration import AdapterConfig
from training.data.cache import CacheWriter
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder
from training.trainer import Trainer

CAPTION = "A person picks up the [TGT] red mug."


def cache_of(tiny_base, folder, pair: str):
    """Two clips of other noise, an actor marked in one half or the other, as a pair or not."""
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base)
    length = pipeline.transformer.config.max_text_seq_length
    encoder = ClipEncoder(
        pipeline, CacheSettings(str(tiny_base), weights_digest(tiny_base), 32, 48, 9, 1, "target", length, track_px=8)
    )
    rng, clips = np.random.default_rng(0), []
    for half in (0, 1):
        ids, mask = np.zeros((32, 48), np.uint8), np.zeros((32, 48), bool)
        ids[:, 24 * half : 24 * half + 24], mask[:8, :8] = 2, True
        ids[mask] = 1
        frames = rng.integers(0, 255, (9, 32, 48, 3), dtype=np.uint8)
        tracks = np.zeros((2, 9, 32, 48), bool)
        triplet = "person", "picks up", "red mug"
        clips.append(encoder.encode(f"{half}", TrainingClip(frames, mask, CAPTION, tracks, triplet, ids, pair)))
    CacheWriter(folder, encoder.settings, encoder.text("")).add_shard(clips)
    return str(folder)


def test_a_base_explains_nothing_and_the_right_answer_everything(tiny_base, tmp_path, monkeypatch, capsys):
    cache = cache_of(tiny_base, tmp_path, "1")
    task = load_pairs(NOTHING, str(tiny_base), cache)
    assert explained(task, 999) == pytest.approx([0.0], abs=1e-5)
    monkeypatch.setattr(task, "predict", lambda batch: batch.target + torch.ones_like(batch.target[:1]))
    assert explained(task, 999) == pytest.approx([1.0], abs=1e-5)
    main(["--adapter", NOTHING, "--base", str(tiny_base), "--cache", cache])
    lines = capsys.readouterr().out.splitlines()
    assert "1 pairs" in lines[0] and [int(line.split()[0]) for line in lines[1:]] == [999, 749, 499]


def test_a_cache_without_pairs_is_refused(tiny_base, tmp_path):
    task = load_pairs(NOTHING, str(tiny_base), cache_of(tiny_base, tmp_path, ""))
    with pytest.raises(InputError, match="no pairs"):
        explained(task, 999)


def test_an_adapter_of_any_rank_is_judged_as_it_is(tiny_base, train_options, tmp_path):
    Trainer(from_mapping(AdapterConfig, {**train_options, "rank": 3, "steps": 1})).run()
    cache = cache_of(tiny_base, tmp_path / "pairs", "1")
    task = load_pairs(f"{train_options['out']}/adapter", str(tiny_base), cache)
    assert np.isfinite(explained(task, 999)).all()


def test_scenes_that_a_training_may_have_seen_are_pointed_out(tiny_base, tmp_path, capsys):
    cache = cache_of(tiny_base, tmp_path, "1")
    index = tmp_path / "index.jsonl"
    index.write_text(index.read_text().replace('"names": ["0",', '"names": ["clip_000000005.npz",'))
    main(["--adapter", NOTHING, "--base", str(tiny_base), "--cache", cache])
    assert "1 of 2 clips are scenes that a training may have seen" in capsys.readouterr().err
