"""The table of keypoint sources and what follows from it."""

import sys
from pathlib import Path

import pytest

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints
from hoi_motion.keypoints.sources import SOURCES, keypoint_source
from hoi_motion.scripts.lift import _parser

DOCS = Path(__file__).parents[3] / "docs" / "lifting.md"


def test_a_name_is_of_the_source_that_it_names():
    assert isinstance(keypoint_source("mediapipe"), MediaPipeKeypoints)


def test_what_stands_for_folder_and_file_goes_to_their_sources():
    arguments = {source.name: source.argument("vitpose:a.npz/b") for source in SOURCES}
    assert arguments == {"mediapipe": None, "low-resolution": None, "vitpose:FOLDER": "a.npz/b", "FILE.npz": None}
    assert SOURCES[-1].argument("a/b.npz") == "a/b.npz"


def test_a_detector_that_is_not_installed_is_named_before_it_is_used(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(TavidError, match=r"pip install .*mediapipe") as caught:
        keypoint_source("mediapipe")
    assert caught.value.code == ErrorCode.MODEL_MISSING


def test_an_unknown_name_is_answered_with_every_known_one():
    with pytest.raises(InputError) as caught:
        keypoint_source("openpose")
    assert caught.value.code == ErrorCode.CONFIG_INVALID
    assert all(source.name in str(caught.value) for source in SOURCES)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_commands_help_names_the_source(source):
    assert source.name in next(a.help for a in _parser()._actions if a.dest == "keypoints")


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_docs_list_the_source_as_the_table_has_it(source):
    assert f"| `{source.name}` | {source.help} | {source.needs} |" in DOCS.read_text()


@pytest.mark.parametrize("name", ["vitpose:~/none", "~/none.npz"])
def test_a_tilde_stands_for_the_home_folder(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TavidError, match=f"{tmp_path}/none"):
        keypoint_source(name)
