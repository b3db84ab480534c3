import errno
import gc
import os
import signal
import subprocess
import sys
import time

import pytest

from hoi_motion.errors import CheckError, ErrorCode, InputError
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.lift import main as lift


def raising(error):
    def function(argv):
        raise error

    return function


@pytest.mark.parametrize(
    "error, code",
    [
        (InputError(ErrorCode.FILE_INVALID, "bad file"), 2),
        (CheckError(ErrorCode.CHECK_FAILED, "failed"), 3),
        (CheckError(ErrorCode.CHECK_NOT_RUN, "no body"), 4),
        (MemoryError(), 4),
        (ImportError("no module named x"), 4),
        (ZeroDivisionError("division by zero"), 4),
        (OSError(errno.ENOSPC, "No space left on device"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "closed.npz"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_becomes_its_exit_code_and_one_line(capsys, error, code):
    assert run_command(raising(error), []) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and output.err.count("\n") == 1


def test_debug_adds_the_traceback(capsys):
    assert run_command(raising(InputError(ErrorCode.FILE_INVALID, "bad file")), ["--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_the_code_of_the_function_is_passed_on():
    assert run_command(lambda argv: 3, []) == 3


def test_bad_usage_is_2_and_help_is_0(capsys):
    def function(argv):
        command_parser("hoi-test", "A test.").parse_args(argv)
        return 0

    assert run_command(function, ["--nonsense"]) == 2
    assert run_command(function, ["--help"]) == 0
    assert run_command(function, []) == 0


@pytest.mark.parametrize("argv", [["--depth", ""], ["--depth="], ["--depth", "a", "--times", "1", ""]])
def test_an_empty_argument_is_named_and_not_taken_for_none(capsys, argv):
    def function(argv):
        parser = command_parser("hoi-test", "A test.")
        parser.add_argument("--depth")
        parser.add_argument("--times", nargs="+")
        parser.parse_args(argv)
        return 0

    assert run_command(function, argv) == 2
    name = "--times" if "--times" in argv else "--depth"
    assert f"argument {name}: its value is empty" in capsys.readouterr().err


def test_an_object_may_have_no_name(capsys, tmp_path):
    """Scripts pass --noun "$NOUN" whatever it is: empty is its default."""
    missing = str(tmp_path / "none.mp4")
    argv = ["--video", missing, "--mask", missing, "--noun", "", "--out", str(tmp_path / "out.npz")]
    assert lift(argv) == 2
    assert "value is empty" not in (said := capsys.readouterr().err) and "none.mp4" in said


def test_a_name_that_is_no_text_can_be_printed(capfd):
    assert run_command(lambda argv: print("wrote \udcff.npz") or 0, []) == 0
    assert capfd.readouterr().out == "wrote \\udcff.npz\n"


def test_a_folder_that_was_removed_meanwhile_is_named(capsys, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run_command(lambda argv: len(os.getcwd()), []) == 2
    assert "the current folder has been removed" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_process_lets_the_command_clear_up(capsys, number):
    cleared = []

    def function(argv):
        try:
            os.kill(os.getpid(), number)
        finally:
            cleared.append(True)
        return 0

    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    try:
        assert run_command(function, []) == 130 and cleared
        assert capsys.readouterr().err.startswith("error: CANCELLED")
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_ctrl_c_that_falls_into_the_garbage_collector_is_not_lost(capsys):
    """Python drops what is raised there; libraries add callbacks that run there."""

    def falls_here(phase, info):
        gc.callbacks.remove(falls_here)
        signal.raise_signal(signal.SIGINT)

    def function(argv):
        gc.callbacks.append(falls_here)
        gc.collect()
        time.sleep(10)
        return 0

    hook = sys.unraisablehook
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
    try:
        assert run_command(function, []) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "error: CANCELLED (900): cancelled\n"
    assert sys.unraisablehook is hook


def test_a_command_under_nohup_outlives_its_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_command(lambda argv: os.kill(os.getpid(), signal.SIGHUP) or 0, []) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


SCRIPT = """
import os, sys
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.scripts.command import run_command

def function(argv):
    print("words")
    if argv:
        raise InputError(ErrorCode.FILE_INVALID, "bad file")
    os.write(1, b"native words")  # like a library's
    return 0

sys.exit(run_command(function))
"""


@pytest.mark.parametrize(
    "shell, code",
    [
        ('exec "$@" >&-', 0),
        ('exec "$@" wrong >&- 2>&-', 2),
        ('exec "$@" wrong >/dev/null 2>/dev/full', 2),
        ('exec "$@" >/dev/full', 2),
    ],
)
def test_the_exit_code_is_right_where_nothing_can_be_printed(shell, code):
    assert subprocess.run(["sh", "-c", shell, "sh", sys.executable, "-c", SCRIPT], timeout=60).returncode == code
