"""The comparison with another project: what is said when that cannot be run, and its table."""

import math

import pytest

from benchmarks.beside_gmr import WORDS, Gmr, table
from benchmarks.mocap import read_recording
from hoi_motion.errors import InputError


def test_a_folder_that_is_no_checkout_is_named(tmp_path):
    with pytest.raises(InputError, match="no .*g1_custom_collision_29dof.urdf"):
        Gmr(tmp_path, "python3")


def test_a_recording_without_its_skeleton_is_named(tmp_path):
    (tmp_path / "a.amc").write_text("1\nroot 0 0 0 0 0 0\n")
    with pytest.raises(InputError, match="0 .asf files beside"):
        read_recording(tmp_path / "a.amc", None)


def test_the_table_sums_counts_takes_the_worst_and_leaves_out_what_does_not_apply():
    row = dict.fromkeys(WORDS, 1.0)
    rows = [
        {"ours": row | {"turned_back": 2.0, "slide_mm": 0.5, "hand_gap_mm": math.nan}, "gmr": row},
        {"ours": row | {"turned_back": 3.0, "slide_mm": 4.0, "hand_gap_mm": math.nan}, "gmr": row},
    ]
    told = {line[:72].strip(): line[72:].split() for line in table(rows)}
    assert told[WORDS["turned_back"]] == ["5", "2"]
    assert told[WORDS["slide_mm"]] == ["4", "1"] and told[WORDS["hand_gap_mm"]] == ["-", "1"]
