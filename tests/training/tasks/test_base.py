import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tavid_planner.errors import InputError, VideoError
from tavid_planner.video.adapter import load_adapter
from tavid_planner.video.backbone import backbone_of
from training.configuration import ValidationConfig
from training.json_lines import read_lines
from training.models import build_vae
from training.tasks.base import BLOCKS, BaseTask, deepened
from training.trainer import Trainer


def test_run_trains_every_weight_and_writes_a_base_that_an_adapter_starts_on(base_config, tmp_path):
    trainer = Trainer(base_config)
    before = {n: p.detach().clone() for n, p in trainer.trained.items()}
    trainer.run()
    assert [n for n, p in trainer.trained.items() if torch.equal(p, before[n])] == []
    assert all("attention" in line for line in read_lines(tmp_path / "run" / "log.jsonl"))

    model = tmp_path / "run" / "model"
    assert {p.name for p in model.iterdir()} == {"transformer", "text_encoder", "tokenizer", "scheduler"}
    base = type(trainer.task.transformer).from_pretrained(model / "transformer")
    assert base.config.in_channels == 32 and base.config.sample_width == 6
    adapter = load_adapter(base, tmp_path / "run" / "adapter_start")
    assert (adapter.rank, adapter.trigger) == (4, "target")
    averaged = trainer.averaged["transformer.patch_embed.proj.weight"]
    assert torch.equal(base.patch_embed.proj.weight, averaged)  # with its mask channel
    batch = trainer._batch(0)
    call = batch.inputs, trainer.task.encode_text(batch.text), batch.timesteps
    with torch.no_grad(), trainer.result():
        ours, theirs = (backbone_of(t.eval()).predict(*call) for t in (base, trainer.task.transformer))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_second_stage_keeps_the_mask_channel_of_a_run_and_adds_one_to_a_model_folder(base_config, tmp_path):
    trainer = Trainer(base_config)
    trainer.run()
    name = "transformer.patch_embed.proj.weight"
    of_run, of_model = (
        Trainer(replace(base_config, init=str(init), out=str(tmp_path / "second"))).trained[name]
        for init in (tmp_path / "run", tmp_path / "run" / "model")
    )
    assert torch.equal(of_run, trainer.averaged[name]) and of_run[:, 32].abs().max() > 0
    assert torch.equal(of_model[:, :32], of_run[:, :32]) and of_model[:, 32].abs().max() == 0


def test_second_stage_takes_the_mask_channel_of_the_adapter_in_a_model_folder(base_config, tmp_path):
    trainer = Trainer(base_config)
    trainer.run()
    run, whole = tmp_path / "run", tmp_path / "whole"
    shutil.copytree(run / "model", whole)
    shutil.copytree(run / "adapter_start", whole / "adapter")
    name = "transformer.patch_embed.proj.weight"
    started = Trainer(replace(base_config, init=str(whole), out=str(tmp_path / "second"))).trained[name]
    assert torch.equal(started, trainer.averaged[name])


def test_checkpoint_file_of_an_earlier_run_can_be_started_from(base_config, tmp_path):
    trainer = Trainer(base_config)
    trainer.run()
    state = {part: getattr(trainer.task, part).state_dict() for part in ("transformer", "text_encoder")}
    torch.save({**state, "averaged": trainer.averaged, "step": 2, "spent_s": 1.0}, tmp_path / "run" / "last.pt")
    started = Trainer(replace(base_config, init=str(tmp_path / "run" / "last.pt"), out=str(tmp_path / "second")))
    assert all(torch.equal(started.trained[n], trainer.averaged[n]) for n in started.trained)


def test_clips_without_a_mask_see_neither_mask_nor_trigger_word(base_config):
    task = Trainer(replace(base_config, mask_share=1e-9)).task
    batch = task.draw(0, np.random.default_rng(0))
    assert batch.inputs[:, :, 32].abs().max() == 0 and not batch.supervised.any()
    assert "target" not in task.tokenizer.decode(batch.text[0])


def test_validation_generates_through_the_given_vae(base_config, tmp_path):
    build_vae().save_pretrained(tmp_path / "model" / "vae")
    options = ValidationConfig(clips=1, num_inference_steps=1)
    [video] = Trainer(replace(base_config, vae=str(tmp_path / "model"), validation=options)).validate()
    assert video.shape == (9, 32, 48, 3)


def test_other_sizes_than_those_of_the_start_are_refused(base_config, tmp_path):
    Trainer(base_config).run()
    one_block = dict(layers=1, attention=replace(base_config.attention, blocks="0"))
    for other in (one_block, dict(heads=base_config.heads + 1)):
        with pytest.raises(InputError, match="does not fit"):
            Trainer(replace(base_config, **other, init=str(tmp_path / "run"), out=str(tmp_path / "second")))


def test_a_deeper_transformer_that_starts_from_a_shallow_one_says_the_same(base_config, tmp_path):
    trainer = Trainer(base_config)
    trainer.run()
    shallow, deep = (
        Trainer(replace(base_config, init=str(tmp_path / "run"), out=str(tmp_path / "next"), layers=layers)).task.eval()
        for layers in (base_config.layers, 2 * base_config.layers + 1)
    )
    batch = trainer._batch(0)
    with torch.no_grad():
        assert torch.allclose(deep.predict(batch), shallow.predict(batch), atol=1e-5)
    assert len(deep.transformer.transformer_blocks) == 2 * base_config.layers + 1


def test_the_new_blocks_of_a_deeper_transformer_lie_between_the_old_ones():
    parts = ("attn1.to_out.0.weight", "ff.net.2.weight", "attn1.to_q.weight")
    old = {f"{BLOCKS}{i}.{part}": torch.full((2,), i + 1.0) for i in range(2) for part in parts}
    new = deepened({**old, "text_encoder.x": torch.ones(1)}, 5)
    queries, outs = ([new[f"{BLOCKS}{i}.{part}"][0].item() for i in range(5)] for part in (parts[2], parts[0]))
    assert queries == [1, 1, 2, 2, 2] and outs == [0, 1, 0, 0, 2]
    assert "text_encoder.x" in new and deepened(old, 2) is old


def test_a_vae_that_is_not_there_is_refused_before_the_first_step_and_not_at_the_first_validation(base_config):
    with pytest.raises(VideoError, match="has no VAE"):
        BaseTask(replace(base_config, vae="nowhere", validation=ValidationConfig(every=500)), "cpu")
