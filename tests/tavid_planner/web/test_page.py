"""What the page needs of the machine."""

import errno

import pytest

from hoi_motion.segment import MaskPrompt
from tavid_planner.web.runs import run
from tavid_planner.web.visits import TARGET
from tests.tavid_planner.web.conftest import MINI


def test_a_video_is_shown_on_a_machine_with_an_ffmpeg_and_no_ffprobe(tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    from tavid_planner.web.page import shown_video

    (tmp_path / "ffmpeg").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "film.mp4").write_bytes(b"clip")
    shown = shown_video()
    assert shown.postprocess(str(tmp_path / "film.mp4")).path == str(tmp_path / "film.mp4")
    assert shown.postprocess(None) is None


def test_a_plan_is_shown_where_the_disk_has_no_room_for_its_copies(desk, visits, make_request, monkeypatch):
    pytest.importorskip("gradio")
    from tavid_planner.web import page

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    visit = visits.of("one")
    visit.show(make_request().rgb)
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    last = list(run(desk, visit, visit.request("picks up the [TGT] mug", 0, 1), MINI))[-1]
    monkeypatch.setattr(page, "packed", full)
    verdict, *pictures, _, checks, download = page.Page(desk, visits).answer(visit, last)
    assert "cannot be handed over: No space left" in verdict and "<table" in checks
    assert pictures == [None] * 4 and not download.interactive and visit.shown is None


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_loaded(capsys):
    pytest.importorskip("gradio")
    from tavid_planner.cli.web import main

    assert main(["--bundles", "/proc"]) == 2
    assert "cannot write /proc" in capsys.readouterr().err
