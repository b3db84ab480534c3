"""The short form of `benchmarks.fuzz_files`: a few damaged files of every kind, the same ones every time."""

import json

import pytest

from benchmarks.fuzz_files import FAULTS, run_child, run_kind, table
from benchmarks.fuzz_seeds import kinds

FILES = 20


@pytest.mark.parametrize("name", kinds())
def test_damaged_files_are_taken_or_refused_by_name(name, tmp_path):
    run_kind(name, FILES, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == list(range(FILES))
    assert not [line for line in lines if line["outcome"] in FAULTS]


def test_the_table_counts_faults():
    lines, faults = table({"a": [{"outcome": "taken"}, {"outcome": "hang"}, {"outcome": "crash"}]})
    assert faults == 2 and lines[2].startswith("| a | 3 | 1 | 0 | 1 | 1 |")
    assert callable(run_child)
