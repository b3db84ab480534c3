import sys
from dataclasses import replace

import pytest

from tavid_planner.errors import ErrorCode, InputError
from training.judge.base import errors, load_run, main
from training.objectives.diffusion import add_noise
from training.trainer import Trainer


@pytest.fixture
def run(base_config, tmp_path):
    Trainer(base_config).run()
    return tmp_path / "run"


@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
def test_error_is_that_of_the_clean_latents(base_config, tmp_path, prediction, monkeypatch):
    Trainer(replace(base_config, prediction=prediction)).run()
    task = load_run(tmp_path / "run", tmp_path / "latents")

    def off_by_two(batch):  # what a model predicts whose clean latents are all 2 too large
        clean = task.cache.latents.float() * task.cache.scale
        alpha = task.noise_scheduler.alphas_cumprod[600]
        noise = (batch.inputs[:, :, :16] - alpha.sqrt() * clean) / (1 - alpha).sqrt()
        _, target, _ = add_noise(task.noise_scheduler, clean, noise, batch.timesteps)
        return target + (2 if prediction == "sample" else -2 / (1 - alpha).sqrt())

    monkeypatch.setattr(task, "predict", off_by_two)
    moving, _ = errors(task, 600, count=2)
    assert moving == pytest.approx(4.0, rel=1e-3)


def test_cells_are_told_apart_by_whether_they_move(run, tmp_path, monkeypatch):
    task = load_run(run, tmp_path / "latents")
    task.cache.latents[:, 1:] = task.cache.latents[:, :1]
    task.cache.latents[:, 1:, :, 0, 0] += 9.0
    clean = task.cache.latents.float()
    monkeypatch.setattr(task, "predict", lambda batch: batch.target + 3.0 * (clean - clean[:, :1] > 1))
    alpha = task.noise_scheduler.alphas_cumprod[400]
    assert errors(task, 400, count=2) == pytest.approx((float(9 * (1 - alpha)), 0.0), rel=1e-5)


def test_command_prints_a_line_for_every_timestep(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["judge_base", "--run", str(run), "--latents", str(tmp_path / "latents")])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert "2 clips" in lines[0] and [int(line.split()[0]) for line in lines[2:]] == [100, 200, 400, 600, 800, 950]


def test_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(InputError, match="run.json") as info:
        load_run(tmp_path, tmp_path)
    assert info.value.code == ErrorCode.FILE_INVALID
