import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import whole_file, write_whole


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


def test_folder_that_is_not_there_is_a_named_error(tmp_path):
    with pytest.raises(InputError, match="cannot write .*No such file") as error:
        write_whole(tmp_path / "none" / "a.npz", b"")
    assert error.value.code is ErrorCode.OUTPUT_INVALID
