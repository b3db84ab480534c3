"""Pickles are read as data; one that would run code is refused by the name it asks for."""

import os
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.reading.pickles import load_pickle
from hoi_motion.reading.torch_file import load_torch
from tests.hoi_motion.io.published import joblib_dump


@pytest.fixture
def data():
    values = defaultdict(dict)
    values[np.int64(3)] = {
        "pose": np.arange(12.0).reshape(4, 3),
        "turned": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "big endian": np.arange(3, dtype=">i4"),
        "empty": np.zeros((0, 3)),
        "zero dimensional": np.array(3.5),
        "number": np.float32(2.5),
    }
    return values


def same(found, data):
    assert set(found) == {3} and set(found[3]) == set(data[3])
    for key, value in data[3].items():
        assert found[3][key].dtype == value.dtype.newbyteorder("=") or found[3][key].dtype == value.dtype, key
        assert np.array_equal(found[3][key], value), key


@pytest.mark.parametrize("protocol", range(2, 6))
def test_arrays_and_containers_are_read(data, tmp_path, protocol):
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(data, protocol))
    same(load_pickle(tmp_path / "data.pkl"), data)


def test_a_joblib_file_is_read_without_joblib(data, tmp_path):
    joblib_dump(data, tmp_path / "data.pkl")
    same(load_pickle(tmp_path / "data.pkl"), data)


PYTHON_2 = (
    b"(dp0\nS'pose'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntS'b'\ntRp4\n"
    b"(I1\n(I2\ntcnumpy\ndtype\np5\n(S'f8'\nI0\nI1\ntRp6\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n"
    b"S'\\x00\\x00\\x00\\x00\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@'\ntbsS'name'\nS'M\\xfcller'\ns."
)
"""`cPickle.dump({"pose": np.array([1.0, 2.0]), "name": "M\\xfcller"}, file)` of Python 2, whose default is text."""


def test_what_python_2_wrote_as_text_is_read(tmp_path):
    (tmp_path / "data.pkl").write_bytes(PYTHON_2)
    found = load_pickle(tmp_path / "data.pkl")
    assert found["pose"].tolist() == [1, 2] and found["name"] == "Müller"


@pytest.mark.parametrize("line", [b"S'a\n.", b"S'\n.", b"Sa\n.", b"S'\\x'\n.", b"S'a'"])
def test_a_text_of_python_2_that_is_cut_is_refused(tmp_path, line):
    (tmp_path / "data.pkl").write_bytes(line)
    with pytest.raises(InputError, match="FILE_INVALID.*not a readable pickle"):
        load_pickle(tmp_path / "data.pkl")


def test_plain_containers_are_read(tmp_path):
    value = OrderedDict(a=[1, 2.5, "text", b"bytes", None, True, (1, 2)])
    (tmp_path / "data.pkl").write_bytes(pickle.dumps(value))
    assert load_pickle(tmp_path / "data.pkl") == value


class Runs:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Builds:
    def __reduce__(self):
        return dict, (), None, None, iter([("key", os.mkdir)])


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_refused_by_name_and_does_not_run(tmp_path, protocol):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"pose": Runs(tmp_path / "made")}, protocol))
    with pytest.raises(InputError, match=r"FILE_INVALID.*asks for posix\.mkdir, which could run code"):
        load_pickle(tmp_path / "evil.pkl")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("value", [Builds(), np.array([os.mkdir], object), np.dtype("O"), getattr, np.load, eval])
def test_nothing_but_data_may_be_named(tmp_path, value):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(InputError, match="FILE_INVALID"):
        load_pickle(tmp_path / "evil.pkl")


def test_a_name_is_refused_before_its_module_is_imported(tmp_path):
    (tmp_path / "evil.pkl").write_bytes(b"cantigravity\nfly\n.")
    with pytest.raises(InputError, match=r"antigravity\.fly"):
        load_pickle(tmp_path / "evil.pkl")
    import sys

    assert "antigravity" not in sys.modules


def test_a_state_for_a_constructor_is_refused(tmp_path):
    # BUILD on the class itself would set its attributes
    (tmp_path / "evil.pkl").write_bytes(b"\x80\x02cnumpy\ndtype\n}X\x01\x00\x00\x00aK\x01sb.")
    with pytest.raises(InputError, match="gives a state to a type"):
        load_pickle(tmp_path / "evil.pkl")


def test_a_cut_file_is_one_named_error(data, tmp_path):
    joblib_dump(data, tmp_path / "data.pkl")
    whole = (tmp_path / "data.pkl").read_bytes()
    for size in range(0, len(whole) - 1, 37):
        (tmp_path / "cut.pkl").write_bytes(whole[:size])
        with pytest.raises(InputError, match="FILE_INVALID"):
            load_pickle(tmp_path / "cut.pkl")


def test_an_array_larger_than_its_file_takes_no_memory(tmp_path):
    joblib_dump({"a": np.zeros((7, 3))}, tmp_path / "data.pkl")
    content = (tmp_path / "data.pkl").read_bytes().replace(b"K\x07K\x03\x86", b"K\x07J\xff\xff\xff\x7f\x86")
    (tmp_path / "large.pkl").write_bytes(content)
    with pytest.raises(InputError, match="FILE_INVALID"):
        load_pickle(tmp_path / "large.pkl")


