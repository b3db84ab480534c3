"""Attention alignment scores on a tiny random model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_model import write_tiny_adapter, write_tiny_model

from tavid_planner.config import VideoConfig
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.bench.attention_scores import (
    INSTANCES,
    WORDS,
    GeneratedScores,
    block_effects,
    latent_tracks,
    truth_scores,
)
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import generate_scene

CONFIG = VideoConfig(height=32, width=48, num_frames=9, num_inference_steps=2, guidance_scale=1.0)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    pipeline = TargetAwarePipeline.from_pretrained(write_tiny_model(tmp_path_factory.mktemp("tiny") / "base"))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def scene():
    scene = generate_scene(900_000, 32, 48, 9, supersampling=1)
    # in words that the tiny tokenizer knows whole
    return replace(scene, caption="the person picks up the [TGT] red mug", triplet=("person", "picks up", "red mug"))


def test_every_block_step_and_word_has_a_score(pipeline, scene):
    found = list(truth_scores(pipeline, scene, CONFIG, steps=2, seed=0))
    seen = {(s.block, s.step, s.kind, s.what) for s in found}
    blocks = range(len(pipeline.transformer.transformer_blocks))
    assert seen == {
        (b, step, kind, what)
        for b in blocks
        for step in range(2)
        for kind, whats in (("v2t", WORDS), ("v2v", INSTANCES))
        for what in whats
    }
    assert all(0 <= s.focus <= 1 and s.heat.shape == (3, 2, 3) for s in found)


def test_where_the_first_frame_looks_is_a_distribution(pipeline, scene):
    for score in truth_scores(pipeline, scene, CONFIG, steps=1, seed=0):
        if score.kind == "v2v":
            # over text and video keys; the rest of the one falls on the words
            assert 0 < score.heat.astype(float).sum() < 1 and score.aas <= score.heat.astype(float).sum() + 1e-2


def test_a_block_that_adds_nothing_has_no_effect_and_the_others_have(pipeline, scene):
    shut, other = pipeline.transformer.transformer_blocks[:2]
    before = {name: value.clone() for name, value in shut.state_dict().items()}
    with torch.no_grad():
        for norm in (shut.norm1, shut.norm2):  # their gates are what is added
            norm.linear.weight.zero_()
            norm.linear.bias.zero_()
    effects = block_effects(pipeline, scene, CONFIG, 2, 0)
    shut.load_state_dict(before)
    assert effects[0] == 0 and effects[1] > 0
    assert block_effects(pipeline, scene, CONFIG, 2, 0)[0] > 0 and not other._forward_hooks


def test_a_generated_clip_is_scored_in_its_first_frame_at_every_step(pipeline, scene):
    with GeneratedScores(pipeline, scene, CONFIG) as scores:
        pipeline(scene.frames[0], None, scene.caption, 32, 48, 9, 2, 1.0, generator=torch.Generator().manual_seed(0))
    assert {s.step for s in scores.found} == {0, 1} and all(s.heat.shape == (1, 2, 3) for s in scores.found)


def test_tracks_at_latent_rate_are_means_of_the_frames_they_stand_for():
    tracks = torch.zeros(1, 9, 8, 8)
    tracks[0, 0] = 1
    tracks[0, 3:5, :4] = 1
    small = latent_tracks(tracks, 3, 2, 2)
    assert small[0, :, 0, 0].tolist() == [1, 0.5, 0] and small[0, :, 1, 0].tolist() == [1, 0, 0]
    assert np.isclose(float(latent_tracks(tracks[:, :1], 1, 1, 1)), 1)


@pytest.mark.parametrize("kind", ["id_map", "id_map_vae"])
def test_a_model_with_an_id_map_is_shown_who_acts(tmp_path, scene, kind):
    base = write_tiny_model(tmp_path / "base")
    pipeline = TargetAwarePipeline.from_pretrained(base, write_tiny_adapter(tmp_path / "ids", base, conditioning=kind))
    nobody = replace(scene, instance_ids=np.where(scene.instance_ids == ACTOR_INSTANCE, 0, scene.instance_ids))
    first, other = (next(truth_scores(pipeline, s, CONFIG, steps=1, seed=0)).heat for s in (scene, nobody))
    assert not np.array_equal(first, other)
