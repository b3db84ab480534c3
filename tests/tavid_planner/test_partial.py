"""Temporary folders go with their process; those of living ones stay."""

import errno
import os
import subprocess
import sys
import time

from tavid_planner.partial import UNLOCKED_S, partial_folder, sweep_partials


def ended_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_renamed_folder_stays_and_any_other_goes(tmp_path):
    with partial_folder(tmp_path / "kept") as partial:
        (partial / "a").write_text("a")
        os.rename(partial, tmp_path / "kept")
    with partial_folder(tmp_path / "dropped") as partial:
        (partial / "a").write_text("a")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_leftovers_of_ended_processes_are_swept_and_nothing_else(tmp_path):
    left = tmp_path / f".plan.partial-{ended_pid()}-0123abcd"
    fresh_without_lock = tmp_path / f".plan.partial-{os.getppid()}-0123abcd"
    reused_number = tmp_path / f".old.partial-{os.getppid()}-0123abcd"
    others = [tmp_path / name for name in ("plan", ".git", ".plan.partial-1-xyz", f".partial-{ended_pid()}-0123abcd")]
    for folder in (left, fresh_without_lock, reused_number, *others):
        folder.mkdir()
        (folder / "file").write_text("x")
    old_s = time.time() - 2 * UNLOCKED_S
    os.utime(reused_number, (old_s, old_s))
    with partial_folder(tmp_path / "running") as running:
        os.utime(running, (old_s, old_s))
        assert sorted(sweep_partials(tmp_path)) == sorted([left.name, reused_number.name])
        assert running.is_dir()
    assert fresh_without_lock.is_dir() and all(folder.is_dir() for folder in others)


def test_link_is_not_followed_and_a_missing_folder_is_no_error(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / f".plan.partial-{ended_pid()}-0123abcd").symlink_to(tmp_path / "precious")
    assert sweep_partials(tmp_path / "plans") == [] == sweep_partials(tmp_path / "nowhere")
    assert (tmp_path / "precious").is_dir()


def test_where_nobody_can_tell_who_writes_nothing_is_swept(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with partial_folder(tmp_path / "running") as running:
        os.utime(running, (0, 0))
        assert sweep_partials(tmp_path) == [] and running.is_dir()
