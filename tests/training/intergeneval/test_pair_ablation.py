import shutil

import numpy as np
import pytest

from training import evaluate
from training.configuration import load_training_config
from training.intergeneval import pair_ablation
from training.intergeneval.ablation import MATRIX_ROWS
from training.intergeneval.pair_ablation import JUDGED_AT, pair_table
from training.json_lines import read_lines


def line(row, seed, *shares):
    return {"row": row, "seed": seed, "steps": 5, "explained": {str(JUDGED_AT): list(shares)}}


def test_rows_are_compared_with_data_alone_pair_by_pair_on_the_seeds_that_both_have():
    lines = [line("data_only", 0, 0.1, 0.5), line("spa", 0, 0.2, 0.6), line("spa", 1, 0.9, 0.9)]
    rows = pair_table(MATRIX_ROWS, lines, steps=5).splitlines()[3:]
    assert [row.split(":")[0] for row in rows] == ["| data_only", "| spa"]
    # by seed 0.400 and 0.900; against data alone of seed 0: +0.1 in both pairs
    assert "0.400, 0.900" in rows[1] and "+0.100 [+0.100, +0.100]" in rows[1] and "| - | 0.486 |" in rows[0]


def test_rows_without_a_training_yet_are_left_out():
    assert len(pair_table(MATRIX_ROWS, [line("base", 0, 0.0, 0.1)], 5).splitlines()) == 4


@pytest.fixture
def ablate(tmp_path, tiny_cache, monkeypatch):
    """The command without its trainings and judge, of which the row and the options of each training are kept."""
    config, trained = tmp_path / "config.yaml", []
    config.write_text("conditioning: id_map\nmixed_precision: bf16\n")
    monkeypatch.setattr(pair_ablation, "train_once", lambda config, options, run, steps: trained.append(options))
    monkeypatch.setattr(pair_ablation, "load_pairs", lambda adapter, base, cache: None)
    monkeypatch.setattr(pair_ablation, "explained", lambda task, timestep: np.zeros(2))

    def run(*options, pairs=tiny_cache):
        main = [
            "--ablation",
            "--matrix",
            "--config",
            str(config),
            "--pairs",
            str(pairs),
            "--out",
            str(tmp_path / "out"),
        ]
        evaluate.main([*main, "--steps-per-run", "3", "--rows", "data_only,spa", *options])
        return [load_training_config(config, options) for options in trained]

    return run


def test_options_of_the_command_are_those_of_every_training(ablate, tmp_path):
    assert {config.mixed_precision for config in ablate("--seeds", "1", "mixed_precision=no")} == {"no"}
    assert "mixed_precision='no'" in (tmp_path / "out" / "ablation.json").read_text()


def test_an_ablation_that_was_killed_while_it_wrote_a_line_goes_on(ablate, tmp_path):
    lines = tmp_path / "out" / "pairs.jsonl"
    ablate("--seeds", "1")
    lines.write_bytes(lines.read_bytes()[:-20])
    ablate("--seeds", "1")
    ablate("--seeds", "2")
    assert [(line["row"], line["seed"]) for line in read_lines(lines)] == [
        ("data_only", 0),
        ("spa", 0),
        ("data_only", 1),
        ("spa", 1),
    ]


def test_shares_of_other_pairs_are_not_mixed_with_those_that_are_there(ablate, tiny_cache, tmp_path, capsys):
    ablate("--seeds", "1")
    fewer = shutil.copytree(tiny_cache, tmp_path / "fewer")
    index = (fewer / "index.jsonl").read_text().splitlines(keepends=True)
    (fewer / "index.jsonl").write_text(index[0])
    with pytest.raises(SystemExit) as ended:
        ablate("--seeds", "2", pairs=fewer)
    assert ended.value.code == 2 and "holds shares with another pairs" in capsys.readouterr().err


def test_options_of_trainings_are_refused_where_nothing_is_trained(capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--bench", "mixed_precision=no"])
    assert "'mixed_precision=no' is an option of trainings" in capsys.readouterr().err
