import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import launch_command_parser
from accelerate.utils import DistributedType
from safetensors.torch import load_file, save_file
from tiny_model import tiny_transformer

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from tests.training.processes import start, train
from training import checkpoints
from training.configuration import AdapterConfig, load_training_config
from training.data.encoders import encoder_digest
from training.trainer import Trainer, _check_sharding

FSDP_CONFIG = Path("config/training/fsdp.yaml")


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
    (tmp_path / "stopped" / "checkpoints" / "step_000003.partial").mkdir()  # one that was being written
    resumed = trainer_of(options, out=str(tmp_path / "stopped"))
    assert resumed.step == 2
    resumed.run()
    assert not list((tmp_path / "stopped" / "checkpoints").glob("*.partial"))
    assert log_of(tmp_path / "stopped") == log_of(Path(options["out"]))  # a line is a mean over steps before and after
    assert all(torch.equal(whole.trained[n], resumed.trained[n]) for n in whole.trained)
    assert all(torch.equal(whole.averaged[n], resumed.averaged[n]) for n in whole.averaged)


@pytest.mark.slow
def test_killed_run_goes_on_with_the_same_losses(train_options, tmp_path):
    """kill -9 of a process of its own, after its first checkpoint."""
    options = {**train_options, "steps": 30, "save_every": 3}
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(options))
    run = Path(options["out"])
    process = start("--config", str(config))
    while not list((run / "checkpoints").glob("step_*[0-9]")) and process.is_alive():
        time.sleep(0.01)
    process.kill()
    process.join()
    assert log_of(run)[-1]["step"] < 30
    train(1, "--config", str(config))
    torch.set_num_threads(1)
    trainer_of(options, out=str(tmp_path / "whole")).run()
    assert log_of(run) == log_of(tmp_path / "whole")


