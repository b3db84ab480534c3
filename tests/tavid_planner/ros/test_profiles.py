"""A request may name a profile, never a path; what stands in a file is not told to the client."""

import os
from pathlib import Path

import pytest

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.profiles import check_profile_file, requested_profile


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "quick.yaml").write_text("name: quick\nvideo: {num_inference_steps: 2}\n")
    (tmp_path / "outside.yaml").write_text("name: outside\n")
    return tmp_path / "profiles"


@pytest.mark.parametrize("name", ["quick", "quick.yaml", "mini"])
def test_names_are_found_among_ours_and_in_the_folder(folder, name):
    assert requested_profile(name, str(folder)).name == name.removesuffix(".yaml")


@pytest.mark.parametrize(
    "name", ["quick", "../outside", "../outside.yaml", "/etc/hostname", "~/x.yaml", "a/b", "..", ""]
)
def test_paths_and_unknown_names_are_refused(folder, name):
    where = "" if name == "quick" else str(folder)
    with pytest.raises(TavidError) as error:
        requested_profile(name, where)
    assert error.value.code is ErrorCode.CONFIG_INVALID and "mini" in error.value.hint


def test_absolute_path_is_refused_though_the_file_exists(folder):
    with pytest.raises(TavidError, match="unknown profile"):
        requested_profile(str(folder.parent / "outside.yaml"), str(folder))


def test_link_does_not_lead_out_of_the_folder(folder):
    (folder / "link.yaml").symlink_to(folder.parent / "outside.yaml")
    with pytest.raises(TavidError, match="unknown profile"):
        requested_profile("link", str(folder))


@pytest.mark.parametrize(
    "text", ["secret_option: top secret", "[top secret", "top secret", "video: {width: top secret}"]
)
def test_text_of_a_file_is_not_in_the_answer(folder, text):
    (folder / "broken.yaml").write_text(text)
    with pytest.raises(TavidError) as error:
        requested_profile("broken", str(folder))
    assert "secret" not in str(error.value) and "log" in error.value.hint


def test_pipe_device_and_giant_are_no_profiles(folder):
    os.mkfifo(folder / "pipe.yaml")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "giant.yaml").write_bytes(b" " * 10**6)
    for name in ("pipe", "zero", "giant"):
        with pytest.raises(TavidError):
            requested_profile(name, str(folder))
    with pytest.raises(TavidError, match="not a file"):
        check_profile_file(folder / "pipe.yaml")


def test_folder_that_may_not_be_looked_into_holds_no_profile(folder, monkeypatch):
    stat = Path.stat

    def forbidden_there(path, **how):
        if path.is_relative_to(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, **how)

    monkeypatch.setattr(Path, "stat", forbidden_there)
    with pytest.raises(TavidError, match="unknown profile") as error:
        requested_profile("quick", str(folder))
    assert error.value.code is ErrorCode.CONFIG_INVALID
