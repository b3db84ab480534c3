"""Arrays in .npy and .npz files: known names, plain numbers and text only, checked by what the header declares.

numpy's own reader evaluates the header as a Python literal, allocates what it declares, and reads every key that is
asked for; a file of a kilobyte can declare terabytes. Here type and shape are compared with the limits, and with the
size of the file's entry, before a byte of the content is unpacked.
"""

import io
import math
import re
import struct
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted, shown
from hoi_motion.reading.untrusted import MAX_FILE_BYTES, MEBIBYTE, read_bytes, reading

MAX_FRAMES = 100_000
"""Longest motion: 14 minutes at 120 frames a second, the longest recordings of the known collections fit."""
MAX_ARRAY_BYTES = 256 * MEBIBYTE
"""All arrays of one file together."""
MAX_ENTRIES = 10_000
_PLAIN_KINDS = "biufSU"
_MAX_HEADER_BYTES = 10_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1
LAST_CHARACTER = 0x10FFFF
_DESCR = re.compile(r"'descr': *'([<>|=]?[a-zA-Z]\d{0,9})'")
_ORDER = re.compile(r"'fortran_order': *(True|False)")
_SHAPE = re.compile(r"'shape': *\(([\dL, ]*)\)")


class NpzFile:
    """One .npz file, its entries read one by one.

    Attributes:
        names: the names of the arrays that are there.
    """

    def __init__(
        self,
        path,
        what: str = "a readable npz file",
        code: ErrorCode = ErrorCode.FILE_INVALID,
        hint: str = "",
        error_class: type = InputError,
        max_bytes: int = MAX_ARRAY_BYTES,
    ):
        """Read the file, but no array yet.

        Args:
            what: completes "PATH is not ..."; max_bytes: of all arrays that are read.

        Raises:
            TavidError: `error_class` with `code` when the file is missing or no archive of arrays.
        """
        self.path, self._left = path, max_bytes
        self._how = (path, what, code, hint, error_class)
        with reading(*self._how):
            self.content = read_bytes(path, what, MAX_FILE_BYTES, code, hint, error_class)
            # an archive's list of entries costs far more memory than its bytes in the file
            if self.content.count(b"PK\x01\x02") > MAX_ENTRIES:
                raise ValueError(f"it has more than {MAX_ENTRIES} entries")
            self._archive = zipfile.ZipFile(io.BytesIO(self.content))
            self._entries = {info.filename.removesuffix(".npy"): info for info in entries_of(self._archive)}
        self.names = frozenset(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str, max_rows: int = MAX_FRAMES) -> np.ndarray:
        """One array, read-only.

        Args:
            max_rows: largest size of the first axis.

        Raises:
            TavidError: as the constructor; also for an array of objects, of more rows or bytes than the limits, or of
                more bytes than the entry has.
        """
        with reading(*self._how):
            info = self._entries[name]
            if info.flag_bits & _ENCRYPTED:
                raise ValueError(f"{shown(name)} is encrypted")
            if info.compress_type not in _METHODS:
                raise ValueError(f"{shown(name)} is packed by method {info.compress_type}")
            with self._archive.open(info) as stream:
                array = _read_array(stream, shown(name), info.file_size, max_rows, self._left)
            self._left -= array.nbytes
            return array


def entries_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The entries of an archive of arrays.

    Raises:
        ValueError: for two of one name, with or without .npy: readers differ in which of them they take.
    """
    entries = archive.infolist()
    names = [info.filename.removesuffix(".npy") for info in entries]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise ValueError(f"it has {shown(twice)} twice")
    return entries


def read_npy(path, what: str, code: ErrorCode, hint: str = "", max_rows: int = MAX_FRAMES) -> np.ndarray:
    """The array of an .npy file, read-only.

    Raises:
        InputError: `code`.
    """
    content = read_bytes(path, what, code=code, hint=hint)
    with reading(path, what, code, hint):
        return _read_array(io.BytesIO(content), "the array", len(content), max_rows, MAX_ARRAY_BYTES)


def is_array_file(path) -> bool:
    """Whether a path names a file of numpy's."""
    return Path(path).suffix.lower() in (".npy", ".npz")


def read_array(
    path,
    what: str,
    code: ErrorCode = ErrorCode.FILE_INVALID,
    hint: str = "",
    max_rows: int = MAX_FRAMES,
    name: str = "",
) -> np.ndarray:
    """The array of an .npy; of an .npz its only one, whatever its name (numpy gives arr_0), or the one called `name`.

    Raises:
        InputError: `code`, also for an .npz with several others.
    """
    if Path(path).suffix.lower() != ".npz":
        return read_npy(path, what, code, hint, max_rows)
    file = NpzFile(path, what, code, hint)
    if len(file.names) != 1 and name not in file:
        told = f"{path} holds {counted(len(file.names), 'array')}: {', '.join(map(shown, sorted(file.names)[:6]))}"
        raise InputError(code, told, f"save the one that is meant alone{f', or as {name}' if name else ''}")
    return file.read(name if name in file else next(iter(file.names)), max_rows)


def _read_array(stream, name: str, size: int, max_rows: int, max_bytes: int) -> np.ndarray:
    dtype, shape, is_fortran = _header(stream, name)
    count = math.prod(shape)
    declared = count * dtype.itemsize
    if shape and shape[0] > max_rows:
        raise ValueError(f"{name} has {shape[0]} rows, at most {max_rows} are read")
    if declared > max_bytes:
        raise ValueError(f"{name} of shape {shown(shape)} has {declared} bytes, {max_bytes} are left for it")
    if declared > size:
        raise EOFError
    content = stream.read(declared)
    if len(content) < declared:
        raise EOFError
    if stream.read(1):  # reading to the end also has the archive compare its checksum
        raise ValueError(f"{name} is longer than its header says")
    array = np.frombuffer(content, dtype, count).reshape(shape, order="F" if is_fortran else "C")
    if dtype.kind == "U" and not is_text(content, dtype):
        raise ValueError(f"{name} holds what is no text")
    return array


def is_text(content: bytes, dtype: np.dtype) -> bool:
    """Whether all the code points of an array of text exist: Python itself fails on others."""
    return not (np.frombuffer(content, np.dtype("u4").newbyteorder(dtype.byteorder)) > LAST_CHARACTER).any()


def _header(stream, name: str) -> tuple[np.dtype, tuple[int, ...], bool]:
    start = stream.read(8)
    if start[:6] != b"\x93NUMPY":
        raise ValueError(f"{name} is no array")
    wide = start[6] >= 2
    (length,) = struct.unpack("<I" if wide else "<H", stream.read(4 if wide else 2))
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"{name} has a header of {length} bytes")
    text = stream.read(length).decode("latin1")
    descr, order, shape = (pattern.search(text) for pattern in (_DESCR, _ORDER, _SHAPE))
    if not (descr and order and shape):
        raise ValueError(f"{name} is no plain array: {shown(text.strip())}")
    dtype = np.dtype(descr.group(1))
    if dtype.kind not in _PLAIN_KINDS or (not dtype.itemsize and dtype.kind not in "SU"):
        raise ValueError(f"{name} holds {shown(descr.group(1))}, expected numbers or text")
    sizes = tuple(int(size) for size in shape.group(1).replace("L", "").replace(" ", "").split(",") if size)
    if len(sizes) > 8:
        raise ValueError(f"{name} has {len(sizes)} axes")
    return dtype, sizes, order.group(1) == "True"
