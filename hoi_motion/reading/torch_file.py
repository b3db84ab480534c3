"""What `torch.save` wrote, as numpy arrays: the pickle is read by our machine, the storages by their declared size.

A tensor is a view of a storage: with a stride of 0 a few bytes stand for any number of rows. So size, stride and
storage are compared with each other and with the limits before anything is laid out, and only the tensors that are
asked for are unpacked.
"""

import io
import math
import zipfile

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.reading.npz import MAX_ARRAY_BYTES, MAX_ENTRIES, MAX_FRAMES, entries_of
from hoi_motion.reading.pickles import Machine
from hoi_motion.reading.untrusted import read_bytes, reading

_STORAGES = {
    "torch.FloatStorage": "<f4",
    "torch.DoubleStorage": "<f8",
    "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "<i8",
    "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
_ENCRYPTED = 1


def load_torch(path, known=None):
    """What a `torch.save` file (a zip archive, as torch writes since 1.6) holds, tensors as numpy arrays.

    Args:
        known: as for `load_pickle`.

    Raises:
        InputError: FILE_INVALID for a damaged file, or one that names anything but data (it is named).
    """
    content = read_bytes(path, "a readable torch file")
    with reading(path, "a readable torch file"):
        if not zipfile.is_zipfile(io.BytesIO(content)):
            raise ValueError("it is no zip archive, as torch writes them since 1.6: save it again with a newer torch")
        if content.count(b"PK\x01\x02") > MAX_ENTRIES:
            raise ValueError(f"it has more than {MAX_ENTRIES} entries")
        archive = _Archive(zipfile.ZipFile(io.BytesIO(content)))
        return Machine(
            archive.read("data.pkl", MAX_ARRAY_BYTES),
            path,
            calls={"torch._utils._rebuild_tensor_v2": _Tensor} | {name: _StorageType(name) for name in _STORAGES},
            persistent=archive.storage,
        ).value(known)


class _Archive:
    def __init__(self, archive: zipfile.ZipFile):
        self._archive, self._storages = archive, {}
        self.bytes_left = MAX_ARRAY_BYTES
        names = [info.filename for info in entries_of(archive)]
        self._folder = next((name.rpartition("/")[0] for name in names if name.endswith("/data.pkl")), None)
        if self._folder is None:
            raise ValueError("it lacks data.pkl")
        if f"{self._folder}/byteorder" in names and self.read("byteorder", 16) != b"little":
            raise ValueError("its numbers are big-endian")

    def read(self, name: str, limit: int) -> bytes:
        info = self._archive.getinfo(f"{self._folder}/{name}")
        if info.flag_bits & _ENCRYPTED:
            raise ValueError(f"{shown(name)} is encrypted")
        # torch stores without packing, so the bytes are in the file
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
            raise ValueError(f"{shown(name)} has {info.file_size} bytes by method {info.compress_type}")
        return self._archive.read(info)

    def storage(self, identity) -> "_Storage":
        """Identity: "storage", type, name of the entry, device, number of elements."""
        word, kind, key, _, count = identity
        if word != "storage" or not isinstance(kind, _StorageType) or type(count) is not int:
            raise ValueError(f"it refers to {shown(identity)}")
        key = str(key)
        if key not in self._storages:
            self._storages[key] = _Storage(self, kind.dtype, key, count)
        storage = self._storages[key]
        if (storage.dtype, storage.count) != (kind.dtype, count):
            raise ValueError(f"it describes storage {shown(key)} in two ways")
        return storage


class _StorageType:
    def __init__(self, name: str):
        self.dtype = _STORAGES[name]

    def __call__(self, *_):
        raise ValueError("it makes a storage")


class _Storage:
    def __init__(self, archive: _Archive, dtype: str, key: str, count: int):
        self.archive, self.dtype, self.key, self.count = archive, dtype, key, count
        self._elements: np.ndarray | None = None

    def elements(self) -> np.ndarray:
        """Read once, however many tensors look at them."""
        if self._elements is None:
            content = self.archive.read(f"data/{self.key}", self.archive.bytes_left)
            self.archive.bytes_left -= len(content)
            if self.dtype == "bfloat16":  # the upper half of a float32
                elements = (np.frombuffer(content, "<u2").astype(np.uint32) << 16).view(np.float32)
            else:
                elements = np.frombuffer(content, self.dtype)
            if len(elements) < self.count:
                raise EOFError
            self._elements = elements[: self.count]
        return self._elements


class _Tensor:
    """A view of a storage, laid out on request."""

    def __init__(self, storage, offset, size, stride, *_):
        numbers = (offset, *size, *stride)
        fits = isinstance(storage, _Storage) and len(size) == len(stride) <= 8
        if not fits or not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError(f"a tensor of size {shown(size)} and stride {shown(stride)}")
        if size and size[0] > MAX_FRAMES:
            raise ValueError(f"a tensor of {size[0]} rows, at most {MAX_FRAMES} are read")
        last = offset + sum((n - 1) * step for n, step in zip(size, stride))
        if math.prod(size) and last >= storage.count:
            raise ValueError(f"a tensor of size {shown(size)} in a storage of {storage.count} elements")
        self._storage, self._offset, self._size, self._stride = storage, offset, size, stride

    def unpacked(self, bytes_left: int) -> np.ndarray:
        elements = self._storage.elements()
        width = elements.dtype.itemsize
        if math.prod(self._size) * width > bytes_left:
            raise ValueError(f"a tensor of size {shown(self._size)}, {bytes_left} bytes are left for it")
        if not math.prod(self._size):
            return np.zeros(self._size, elements.dtype)
        strides = [step * width for step in self._stride]
        return np.lib.stride_tricks.as_strided(elements[self._offset :], self._size, strides, writeable=False).copy()
