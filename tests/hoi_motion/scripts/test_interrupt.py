"""Ctrl-C in a real process of its own, at a place that the test chooses."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hoi_motion.scripts.command import run_command
from hoi_motion.scripts.interrupt import was_interrupted

ROOT = Path(__file__).resolve().parents[3]
CANCELLED = "error: CANCELLED (900): cancelled\n"


@pytest.fixture(autouse=True)
def usual_ctrl_c():
    """Whoever runs the tests may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def drops_everything():
    """Like a library's bare except."""
    try:
        signal.raise_signal(signal.SIGINT)
    except:  # noqa: E722
        pass


def test_ctrl_c_in_a_bare_except_is_not_lost(capsys):
    def function(argv):
        drops_everything()
        time.sleep(30)
        return 0

    start = time.monotonic()
    assert run_command(function, []) == 130 and time.monotonic() - start < 30
    assert capsys.readouterr().err == CANCELLED


def test_ctrl_c_that_a_library_makes_its_own_error_is_a_cancel(capsys):
    def function(argv):
        try:
            signal.raise_signal(signal.SIGINT)
        except BaseException as error:
            raise RuntimeError("failed to import") from error

    assert run_command(function, []) == 130
    assert capsys.readouterr().err == CANCELLED


def test_who_clears_up_after_ctrl_c_is_not_interrupted_again():
    cleared = []

    def slowly():
        try:
            raise KeyError  # an error of its own does not hide what it is called for
        except KeyError:
            time.sleep(0.7)
        cleared.append(True)

    def function(argv):
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            slowly()
        return 0

    assert run_command(function, []) == 130 and cleared


def test_nothing_comes_after_the_command():
    def function(argv):
        drops_everything()
        return 0

    assert run_command(function, []) == 0
    time.sleep(0.5)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_command_outside_the_main_thread_changes_no_signals():
    codes = []
    thread = threading.Thread(target=lambda: codes.append(run_command(lambda argv: 3, [])))
    thread.start()
    thread.join()
    assert codes == [3] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_that_refers_to_itself_ends_the_search():
    error, other = ValueError(), ValueError()
    error.__cause__, other.__cause__ = other, error
    assert not was_interrupted(error)


@pytest.mark.parametrize("command", ["hoi_motion.scripts.convert", "tavid_planner.cli.info", "training.train"])
def test_ctrl_c_while_a_command_imports_its_modules_is_one_line(tmp_path, command):
    """The first package that is not Python's own or ours interrupts its own import."""
    for name in ("numpy", "torch", "yaml"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ended = subprocess.run(
        [sys.executable, "-m", command],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        cwd=tmp_path,
    )
    # 130 where `run_command` has begun already; else Python ends itself by the signal, which a shell calls 130
    assert ended.returncode in (130, -signal.SIGINT)
    assert (ended.stdout, ended.stderr) == ("", CANCELLED)


def test_a_program_that_uses_the_library_keeps_its_own_hook(tmp_path):
    program = "import sys; before = sys.excepthook; import hoi_motion.scripts.lift; print(sys.excepthook is before)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ended.stdout == "True\n"
