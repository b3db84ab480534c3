"""One writer at a time; a lock ends with its process, however that ends."""

import errno
import subprocess
import sys
import textwrap

import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.lock import held_folder, is_held, only_writer


@pytest.fixture
def holder(tmp_path):
    """A process that holds `tmp_path / "a" / "out"` until it is killed."""
    code = f"""
        import sys
        sys.path[:] = {sys.path!r}
        from hoi_motion.lock import only_writer
        with only_writer({str(tmp_path / "a" / "out")!r}):
            print("held", flush=True)
            sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_second_writer_learns_at_once_who_is_first(holder, tmp_path):
    with pytest.raises(InputError, match=f"by process {holder.pid}") as error, only_writer(tmp_path / "a" / "out"):
        pass
    assert error.value.code is ErrorCode.OUTPUT_INVALID
    with only_writer(tmp_path / "a" / "other"):
        pass


def test_what_a_killed_process_held_is_free(holder, tmp_path):
    holder.kill()
    holder.wait()
    with only_writer(tmp_path / "a" / "out"):
        pass
    assert list((tmp_path / "a").iterdir()) == []


def test_nothing_is_left_but_what_was_written(tmp_path):
    with only_writer(tmp_path / "new" / "deep" / "out"):
        assert (tmp_path / "new" / "deep").is_dir()
    assert list(tmp_path.iterdir()) == []
    with only_writer(tmp_path / "new" / "out"):
        (tmp_path / "new" / "out").mkdir()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["out"]


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"), only_writer(tmp_path / "file" / "out"):
        pass


def test_full_disk_is_named_and_no_lock_is_left(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(InputError, match=f"cannot write output {tmp_path / 'out'}: No space left"):
        with only_writer(tmp_path / "out"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_link_in_the_lock_s_place_is_not_followed(tmp_path):
    (tmp_path / ".out.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError), only_writer(tmp_path / "out"):
        pass
    assert not (tmp_path / "precious").exists()


def test_folder_is_held_inside_and_free_afterwards(tmp_path):
    with held_folder(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
