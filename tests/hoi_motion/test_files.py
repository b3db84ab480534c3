import os
from pathlib import Path

import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import check_writable, hidden_beside, whole_file, with_home, write_whole


def test_error_half_way_keeps_the_old_file_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "motion.npz"
    write_whole(path, b"old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as partial:
        partial.write_bytes(b"ne")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_do_not_share_a_partial_file(tmp_path):
    with whole_file(tmp_path / "a.mp4") as first, whole_file(tmp_path / "a.mp4") as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        assert first.suffix == ".mp4"  # writers that look at it
    assert (tmp_path / "a.mp4").read_bytes() == b"first"


@pytest.mark.parametrize("is_there", [True, False])
def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path, is_there):
    (tmp_path / "large disk").mkdir()
    (tmp_path / "link.mp4").symlink_to(Path("large disk") / "file")
    if is_there:
        (tmp_path / "large disk" / "file").write_bytes(b"old")
    with whole_file(tmp_path / "link.mp4") as partial:
        assert partial.suffix == ".mp4"
        partial.write_bytes(b"new")
    assert (tmp_path / "link.mp4").is_symlink() and (tmp_path / "large disk" / "file").read_bytes() == b"new"
    assert len([*tmp_path.iterdir()]) == 2 and len([*(tmp_path / "large disk").iterdir()]) == 1


def test_folder_that_is_not_there_is_a_named_error(tmp_path):
    with pytest.raises(InputError, match="cannot write .*No such file") as error:
        write_whole(tmp_path / "none" / "a.npz", b"")
    assert error.value.code is ErrorCode.OUTPUT_INVALID


def test_name_that_fits_is_written_however_long(tmp_path):
    path = tmp_path / f"{'é' * 125}.npz"
    write_whole(path, b"all")
    assert path.read_bytes() == b"all"


def test_long_names_that_begin_alike_have_hidden_files_of_their_own(tmp_path):
    one, other = (hidden_beside(tmp_path / ("a" * 250 + end), ".lock") for end in "bc")
    assert one != other and max(len(one.name), len(other.name)) <= 255


@pytest.mark.parametrize(
    "name",
    ["a" * 256, "none/a.npz", "folder", "pipe", "loop", "device", "/proc/a.npz"],
)
def test_what_cannot_become_a_file_is_refused_before_the_work(tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to("/dev/null")
    with pytest.raises(InputError) as error:
        check_writable(tmp_path / name)
    assert error.value.code is ErrorCode.OUTPUT_INVALID
    assert Path("/dev/null").is_char_device()


def test_a_dash_is_no_file_to_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="nothing is written to the standard output"):
        check_writable("-")
    check_writable("./-")


def test_what_can_be_written_passes_and_nothing_is_left_there(tmp_path):
    (tmp_path / "old.npz").write_bytes(b"old")
    for name in ("new.npz", "old.npz"):
        check_writable(tmp_path / name)
    assert list(tmp_path.iterdir()) == [tmp_path / "old.npz"]


def test_home_of_nobody_is_named():
    assert with_home("~/a") == Path.home() / "a" and with_home("a~/b") == Path("a~/b")
    with pytest.raises(InputError, match="~nobody-of-this-name,") as error:
        with_home("~nobody-of-this-name/a")
    assert error.value.code is ErrorCode.CONFIG_INVALID
