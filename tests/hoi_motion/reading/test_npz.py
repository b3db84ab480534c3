import io
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.reading.npz import MAX_FRAMES, NpzFile, read_npy


def saved(path, **arrays):
    np.savez(path, **arrays)
    return NpzFile(path)


def rewritten(path, change, name="a.npy", method=zipfile.ZIP_STORED):
    """The archive again, the content of one entry changed."""
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for entry, content in entries.items():
            archive.writestr(entry, change(content) if entry == name else content)


@given(arrays_of.arrays(st.sampled_from(["<f4", ">f8", "<i2", "|u1", "|b1", "<U3", "|S2"]), arrays_of.array_shapes()))
def test_every_plain_array_comes_back(array):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=array, turned=np.asfortranarray(array))
    file = NpzFile(io.BytesIO(buffer.getvalue()))
    for name in ("a", "turned"):
        found = file.read(name)
        assert found.dtype == array.dtype and found.shape == array.shape
        assert found.tobytes() == array.tobytes()


def test_an_array_of_objects_is_refused_and_its_pickle_does_not_run(tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "made"),)

    file = saved(tmp_path / "a.npz", a=np.array([Runs()], object), b=np.ones(3))
    assert file.read("b").sum() == 3
    with pytest.raises(InputError, match=r"FILE_INVALID.*'a' holds '\|O', expected numbers or text"):
        file.read("a")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("shape", [b"(2000000, 165)", b"(4294967296, 4294967296)", b"(99999, 99999)"])
def test_a_huge_declared_shape_is_refused_before_anything_is_unpacked(tmp_path, shape):
    np.savez(tmp_path / "a.npz", a=np.zeros((4, 3)))
    rewritten(tmp_path / "a.npz", lambda content: content.replace(b"(4, 3)", shape))
    with pytest.raises(InputError, match="rows, at most|bytes, .* are left"):
        NpzFile(tmp_path / "a.npz").read("a")


def test_a_large_key_that_nobody_asks_for_costs_nothing(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.ones(3), other=np.zeros(50_000_000, np.uint8))
    file = NpzFile(tmp_path / "a.npz", max_bytes=1000)
    assert "other" in file and file.read("a").sum() == 3
    with pytest.raises(InputError, match="50000000 rows, at most"):
        file.read("other")


def test_more_frames_than_the_limit_are_refused_by_their_number(tmp_path):
    file = saved(tmp_path / "a.npz", a=np.zeros(MAX_FRAMES + 1, np.uint8))
    with pytest.raises(InputError, match=f"{MAX_FRAMES + 1} rows"):
        file.read("a")


@pytest.mark.parametrize("at, value, words", [(8, 1, "encrypted"), (10, 99, "method 99")])
def test_an_entry_that_cannot_be_unpacked_is_named(tmp_path, at, value, words):
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[content.rfind(b"PK\x01\x02") + at] = value
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InputError, match=f"FILE_INVALID.*{words}"):
        NpzFile(tmp_path / "a.npz").read("a")


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda content: content[:-1], "ends too early"),
        (lambda content: content + b"\0", "longer than its header"),
        (lambda content: b"nothing", "no array"),
        (lambda content: content[:40], ""),
        (lambda content: content.replace(b"'<f8'", b"'<c16'"), "expected numbers or text"),
        (lambda content: content.replace(b"(3,)", b"(-3,)"), "no plain array"),
        (lambda content: content.replace(b"False", b"[[[["), "no plain array"),
    ],
)
def test_a_damaged_entry_is_one_named_error(tmp_path, change, words):
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    rewritten(tmp_path / "a.npz", change)
    with pytest.raises(InputError, match=f"FILE_INVALID.*{words}"):
        NpzFile(tmp_path / "a.npz").read("a")


def test_a_header_of_python_2_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones((3, 2)))
    rewritten(tmp_path / "a.npz", lambda content: content.replace(b"(3, 2), }  ", b"(3L, 2L), }"))
    assert NpzFile(tmp_path / "a.npz").read("a").shape == (3, 2)


@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.mkdir(), lambda path: None])
def test_a_pipe_a_folder_and_nothing_are_no_files(tmp_path, make):
    make(tmp_path / "a.npz")
    with pytest.raises(InputError, match="FILE_INVALID"):
        NpzFile(tmp_path / "a.npz")
    with pytest.raises(InputError, match="MASK_INVALID"):
        read_npy(tmp_path / "a.npz", "a readable mask", ErrorCode.MASK_INVALID)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts the open files in /proc")
@pytest.mark.parametrize("make", [lambda path: os.mkfifo(path), lambda path: path.mkdir()], ids=["pipe", "folder"])
def test_what_is_refused_is_closed_again(tmp_path, make):
    make(tmp_path / "a.npz")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(InputError, match="is not a file .*regular file"):
        NpzFile(tmp_path / "a.npz")
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ("a.npy", "a"))
def test_an_array_that_is_there_twice_is_refused(tmp_path, second):
    path = tmp_path / "twice.npz"
    np.savez(path, a=np.zeros(3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(second, archive.read("a.npy"))
    with pytest.raises(InputError, match="'a' twice"):
        NpzFile(path)
