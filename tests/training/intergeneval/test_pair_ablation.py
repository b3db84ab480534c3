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
