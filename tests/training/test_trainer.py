import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from training import checkpoints
from training.configuration import AdapterConfig
from training.trainer import Trainer


def log_of(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def trainer_of(options, **changes):
    return Trainer(from_mapping(AdapterConfig, {**options, **changes}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_resumed_run_has_the_losses_and_weights_of_an_uninterrupted_one(train_options, tmp_path, optimizer):
    options = {**train_options, "optimizer": optimizer, "ema": 0.9, "accumulation": 2, "log_every": 3}
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
    assert log_of(tmp_path / "stopped") == log_of(Path(options["out"]))  # a line is a mean over steps before and after
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
