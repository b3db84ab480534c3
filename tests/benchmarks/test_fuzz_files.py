"""The short form of `benchmarks.fuzz_files`: a few damaged files of every kind, the same ones every time."""

import subprocess
import sys

import pytest

from benchmarks.fuzz_files import FAULTS, results, table
from benchmarks.fuzz_seeds import kinds

FILES = 12
READ_ALL = """
import sys
from pathlib import Path
from benchmarks.fuzz_files import run_child
for name in sys.argv[3:]:
    run_child(name, 0, int(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Results of one child that read all kinds."""
    out = tmp_path_factory.mktemp("fuzz")
    subprocess.run([sys.executable, "-c", READ_ALL, str(FILES), str(out), *kinds()], capture_output=True, timeout=600)
    return out


@pytest.mark.parametrize("name", kinds())
def test_damaged_files_are_taken_or_refused_by_name(name, folder):
    lines = results(name, folder)
    assert [line["index"] for line in lines] == list(range(FILES))
    assert not [line for line in lines if line["outcome"] in FAULTS]


def test_the_table_counts_faults():
    lines, total = table({"a": [{"outcome": "taken"}, {"outcome": "hang"}, {"outcome": "crash"}]})
    assert sum(total[fault] for fault in FAULTS) == 2 and lines[2].startswith("| a | 3 | 1 | 0 | 1 | 1 |")
