"""The progress bar of commands."""

import io
import sys

from hoi_motion.scripts.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_each_stage(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with ProgressBar() as on_progress:
        on_progress("lift", 0.5)
        on_progress("check", 2.0)
    assert "lift" in screen.getvalue() and " 50%" in screen.getvalue() and "check" in screen.getvalue()
    assert "200%" not in screen.getvalue()


def test_a_file_gets_nothing(monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with ProgressBar() as on_progress:
        on_progress("lift", 0.5)
    assert log.getvalue() == ""
