import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors import safe_open

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.pipeline import TargetAwarePipeline
from training import checkpoints
from training.configuration import TrainConfig
from training.trainer import Trainer


def log_of(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def trainer_of(options, **changes):
    return Trainer(from_mapping(TrainConfig, {**options, **changes}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_resumed_run_has_the_losses_and_weights_of_an_uninterrupted_one(train_options, tmp_path, optimizer):
    options = {**train_options, "optimizer": optimizer, "ema": 0.9, "accumulation": 2}
    whole = trainer_of(options)
    whole.run()
    stopped = trainer_of(options, out=str(tmp_path / "stopped"))
    for _ in range(2):
        stopped.train_step()
    stopped.save()
    stopped.train_step()  # lost: it came after the checkpoint
    resumed = trainer_of(options, out=str(tmp_path / "stopped"))
    assert resumed.step == 2
    resumed.run()
    assert log_of(tmp_path / "stopped") == log_of(Path(options["out"]))[2:]
    assert all(torch.equal(whole.trained[n], resumed.trained[n]) for n in whole.trained)
    assert all(torch.equal(whole.averaged[n], resumed.averaged[n]) for n in whole.averaged)


@pytest.mark.slow
def test_killed_run_goes_on_with_the_same_losses(train_options, tmp_path):
    """kill -9 of a process of its own, after its first checkpoint."""
    options = {**train_options, "steps": 30, "save_every": 3}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(options))
    command = [sys.executable, "-m", "training.train", "--config", str(config)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = Path(options["out"])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    while not list((run / "checkpoints").glob("step_*[0-9]")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert log_of(run)[-1]["step"] < 30
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
    torch.set_num_threads(1)
    trainer_of(options, out=str(tmp_path / "whole")).run()
    assert log_of(run) == log_of(tmp_path / "whole")


def test_loss_falls_and_only_the_adapter_moves(train_options):
    trainer = trainer_of(train_options, steps=30, text_dropout=0.0, image_dropout=0.0)
    frozen = {n: p.clone() for n, p in trainer.transformer.named_parameters() if n not in trainer.trained}
    trainer.run()
    losses = [line["attention"] for line in log_of(Path(train_options["out"]))]
    assert losses[-1] < losses[0]
    assert all("lora_" in n or "patch_embed.proj" in n for n in trainer.trained)
    assert all(torch.equal(frozen[n], dict(trainer.transformer.named_parameters())[n]) for n in frozen)


def test_gradient_checkpointing_changes_no_loss(train_options, tmp_path):
    trainer_of(train_options).run()
    trainer_of(train_options, gradient_checkpointing=True, out=str(tmp_path / "checkpointed")).run()
    plain, checkpointed = (log_of(Path(p)) for p in (train_options["out"], tmp_path / "checkpointed"))
    for a, b in zip(plain, checkpointed, strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_planner_gets_the_frames_of_the_validation(train_options, tiny_base):
    trainer = trainer_of(train_options, ema=0.5, validation=dict(every=4, clips=1, num_inference_steps=3))
    trainer.run()
    [seen] = trainer.validate()
    out = Path(train_options["out"])
    assert {p.name for p in (out / "validation" / "step_000004").iterdir()} == {"0.mp4", "0.png"}
    clip = trainer.cache[len(trainer.cache) - 1]
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, out / "adapter")
    pipeline.set_progress_bar_config(disable=True)
    again = pipeline(
        clip.first_frame.numpy(), clip.mask.float()[None, None], clip.caption, 32, 48, 9, 3, 1.0,
        generator=torch.Generator().manual_seed(0), output_type="np",
    ).frames[0]  # fmt: skip
    assert np.abs(again - seen).max() <= 1e-5
    assert (pipeline.adapter.rank, pipeline.adapter.alpha, pipeline.trigger) == (4, 2, "target")
    assert pipeline.adapter.extra["data_digest"] == trainer.cache.digest


def test_run_can_start_from_an_adapter(train_options, tmp_path):
    trainer = trainer_of(train_options)
    trainer.run()
    init = str(Path(train_options["out"]) / "adapter")
    second = trainer_of(train_options, init=init, out=str(tmp_path / "second"))
    assert {n.split(".")[-2] for n in second.trained if "lora_" in n} == {"target_aware"}
    assert len(second.trained) == len(trainer.trained)
    with pytest.raises(InputError, match="has rank 4"):
        trainer_of(train_options, init=init, rank=8, out=str(tmp_path / "third"))


def test_full_disk_leaves_the_checkpoint_before(train_options, monkeypatch):
    trainer = trainer_of(train_options)
    trainer.train_step()
    trainer.save()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    trainer.train_step()
    monkeypatch.setattr(checkpoints.torch, "save", full)
    with pytest.raises(InputError, match="No space left") as caught:
        trainer.save()
    assert caught.value.code == ErrorCode.OUTPUT_INVALID
    folder = Path(train_options["out"]) / "checkpoints"
    assert [p.name for p in folder.iterdir()] == ["step_000001"]
    assert checkpoints.load_newest(folder).step == 1


def test_checkpoint_of_another_run_is_refused(train_options):
    trainer = trainer_of(train_options)
    trainer.train_step()
    path = trainer.save()
    with pytest.raises(InputError, match="another learning_rate"):
        trainer_of(train_options, learning_rate=1e-3)
    facts = json.loads((path / "facts.json").read_text())
    facts["config"]["rank"] = 8
    (path / "facts.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match=r"lora_A.*is \(4, 32\)|does not fit|lora"):
        trainer_of(train_options, rank=8)


def test_damaged_checkpoint_is_named(train_options):
    trainer = trainer_of(train_options)
    trainer.train_step()
    path = trainer.save() / "optimizers.pt"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="step_000001 is damaged"):
        trainer_of(train_options)


def test_trigger_of_another_cache_is_refused(train_options):
    with pytest.raises(InputError, match="encoded with 'target'"):
        trainer_of(train_options, trigger="goal")


def test_adapter_stores_what_made_it(train_options):
    trainer_of(train_options, steps=1).run()
    with safe_open(Path(train_options["out"]) / "adapter" / "patch_embed_conv2d.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["tavid_adapter"])
    assert facts["attention_blocks"] == [0, 1, 2] and facts["attention_loss"] == 0.1 and facts["steps"] == 1
