import numpy as np
import pytest

from training import evaluate
from training.configuration import load_training_config
from training.intergeneval import pair_ablation
from training.intergeneval.ablation import MATRIX_ROWS
from training.intergeneval.pair_ablation import JUDGED_AT, pair_table


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


def test_options_of_the_command_are_those_of_every_training(tmp_path, monkeypatch):
    config, trained = tmp_path / "config.yaml", []
    config.write_text("conditioning: id_map\nmixed_precision: bf16\n")
    monkeypatch.setattr(pair_ablation, "train_once", lambda config, options, run, steps: trained.append(options))
    monkeypatch.setattr(pair_ablation, "load_pairs", lambda adapter, base, cache: None)
    monkeypatch.setattr(pair_ablation, "explained", lambda task, timestep: np.zeros(2))
    main = ["--ablation", "--matrix", "--config", str(config), "--pairs", "cache", "--out", str(tmp_path / "out")]
    evaluate.main([*main, "--rows", "data_only", "--seeds", "1", "--steps-per-run", "3", "mixed_precision=no"])
    assert [load_training_config(config, options).mixed_precision for options in trained] == ["no"]
    assert "mixed_precision='no'" in (tmp_path / "out" / "ablation.json").read_text()


def test_options_of_trainings_are_refused_where_nothing_is_trained(capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--bench", "mixed_precision=no"])
    assert "'mixed_precision=no' is an option of trainings" in capsys.readouterr().err
