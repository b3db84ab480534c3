"""A network is loaded once, and anew when its files are no longer the same."""

import os

import pytest

from hoi_motion.reading.model_folder import kept_while_unchanged


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("first")
    return tmp_path / "model"


@pytest.fixture
def load():
    return kept_while_unchanged(lambda folder, kind="a": [kind, (folder / "weights").read_text()])


def _written_over(folder):
    (folder / "weights").write_text("other")
    os.utime(folder / "weights", ns=(1, 1))


def _put_in_its_place(folder):
    """Of the same size and time, as a copy that keeps times."""
    now = os.stat(folder / "weights")
    (folder / "new").write_text("other")
    os.utime(folder / "new", ns=(now.st_atime_ns, now.st_mtime_ns))
    (folder / "new").replace(folder / "weights")


def _behind_its_link(folder):
    (folder / "weights").rename(folder.parent / "blob")
    (folder / "weights").symlink_to(folder.parent / "blob")
    _written_over(folder)


@pytest.mark.parametrize("change", [_written_over, _put_in_its_place, _behind_its_link])
def test_files_that_change_are_loaded_anew(folder, load, change):
    assert load(folder) is load(folder) == ["a", "first"]
    change(folder)
    assert load(folder) == ["a", "other"]


def test_a_file_that_comes_counts(folder, load):
    first = load(folder)
    (folder / "config").touch()
    assert load(folder) is not first


def test_a_file_that_changes_in_a_folder_below_counts(folder, load):
    (folder / "part").mkdir()
    (folder / "part" / "weights").write_text("first")
    first = load(folder)
    (folder / "part" / "weights").write_text("another")
    assert load(folder) is not first


def test_a_folder_by_another_path_is_the_same_one(folder, load, monkeypatch):
    (folder.parent / "link").symlink_to(folder)
    monkeypatch.chdir(folder.parent)
    assert load(folder.parent / "link") is load("model") is load(folder)


def test_how_it_is_loaded_counts(folder, load):
    assert load(folder, "b") == ["b", "first"] != load(folder, "a")