@pytest.mark.parametrize("stopped_in", ["the checkpoint", "the validation"])
def test_a_validation_that_a_stop_cut_off_is_made_when_the_run_goes_on(train_options, monkeypatch, stopped_in):
    validation = {"every": 2, "clips": 1, "num_inference_steps": 1}
    folder = Path(train_options["out"]) / "validation"

    def stop(*_):
        if stopped_in == "the validation":
            assert list(folder.glob("step_000002.partial")) and not (folder / "step_000002").exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        places = {
            "the checkpoint": "training.trainer.Trainer.validate",
            "the validation": "training.validation.write_png",
        }
        patch.setattr(places[stopped_in], stop)
        with pytest.raises(KeyboardInterrupt):
            trainer_of(train_options, validation=validation).run()
    trainer_of(train_options, validation=validation).run()
    for step in ("step_000002", "step_000004"):
        assert {path.name for path in (folder / step).iterdir()} == {"0.mp4", "0.png"}
    made = (folder / "step_000004" / "0.png").stat().st_mtime_ns
    trainer_of(train_options, validation=validation).run()  # once it is there, it stays
    assert (folder / "step_000004" / "0.png").stat().st_mtime_ns == made and len(list(folder.iterdir())) == 2


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one_process_with_two_passes(base_config, tmp_path):
    """Logged losses and averaged weights; a part of the passes has no mask, and so no attention loss."""
    shared = replace(base_config, batch_size=1, mask_share=0.5, steps=4, log_every=4)
    one = Trainer(replace(shared, accumulation=2, out=str(tmp_path / "passes")))
    one.run()
    options = {**asdict(shared), "task": "base", "device": "auto", "out": str(tmp_path / "processes")}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(options))
    train(2, "--config", str(tmp_path / "config.yaml"))
    assert json.loads((tmp_path / "processes" / "run.json").read_text())["processes"] == 2
    assert log_of(tmp_path / "processes") == [pytest.approx(line, rel=1e-5) for line in log_of(tmp_path / "passes")]
    two = checkpoints.load_newest(tmp_path / "processes" / "checkpoints")
    assert all(torch.allclose(one.averaged[n], two.averaged[n], atol=1e-5) for n in one.averaged)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_sharded_run_goes_on_from_whole_weights_to_the_same_adapter(train_options, tmp_path, optimizer):
    """Two processes of torchrun with FSDP go on from a checkpoint of one with two passes, and write what it writes."""
    validation = {"every": 4, "clips": 1, "num_inference_steps": 1}
    options = {**train_options, "batch_size": 1, "ema": 0.5, "validation": validation, "optimizer": optimizer}
    one = trainer_of(options, accumulation=2, out=str(tmp_path / "one"))
    one.run()
    two = tmp_path / "two"
    shutil.copytree(tmp_path / "one" / "checkpoints" / "step_000002", two / "checkpoints" / "step_000002")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({**options, "out": str(two)}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [str(Path(__file__).with_name("sharded_training.py")), "--config", str(tmp_path / "config.yaml")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": "."}
    environment["FSDP_CONFIG"] = str(FSDP_CONFIG)
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
    assert log_of(two) == [pytest.approx(line, rel=1e-5) for line in log_of(tmp_path / "one")[2:]]
    whole, sharded = (checkpoints.load_newest(run / "checkpoints") for run in (tmp_path / "one", two))
    assert whole.step == sharded.step == 4
    assert all(torch.allclose(whole.weights[n], sharded.weights[n], atol=1e-5) for n in whole.weights)
    lora = [load_file(run / "adapter" / "pytorch_lora_weights.safetensors") for run in (tmp_path / "one", two)]
    assert all(torch.allclose(lora[0][n], lora[1][n], atol=1e-5) for n in lora[0])
    assert (two / "validation" / "step_000004" / "0.png").is_file()


def test_sharding_config_is_one_of_accelerate_and_names_the_block_of_the_transformer():
    config = load_config_from_file(str(FSDP_CONFIG))
    assert config.distributed_type == DistributedType.FSDP
    [block] = {type(b).__name__ for b in tiny_transformer().transformer_blocks}
    assert config.fsdp_config["fsdp_transformer_layer_cls_to_wrap"] == block
    unknown = [k for k in config.fsdp_config if f"--{k}" not in launch_command_parser()._option_string_actions]
    assert unknown == []


def test_what_accelerate_cannot_do_with_this_training_is_refused(train_options, monkeypatch):
    state = SimpleNamespace(state=SimpleNamespace(fsdp_plugin=SimpleNamespace()))
    state.state.fsdp_plugin.transformer_cls_names_to_wrap = ["WanTransformerBlock"]
    task = trainer_of(train_options).task
    with pytest.raises(InputError, match="WanTransformerBlock.*to_wrap to CogVideoXBlock"):
        _check_sharding(state, task)
    state.state.fsdp_plugin.transformer_cls_names_to_wrap = ["CogVideoXBlock"]
    _check_sharding(state, task)
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(InputError, match="DEEPSPEED.*fsdp.yaml"):
        trainer_of(train_options)


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


def test_time_limit_ends_a_run_and_the_rate_follows_the_clock(train_options):
    trainer = trainer_of(train_options, steps=0, minutes=10.0, warmup_steps=0, final_rate=0.1)
    trainer.started_s -= 5 * 60
    trainer.train_step()
    assert trainer.progress == pytest.approx(0.5, abs=0.05)
    trainer.train_step()
    [group] = trainer.optimizers[0].param_groups
    assert group["lr"] == pytest.approx(train_options["learning_rate"] * 0.55, rel=0.1)
    trainer.started_s -= 5 * 60
    assert "diffusion" in trainer.train_step() and trainer.progress >= 1
    with pytest.raises(InputError, match="steps and minutes are both 0"):
        trainer_of(train_options, steps=0)


def test_the_last_two_checkpoints_stay_and_the_end_of_a_run_is_one(train_options):
    trainer_of(train_options, steps=5, save_every=2).run()
    assert {path.name for path in (Path(train_options["out"]) / "checkpoints").iterdir()} == {
        "step_000004",
        "step_000005",
    }


def test_a_run_that_goes_on_has_spent_what_it_had_and_keeps_its_log(train_options):
    stopped = trainer_of(train_options, minutes=10.0, log_every=1)
    for _ in range(2):
        stopped.train_step()
        stopped._log()
    stopped.started_s -= 9 * 60
    stopped.save()
    resumed = trainer_of(train_options, minutes=10.0, log_every=1)
    assert resumed.progress == pytest.approx(0.9, abs=0.05)
    resumed.run()
    assert [line["step"] for line in log_of(resumed.out)] == [1, 2, 3, 4]


def test_run_that_is_made_shorter_writes_its_result_at_once(train_options):
    stopped = trainer_of(train_options)
    stopped.train_step()
    stopped.save()
    ended = trainer_of(train_options, steps=1)
    ended.run()
    assert ended.step == 1 and (ended.out / "adapter" / "pytorch_lora_weights.safetensors").is_file()


def test_unknown_task_lists_the_valid_ones(tmp_path):
    (tmp_path / "config.yaml").write_text("task: video")
    with pytest.raises(InputError, match="adapter, few_steps, base, vae"):
        load_training_config(tmp_path / "config.yaml")
    assert type(load_training_config(tmp_path / "config.yaml", ["task=vae"])).__name__ == "VaeConfig"


@pytest.mark.parametrize(
    "path", sorted(set(Path("config/training").glob("*.yaml")) - {FSDP_CONFIG}), ids=lambda p: p.stem
)
def test_every_config_in_the_repository_is_valid(path):
    assert load_training_config(path).out.startswith("runs/")


@pytest.mark.parametrize(
    "changes, said",
    [
        (dict(out=" "), "option out is empty"),
        (dict(cache=""), "option cache is empty"),
        (dict(tracker="nowhere"), "tracker is 'nowhere'"),
        (dict(tracker="wandb"), "not installed here"),
        (dict(mixed_precision="fp16"), "a CPU cannot train in"),
        (dict(seed=10**30), "option seed"),
        (dict(text_dropout=1.0), "takes no part in the losses on attention"),
        (dict(alignment=dict(lora_blocks="supervised"), attention=dict(blocks="9")), "option attention.blocks is '9'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_be_is_refused_before_the_first_step(train_options, changes, said):
    with pytest.raises(InputError, match=said) as caught:
        trainer_of(train_options, **changes)
    assert caught.value.code == ErrorCode.CONFIG_INVALID


def test_a_file_in_place_of_the_runs_folder_is_refused(train_options, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write") as caught:
        trainer_of(train_options, out=str(tmp_path / "file"))
    assert caught.value.code == ErrorCode.OUTPUT_INVALID


def test_a_run_goes_on_with_as_many_clips_a_step(train_options):
    """Two passes are as good as two processes; other numbers of both make other steps."""
    trainer = trainer_of(train_options, accumulation=2)
    trainer.train_step()
    facts = trainer.save() / "facts.json"
    stored = json.loads(facts.read_text())
    assert stored["processes"] == 1
    facts.write_text(json.dumps({**stored, "processes": 2}))
    assert trainer_of(train_options, accumulation=4).step == 1
    with pytest.raises(InputError, match=r"another accumulation \(times processes\)"):
        trainer_of(train_options, accumulation=2)


def test_a_run_does_not_go_on_beside_another_transformer(train_options, tiny_base, tmp_path):
    base = shutil.copytree(tiny_base, tmp_path / "base")
    # which is told by its encoders
    cache = shutil.copytree(train_options["cache"], tmp_path / "cache")
    facts = json.loads((cache / "cache.json").read_text())
    (cache / "cache.json").write_text(json.dumps({**facts, "encoder_digest": encoder_digest(base)}))
    options = {**train_options, "base": str(base), "cache": str(cache)}
    trainer = trainer_of(options)
    trainer.train_step()
    trainer.save()
    [path] = (base / "transformer").glob("*.safetensors")
    save_file({name: 2 * value for name, value in load_file(path).items()}, path)
    with pytest.raises(InputError, match="another model"):
        trainer_of(options)


def test_a_checkpoint_of_weights_that_are_not_finite_is_not_written(train_options):
    trainer = trainer_of(train_options)
    trainer.train_step()
    trainer.save()
    trainer.train_step()
    with torch.no_grad():
        next(iter(trainer.trained.values())).fill_(torch.nan)
    with pytest.raises(InputError, match="not finite at step 2.*|step_000001 is from before"):
        trainer.save()
    assert checkpoints.load_newest(Path(train_options["out"]) / "checkpoints").step == 1


def test_the_newest_of_a_million_steps_is_the_newest(tmp_path):
    for step in (999_999, 1_000_000):
        checkpoints.save_checkpoint(tmp_path, checkpoints.Checkpoint(step, {"w": torch.ones(1)}, {}, [], {}))
    assert checkpoints.load_newest(tmp_path).step == 1_000_000


def test_the_loss_scale_of_half_precision_is_kept(train_options):
    trainer = trainer_of(train_options)
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    trainer.train_step()
    facts = json.loads((trainer.save() / "facts.json").read_text())
    assert facts["scaler"]["scale"] == 8.0
    trainer.accelerator.scaler = torch.amp.GradScaler("cpu")
    trainer._resume(checkpoints.load_newest(trainer.out / "checkpoints"))
    assert trainer.accelerator.scaler.get_scale() == 8.0


def test_a_run_that_starts_from_another_takes_its_averages(tmp_path):
    own, averaged = {"vae.w": torch.ones(1), "vae.b": torch.ones(1)}, {"vae.w": torch.zeros(1)}
    checkpoints.save_checkpoint(tmp_path / "run" / "checkpoints", checkpoints.Checkpoint(3, own, averaged, [], {}))
    torch.save({"vae": {"w": torch.ones(1), "b": torch.ones(1)}, "averaged": averaged}, tmp_path / "last.pt")
    for source in ("run", "last.pt"):
        started = checkpoints.start_weights(str(tmp_path / source))
        assert {name: value.item() for name, value in started.items()} == {"vae.w": 0.0, "vae.b": 1.0}


def test_held_out_scenes_are_not_trained_on(train_options, tmp_path):
    folder = shutil.copytree(train_options["cache"], tmp_path / "cache")
    index = (folder / "index.jsonl").read_text()
    (folder / "index.jsonl").write_text(index.replace('"clip3"', '"clip_001000003.npz"'))
    with pytest.raises(InputError, match="1 scenes that are kept for evaluation, the first clip_001000003.npz"):
        trainer_of(train_options, cache=str(folder))
