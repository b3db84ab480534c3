import sys

import cv2
import pytest

from training.scenes.__main__ import main


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["scenes", *map(str, arguments)])
    return main()


def test_preview_is_a_picture_with_one_row_a_clip(tmp_path, monkeypatch):
    sheet = tmp_path / "sheet.png"
    assert (
        run(monkeypatch, "--count", 2, "--size", "32x48", "--frames", 5, "--out", tmp_path / "d", "--preview", sheet)
        == 0
    )
    assert cv2.imread(str(sheet)).shape == (2 * (16 + 160), 6 * 240, 3)


@pytest.mark.parametrize("size", ["32", "32x", "4x4", "wide"])
def test_bad_size_is_a_usage_error(tmp_path, monkeypatch, capsys, size):
    with pytest.raises(SystemExit) as caught:
        run(monkeypatch, "--count", 1, "--size", size, "--out", tmp_path)
    assert caught.value.code == 2 and "128x192" in capsys.readouterr().err


def test_folder_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    assert run(monkeypatch, "--count", 1, "--out", tmp_path / "file") == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_pair_of_one_object_and_a_scene_without_arrangement_are_one_line(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, "--count", 2, "--pairs", "--candidates", 1, "--out", tmp_path / "one") == 2
    assert "two objects" in capsys.readouterr().err
    monkeypatch.setattr("training.scenes.pairs_of_targets.MAX_PAIR_ATTEMPTS", 0)
    assert run(monkeypatch, "--count", 2, "--pairs", "--out", tmp_path / "none") == 2
    assert "\nerror: pair 0: no valid scenes in 0 attempts\n" in capsys.readouterr().err
