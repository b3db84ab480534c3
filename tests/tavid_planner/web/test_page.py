"""What the page needs of the machine."""

import pytest


def test_a_video_is_shown_on_a_machine_with_an_ffmpeg_and_no_ffprobe(tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    from tavid_planner.web.page import shown_video

    (tmp_path / "ffmpeg").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "film.mp4").write_bytes(b"clip")
    shown = shown_video()
    assert shown.postprocess(str(tmp_path / "film.mp4")).path == str(tmp_path / "film.mp4")
    assert shown.postprocess(None) is None
