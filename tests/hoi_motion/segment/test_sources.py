"""The table of segmenters."""

from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.segment.prompt import MaskPrompt
from hoi_motion.segment.sources import SEGMENTERS, segment, segmenter

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("name", ["", "sam", "sam:", "grabcut:x", "grabcut "])
def test_another_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(InputError) as error:
        segmenter(name)
    assert error.value.code == ErrorCode.CONFIG_INVALID
    assert all(row.name in error.value.hint for row in SEGMENTERS)


def test_every_row_stands_in_the_page_about_masks():
    page = (ROOT / "docs" / "masks.md").read_text()
    assert [row.name for row in SEGMENTERS if f"`{row.name}`" not in page] == []


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(InputError, match="IMAGE_INVALID.*5x0 pixels"):
        segment(np.zeros((0, 5, 3), np.uint8), MaskPrompt(click_px=(1, 1)))


def test_a_tilde_stands_for_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TavidError, match=f"{tmp_path}/none"):
        segmenter("sam:~/none")
