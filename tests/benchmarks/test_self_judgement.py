"""The measure of what the lift says of itself."""

import json

import numpy as np
import pytest

from benchmarks.self_judgement import auc, main


def test_auc_is_the_share_of_pairs_in_order():
    says, wrong = np.array([0.9, 0.2, 0.5, 0.2]), np.array([True, True, False, False])
    assert auc(says, wrong) == pytest.approx((2 + 0.5) / 4)


def test_auc_without_a_wrong_one_is_unknown():
    assert np.isnan(auc(np.array([0.1]), np.array([False])))


def test_rows_of_several_files_are_judged_together(tmp_path, capsys):
    row = {"frames_within": 1.0, "frames_within_5_percent": 0.9, "worst_frame_picture": 0.02}
    for name, space, says in (("a", 0.2, 0.7), ("b", 0.05, 0.3)):
        rows = [row | {"worst_frame_space": space, "wrong_probability": says}, {"error": "no person"}]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert main([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]) == 0
    line = capsys.readouterr().out.splitlines()[-2].split()
    assert line == ["all", "2", "0", "nan", "1", "1.00"]
