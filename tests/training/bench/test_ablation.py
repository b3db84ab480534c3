import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from tavid_planner.errors import InputError
from training.bench.ablation import ablation_rows, ablation_table, agreed_steps, chosen_rows, train_once
from training.bench.scoring import VideoScore
from training.configuration import TrainConfig, load_training_config
from training.objectives.block_choice import parse_block_choice

TOUCH = VideoScore("hit", 0.5, "kept", 30.0, 0.05, 0.99)
MISS = replace(TOUCH, outcome="none", target_share=0.0)


def test_options_of_every_row_are_a_valid_training(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("steps: 3")
    for row in ablation_rows(4, 8):
        options = load_training_config(config, list(row.options or ()))
        blocks = parse_block_choice(options.attention.blocks, 24)
        assert row.options is None or len(blocks.candidates) >= 1
    by_name = {row.name: row.options for row in ablation_rows(4, 8)}
    assert "attention.blocks=4 fixed of 0-7" in by_name["random_blocks"]
    assert "attention.direction=t2v" in by_name["t2v"]


def test_table_pools_seeds_and_says_where_the_order_is_not_the_papers():
    rows = tuple(r for r in ablation_rows(4, 8) if r.name in ("no_mask", "data_only", "lambda_0.1"))
    scores = {
        "no_mask": [[MISS, MISS]] * 2,
        "data_only": [[TOUCH, TOUCH], [TOUCH, MISS]],
        "lambda_0.1": [[TOUCH, MISS]] * 2,
    }
    text = ablation_table(rows, scores, steps=10, num_scenes=2)
    line = next(line for line in text.splitlines() if line.startswith("| data_only"))
    assert "| 4 | 0.75 [" in line and line.endswith("| 1.00, 0.50 | 0.688 |")
    assert text.endswith("data_only 0.75 against lambda_0.1 0.50")
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_unknown_row_lists_the_valid_ones():
    with pytest.raises(InputError, match="uniform_blocks"):
        chosen_rows(ablation_rows(4, 8), ["lambda_2"])


def test_all_trainings_of_a_folder_make_equally_many_steps(tmp_path):
    config = TrainConfig()
    facts = {"minutes_per_run": 5, "config": repr(config), "steps": 120}
    (tmp_path / "ablation.json").write_text(json.dumps(facts))
    assert agreed_steps(tmp_path, config, 5) == 120
    with pytest.raises(InputError, match="another minutes_per_run"):
        agreed_steps(tmp_path, config, 6)
    with pytest.raises(InputError, match="another config"):
        agreed_steps(tmp_path, replace(config, seed=1), 5)
    with pytest.raises(InputError, match="another minutes_per_run, steps"):
        agreed_steps(tmp_path, config, 5, steps=70)
    assert agreed_steps(tmp_path / "another", config, 5, steps=70) == 70


def test_a_damaged_file_of_an_ablation_is_named(tmp_path):
    (tmp_path / "ablation.json").write_text('{"steps"')
    with pytest.raises(InputError, match="ablation.json"):
        agreed_steps(tmp_path, TrainConfig(), 5)


def test_a_limit_of_the_config_in_minutes_gives_no_training_fewer_steps(tmp_path, monkeypatch):
    commands, config = [], tmp_path / "config.yaml"
    config.write_text("minutes: 3")
    run = lambda command, **_: commands.append(command) or SimpleNamespace(returncode=0)  # noqa: E731
    monkeypatch.setattr("training.bench.ablation.subprocess.run", run)
    train_once(config, ["steps=7"], tmp_path / "row", 7)
    options = load_training_config(config, commands[0][commands[0].index(str(config)) + 1 :])
    assert (options.steps, options.minutes) == (7, 0)


def test_a_training_that_was_killed_while_it_wrote_its_adapter_is_not_done(train_options, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({**train_options, "steps": 1}))
    run = tmp_path / "row"
    train_once(config, [], run, 1)
    conv = run / "adapter" / "patch_embed_conv2d.safetensors"
    conv.unlink()
    train_once(config, [], run, 1)
    assert conv.is_file()