def test_torch_code_is_refused_by_name(tmp_path):
    import torch

    torch.save({"a": Runs(tmp_path / "made")}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match=r"asks for posix\.mkdir"):
        load_torch(tmp_path / "evil.pt")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", b"\x80\x02nonsense"])
def test_a_damaged_torch_file_is_one_named_error(tmp_path, content):
    (tmp_path / "bad.pt").write_bytes(content)
    with pytest.raises(InputError, match="FILE_INVALID.*not a readable torch file"):
        load_torch(tmp_path / "bad.pt")


def repeated(setup: bytes, step: bytes, count: int) -> bytes:
    return b"\x80\x04" + setup + count * step + b"N."


MEGABYTE = (10**6).to_bytes(4, "little")
DECODED_TEXT = repeated(
    b"B" + MEGABYTE + bytes(10**6) + b"q\x00c_codecs\nencode\nq\x01X" + MEGABYTE + b"a" * 10**6 + b"q\x02",
    b"h\x01(h\x02tR0",
    600,
)
FILLED_DICTIONARY = repeated(
    b"(l" + b"".join(b"(I%d\nNta" % k for k in range(10_000)) + b"q\x00ccollections\nOrderedDict\nq\x01",
    b"h\x01(h\x00tR0",
    2000,
)


@pytest.mark.parametrize("content", [DECODED_TEXT, FILLED_DICTIONARY], ids=["text", "dictionary"])
def test_work_that_a_few_bytes_repeat_is_limited(tmp_path, content):
    (tmp_path / "again.pkl").write_bytes(content)
    with pytest.raises(InputError, match="its instructions make more than"):
        load_pickle(tmp_path / "again.pkl")


def test_what_is_too_large_is_told_how_to_become_smaller(tmp_path, monkeypatch):
    (tmp_path / "large.pkl").write_bytes(pickle.dumps({"surface": np.zeros(1000)}))
    monkeypatch.setattr("hoi_motion.reading.pickles.MAX_ARRAY_BYTES", 1000)
    with pytest.raises(InputError, match="large.pkl is too large: its arrays have.*shorter pieces"):
        load_pickle(tmp_path / "large.pkl")


def test_an_integer_that_no_file_needs_is_refused(tmp_path):
    (tmp_path / "long.pkl").write_bytes(b"\x80\x02\x8b" + (10**5).to_bytes(4, "little") + b"\x7f" * 10**5 + b".")
    with pytest.raises(InputError, match="an integer of 799999 bits"):
        load_pickle(tmp_path / "long.pkl")


def test_many_tensors_on_one_storage_read_it_once(tmp_path):
    import torch

    values = torch.arange(300_000, dtype=torch.float32)
    torch.save([values[k : k + 2] for k in range(2000)], tmp_path / "views.pt")
    found = load_torch(tmp_path / "views.pt")  # 2000 times 1.2 MB would be beyond the limit
    assert [array.tolist() for array in found] == [[k, k + 1] for k in range(2000)]


def test_a_long_list_that_is_made_into_a_mapping_again_and_again_is_limited(tmp_path):
    pairs = b"]q\x01(X\x01\x00\x00\x00aK\x01\x86q\x02" + 100_000 * b"h\x02" + b"e0h\x01\x85q\x030"
    again = 45_000 * b"h\x00h\x03R0"
    (tmp_path / "data.pkl").write_bytes(b"\x80\x04ccollections\nOrderedDict\nq\x000" + pairs + again + b"}.")
    with pytest.raises(InputError, match="instructions make more than"):
        load_pickle(tmp_path / "data.pkl")


def test_text_of_arrays_counts_as_what_the_instructions_make(tmp_path):
    size = 100_000
    content = ("a" * size).encode("utf-32-le")
    name = f"<U{size}".encode()
    scalar = b"cnumpy.core.multiarray\nscalar\nq\x000cnumpy\ndtype\nX" + len(name).to_bytes(4, "little") + name
    scalar += b"\x85RB" + len(content).to_bytes(4, "little") + content + b"\x86q\x020"
    (tmp_path / "data.pkl").write_bytes(b"\x80\x04" + scalar + b"(" + 5000 * b"h\x00h\x02R" + b"l.")
    with pytest.raises(InputError, match="instructions make more than"):
        load_pickle(tmp_path / "data.pkl")


def test_a_packed_file_is_said_to_be(tmp_path):
    import gzip

    (tmp_path / "data.pkl").write_bytes(gzip.compress(pickle.dumps({})))
    with pytest.raises(InputError, match="packed by gzip"):
        load_pickle(tmp_path / "data.pkl")


def test_what_torch_wrote_before_its_archives_is_said_to_be(tmp_path):
    (tmp_path / "data.pt").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    with pytest.raises(InputError, match="no zip archive"):
        load_torch(tmp_path / "data.pt")
