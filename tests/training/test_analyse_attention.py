"""The choice of blocks from their scores."""

import numpy as np
import pytest
import yaml

from training.analyse_attention import KINDS, _Heats, block_table, choose_blocks, main, table_text
from training.bench.attention_scores import BlockScore


def rows_of(focus, outcomes, blocks=12):
    """Rows in which a block's focus is a function of the block and of whether the clip hits."""
    rows = []
    for outcome in outcomes:
        keys = [(f"{kind} {what} {b}", b) for kind, whats in KINDS.items() for what in whats for b in range(blocks)]
        scores = {key: [[focus(b, outcome), focus(b, outcome)]] * 2 for key, b in keys}
        effects = [0.2] * blocks
        rows.append({"seed": len(rows), "truth": scores, "outcome": outcome, "generated": scores, "effects": effects})
    return rows


def test_blocks_with_most_focus_are_chosen():
    table = block_table(rows_of(lambda b, _: 0.9 if b in (4, 7) else b / 100, [None]), 12)
    assert choose_blocks(table) == {"grounding": {"blocks": "4,7"}, "propagation": {"blocks": "4"}}
    assert [e["top_ten"] for e in table["v2t"]] == [0, 0, *[1] * 10]


def test_blocks_that_tell_hits_from_misses_are_chosen():
    def focus(block, outcome):
        return 0.5 + (0.1 if block == 9 and outcome == "hit" else 0.0)

    rows = rows_of(focus, ["hit", "wrong"] * 3)
    for row in rows:
        row["truth"] = {key: [[0.5, 0.5]] for key in row["truth"]}
    table = block_table(rows, 12)
    gaps = [e["gap"] for e in table["v2v"]]
    assert max(gaps) == gaps[9] > 1 and choose_blocks(table)["propagation"]["blocks"] == "9"


def test_a_block_without_effect_on_the_prediction_is_not_chosen():
    rows = rows_of(lambda b, _: 0.9 if b in (4, 7) else b / 100, [None])
    rows[0]["effects"][4] = 0.04
    table = block_table(rows, 12)
    assert table["v2v"][4]["effect"] == 0.04
    assert choose_blocks(table) == {"grounding": {"blocks": "7,11"}, "propagation": {"blocks": "7"}}


def test_the_table_marks_what_is_chosen():
    table = block_table(rows_of(lambda b, _: b / 100, [None]), 12)
    assert "| 11 * | 0.110 |" in table_text(table, choose_blocks(table), "a model")


def test_heat_maps_of_a_run_that_goes_on_are_of_all_its_scenes(tmp_path):
    score = BlockScore(0, 0, "v2v", "subject", 1.0, 1.0, np.ones((3, 2, 2), np.float16))
    for _ in range(2):  # two runs of a scene each
        heats = _Heats(tmp_path / "heat.npz")
        heats.add(score)
        heats.save()
    assert np.array_equal(_Heats(tmp_path / "heat.npz").sums["v2v subject 0"], np.full((2, 2), 2.0))


@pytest.mark.slow
def test_a_model_of_42_blocks_is_analysed_and_goes_on_where_it_was_stopped(tmp_path, capsys):
    from tiny_model import write_tiny_model

    base = write_tiny_model(tmp_path / "base", num_layers=42, max_text_seq_length=64, sample_frames=17)
    out = tmp_path / "analysis"
    arguments = ["--model", str(base), "--adapter", "none", "--steps", "1", "--out", str(out)]
    assert main([*arguments, "--count", "1"]) == 0
    before = (out / "scores.jsonl").read_text()
    assert main([*arguments, "--count", "2"]) == 0
    assert (out / "scores.jsonl").read_text().startswith(before)
    choice = yaml.safe_load((out / "choice.yaml").read_text())
    blocks = [int(b) for b in choice["grounding"]["blocks"].split(",")]
    assert len(blocks) == 2 and all(0 <= b < 42 for b in blocks)
    assert (out / f"v2t_block{blocks[0]}.png").is_file() and "2 scenes" in capsys.readouterr().out


def test_a_folder_takes_the_scores_of_one_model(tmp_path, tiny_base, capsys):
    (tmp_path / "analysis.json").write_text('{"generate": false, "base_digest": "of another model"}')
    assert main(["--model", str(tiny_base), "--adapter", "none", "--out", str(tmp_path)]) == 2
    assert "holds scores with another video, base_digest" in capsys.readouterr().err


def test_a_missing_model_is_one_line(tmp_path, capsys):
    code = main(["--model", str(tmp_path / "nothing"), "--adapter", "none", "--out", str(tmp_path / "out")])
    assert code == 4 and len(capsys.readouterr().err.splitlines()) == 1
