import re
from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.io import read_motion
from hoi_motion.io.formats import FORMATS, OPTIONS, READABLE, format_of, taking
from hoi_motion.scripts import convert

DOCS = Path(__file__).parents[3] / "docs" / "formats.md"


def test_the_page_of_formats_names_every_row_and_every_option():
    text = DOCS.read_text()
    named = set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert named == set(READABLE)
    assert all(f"`{row.name}`" in text for row in FORMATS)
    assert all(f"--{option.replace('_', '-')}" in text for option in OPTIONS)


def test_another_s_file_with_an_entry_meta_is_not_ours(tmp_path):
    arrays = dict(poses=np.zeros((2, 165)), trans=np.zeros((2, 3)), betas=np.zeros(10), mocap_frame_rate=30.0)
    np.savez(tmp_path / "a.npz", **arrays, meta=np.array("{}"))
    assert format_of(tmp_path / "a.npz") == "amass"


def test_help_lists_every_row_and_option(capsys):
    assert convert.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"^  {row.name} .*{re.escape(row.what)}", text, re.M) for row in FORMATS)
    assert all(f"--{option.replace('_', '-')}" in text for option in OPTIONS)


@pytest.mark.parametrize("row", FORMATS, ids=lambda row: row.name)
def test_a_row_needs_what_it_takes(row):
    assert set(row.needs) <= set(row.takes) <= set(OPTIONS) and (row.read or row.write)
    assert bool(row.read) == bool(row.looks_like)


@pytest.mark.parametrize(
    "option, value", [("fps", 30), ("person", 1), ("up", "y"), ("unit", "mm"), ("object_mesh", "m")]
)
def test_an_option_that_a_format_does_not_take_is_refused_with_those_that_do(motion, tmp_path, option, value):
    motion.save(tmp_path / "m.npz")
    with pytest.raises(InputError, match=f"FILE_INVALID.*leave {option} out; it is for {taking(option)[0]}"):
        read_motion(tmp_path / "m.npz", **{option: value})


@pytest.mark.parametrize("option, value", [("up", "w"), ("unit", "inch"), ("fps", 0), ("fps", float("nan"))])
def test_a_value_that_is_none_is_refused(option, value):
    with pytest.raises(InputError, match=f"FILE_INVALID.*{option} is"):
        read_motion(Path(__file__).parent / "yup.npz", **{option: value})
