"""Small files that take a reader over, exhaust it or crash it: each is refused in one line."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.reading.pickles import load_pickle
from hoi_motion.reading.torch_file import load_torch
from hoi_motion.scripts import convert

HOSTILE = Path(__file__).parent / "hostile"


@pytest.mark.parametrize("path", sorted(HOSTILE.glob("*.p*")), ids=lambda path: path.name)
@pytest.mark.parametrize(
    "named", [[], ["--from", "wham"], ["--from", "gvhmr"], ["--from", "amass"], ["--from", "motion"]]
)
def test_every_one_is_file_invalid_whatever_it_is_said_to_be(path, named, tmp_path, capfd):
    fps = [] if named[1:] == ["motion"] else ["--fps", "30"]
    assert convert.main([str(path), str(tmp_path / "out.npz"), *fps, *named]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and "FILE_INVALID" in lines[0] and not (tmp_path / "out.npz").exists()


def refused(content: bytes, tmp_path, words: str):
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(InputError, match=f"FILE_INVALID.*{words}"):
        load_pickle(tmp_path / "a.pkl")


def test_a_key_is_text_or_a_number(tmp_path):
    nested = ()
    for _ in range(30):
        nested = (nested, nested)
    refused(b"\x80\x02}" + b")" + b"2\x86" * 60 + b"K\x01s.", tmp_path, "a key of type tuple")
    refused(pickle.dumps({b"a": 1}), tmp_path, "a key of type bytes")
    refused(pickle.dumps({1.5: 1}), tmp_path, "a key of type float")


def test_a_list_that_holds_itself_is_refused(tmp_path):
    value = []
    value.append(value)
    refused(pickle.dumps(value), tmp_path, "holds itself")


def test_what_a_shared_part_stands_for_is_counted(tmp_path):
    value = list(range(100))
    for _ in range(4):
        value = [value] * 100
    refused(pickle.dumps(value), tmp_path, "stands for more than")


def test_depth_is_limited(tmp_path):
    refused(b"\x80\x02" + b"]" * 50_000 + b"a" * 49_999 + b".", tmp_path, "nested")


@pytest.mark.parametrize("state", [b"<", b"O", b""])
def test_a_state_never_reaches_numpy(tmp_path, state):
    # the flags of an object array on a type of numbers
    dtype = pickle.dumps(np.dtype("f8"), 2)
    refused(dtype.replace(b"K\x00t", b"K?t"), tmp_path, "")
    array = pickle.dumps(np.arange(4.0), 2)
    refused(array.replace(b"K\x04\x85", b"J\xff\xff\xff\x7f\x85"), tmp_path, "bytes")


def tensors(tmp_path, change):
    import torch

    torch.save({"a": torch.arange(12.0).reshape(4, 3), "b": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, change(content) if name.endswith("data.pkl") else content)
    return tmp_path / "a.pt"


def test_tensors_are_read_without_torch(tmp_path):
    found = load_torch(tensors(tmp_path, lambda content: content))
    assert np.array_equal(found["a"], np.arange(12.0).reshape(4, 3)) and found["b"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "old, new",
    [
        (b"K\x04K\x03\x86", b"J\x00\x00\x00\x02K\x03\x86"),
        (b"K\x04K\x03\x86", b"K\x05K\x03\x86"),
        (b"K\x03K\x01\x86", b"J\xff\xff\xff\x7fK\x01\x86"),
        (b"K\x03K\x01\x86", b"J\xff\xff\xff\xffK\x01\x86"),
        (b"K\x0c", b"M\xff\xff"),
    ],
    ids=["rows", "a row too many", "stride", "negative stride", "elements"],
)
def test_a_tensor_must_lie_inside_its_storage(tmp_path, old, new):
    with pytest.raises(InputError, match="FILE_INVALID.*not a readable torch file"):
        load_torch(tensors(tmp_path, lambda content: content.replace(old, new)))


@pytest.mark.filterwarnings("ignore:TypedStorage")
def test_a_storage_is_no_value(tmp_path):
    import torch

    torch.save({"a": torch.zeros(3).storage()}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="a name instead of data"):
        load_torch(tmp_path / "a.pt")


def test_an_expanded_tensor_is_laid_out_within_the_limits(tmp_path):
    import torch

    torch.save({"a": torch.arange(3.0).expand(50, 3)}, tmp_path / "a.pt")
    assert np.array_equal(load_torch(tmp_path / "a.pt")["a"], np.tile(np.arange(3.0), (50, 1)))
    torch.save({"a": torch.zeros(1).expand(200_000, 63)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="200000 rows"):
        load_torch(tmp_path / "a.pt")


def test_a_value_that_nobody_asks_for_is_not_unpacked(tmp_path):
    import torch

    torch.save({"a": torch.ones(2), "b": torch.zeros(1).expand(90_000, 9_000)}, tmp_path / "a.pt")
    assert load_torch(tmp_path / "a.pt", known=("a",))["a"].tolist() == [1, 1]
    with pytest.raises(InputError, match="bytes are left"):
        load_torch(tmp_path / "a.pt")
