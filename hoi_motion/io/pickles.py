"""Pickles from strangers: arrays, numbers, text and containers are read, nothing that could run code.

A pickle is a program that may call anything it names. Here only a few constructors can be named; every other name ends
the reading with an error that says which one it was. numpy's constructors are replaced by ones without side doors, and
`joblib.dump` files (raw array bytes between the pickle's opcodes) are read without joblib.
"""

import pickle
import re
import struct
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError

_PLAIN_KINDS = "biufcSU"


def load_pickle(path):
    """What a `pickle.dump` or uncompressed `joblib.dump` file holds.

    Raises:
        InputError: FILE_INVALID for a damaged file, or one that names anything but data (it is named).
    """
    try:
        with open(path, "rb") as file:
            return _DataUnpickler(file, path).load()
    except InputError:
        raise
    except (
        pickle.UnpicklingError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        AssertionError,
        OverflowError,
        MemoryError,
        struct.error,
    ) as error:
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} is not a readable pickle: {error or type(error).__name__}"
        ) from error


def load_torch(path):
    """What a `torch.save` file holds: tensors and containers.

    Raises:
        InputError: as `load_pickle`.
    """
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        asked = re.search(r"(?:GLOBAL|class) ([A-Za-z_][\w.]*\.[\w.]*\w)", str(error))
        if asked:
            raise refused(path, asked.group(1)) from error
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a readable torch file: {_short(error)}") from error
    except (
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        struct.error,
    ) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a readable torch file: {_short(error)}") from error


def _short(error: Exception) -> str:
    return str(error).split(". ")[0][:100] or "it ends too early"


def refused(path, name: str) -> InputError:
    return InputError(
        ErrorCode.FILE_INVALID,
        f"{path} asks for {name}, which could run code",
        "only arrays, numbers, text and containers are read; save the data as npz",
    )


class _JoblibArray:
    """joblib's stand-in for an array whose bytes follow it in the file."""

    def read(self, file, size_left: int) -> np.ndarray:
        state = vars(self)
        dtype, shape = state["dtype"], tuple(int(n) for n in state["shape"])
        if not isinstance(dtype, np.dtype) or min(shape, default=0) < 0:
            raise ValueError("an array without a plain type")
        if state.get("numpy_array_alignment_bytes") is not None:
            file.read(file.read(1)[0])
        count = int(np.prod(shape, dtype=object))
        if count * dtype.itemsize > size_left:
            raise EOFError("the file ends inside an array")
        flat = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        return flat.reshape(shape[::-1]).T.copy() if state["order"] == "F" else flat.reshape(shape).copy()


def _dtype(text, *_) -> np.dtype:
    dtype = np.dtype(text) if isinstance(text, str) else None
    if dtype is None or dtype.kind not in _PLAIN_KINDS:
        raise pickle.UnpicklingError(f"an array of type {text!r}")
    return np.dtype(text, copy=True)


def _empty_array(*_) -> np.ndarray:
    return np.ndarray(0)


def _array(buffer, dtype, shape, order, *_) -> np.ndarray:
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


def _scalar(dtype, content):
    return np.frombuffer(content, dtype, count=1)[0]


def _bytes(text, encoding) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"text in encoding {encoding!r}")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""  # how protocol 2 writes an empty one


_MULTIARRAY = {"_reconstruct": _empty_array, "scalar": _scalar}
_ALLOWED = {
    ("numpy", "dtype"): _dtype,
    ("numpy", "ndarray"): "numpy.ndarray",  # only ever handed on to `_reconstruct` and joblib's stand-in
    ("_codecs", "encode"): _bytes,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("__builtin__", "bytes"): _no_bytes,
    ("__builtin__", "dict"): dict,
    ("__builtin__", "list"): list,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED |= {(f"{_core}.multiarray", name): function for name, function in _MULTIARRAY.items()}
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _array


class _DataUnpickler(pickle._Unpickler):  # the one in Python: joblib's arrays need a hook in its loop
    def __init__(self, file, path):
        super().__init__(file, encoding="latin1")
        self._file, self._path, self._size = file, path, Path(path).stat().st_size

    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise refused(self._path, f"{module}.{name}") from None

    # the unpickler in Python, whose attributes no type stub has
    stack: list

    def load_build(self):
        state, item = self.stack[-1], self.stack[-2]
        if isinstance(item, _JoblibArray):
            vars(item).update(state)
            self.stack[-2:] = [item.read(self._file, self._size - self._file.tell())]
            return
        plain = isinstance(item, np.ndarray) or (isinstance(item, np.dtype) and tuple(state[2:5]) == (None, None, None))
        if not plain:
            raise pickle.UnpicklingError(f"a state for a {type(item).__name__}")
        pickle._Unpickler.load_build(self)  # pyright: ignore[reportAttributeAccessIssue]

    dispatch = pickle._Unpickler.dispatch | {pickle.BUILD[0]: load_build}  # pyright: ignore[reportAssignmentType]
