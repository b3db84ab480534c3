from pathlib import Path

import pytest

from training.configuration import load_training_config
from training.intergeneval.ablation import MATRIX_ROWS, matrix_table, paired

CONFIG = Path("config/training/matrix-ablation.yaml")


def line(yes: int, outcome: str = "hit") -> dict:
    answers = [[True] * yes + [False] * (10 - yes)]
    return {"answers": answers, "emerged": [False] * 3, "vanished": [False] * 3, "outcome": outcome}


def test_each_row_has_its_losses_and_no_others():
    config = load_training_config(CONFIG)
    names = {}
    for row in MATRIX_ROWS:
        if row.options(config) is None:
            continue
        options = load_training_config(CONFIG, row.options(config))
        alignment = options.alignment
        names[row.name] = (
            bool(options.attention.weight),
            bool(alignment.propagation.weight),
            bool(alignment.grounding.weight) and alignment.grounding.direction,
        )
    assert names == {
        "data_only": (False, False, False),
        "target": (True, False, False),
        "target_tenth": (True, False, False),
        "target_tenfold": (True, False, False),
        "spa": (False, True, False),
        "sga_t2v": (False, False, "t2v"),
        "sga_v2t": (False, False, "v2t"),
        "spa_sga": (False, True, "v2t"),
        "spa_sga_tenth": (False, True, "v2t"),
        "spa_sga_tenfold": (False, True, "v2t"),
        "all": (True, True, "v2t"),
    }


def test_scenes_are_compared_with_themselves():
    # every scene gains one of ten questions, however different the scenes are: no doubt about the difference
    reference, mine = [[line(2), line(8)]] * 2, [[line(3), line(9)]] * 2
    assert paired(mine, reference).startswith("+0.1") and "[+0." in paired(mine, reference)
    assert paired(reference, reference) == "+0.000 [+0.000, +0.000]"


def test_table_names_every_row_with_its_seeds_and_the_papers_value():
    rows = tuple(r for r in MATRIX_ROWS if r.name in ("data_only", "spa_sga"))
    judged = {"data_only": [[line(5)] * 3, [line(6)] * 3], "spa_sga": [[line(9, "none")] * 3] * 2}
    text = matrix_table(rows, judged, steps=7)
    assert "7 steps" in text and len({row.count("|") for row in text.splitlines() if row.startswith("|")}) == 1
    best = next(row for row in text.splitlines() if row.startswith("| spa_sga"))
    assert best.endswith("| 0.593 |") and "0.000 [0.000, 0.562]" in best  # no hit


def test_weights_of_a_row_are_those_of_the_config():
    config = load_training_config(CONFIG, ["alignment.propagation.weight=0.3"])
    spa, tenfold = (next(row for row in MATRIX_ROWS if row.name == name) for name in ("spa", "spa_sga_tenfold"))
    assert load_training_config(CONFIG, tenfold.options(config)).alignment.propagation.weight == pytest.approx(3)
    assert "alignment.propagation.weight=0.3" in spa.options(config)
    assert load_training_config(CONFIG, spa.options(config)).alignment.propagation.weight == pytest.approx(0.3)
