"""Arrays as pickles describe them: type, shape and bytes, compared with each other before numpy sees them."""

import io
import math
import re

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.reading.npz import MAX_FRAMES, is_text

_DTYPE = re.compile(r"([<>|=]?)([biufSU])(\d{1,6})|bool")
# numpy sets it for text; every other flag says that elements are Python objects
_TEXT_FLAG = 8


class Dtype:
    """A pickled array type: kind and size are from its name, the byte order may follow."""

    def __init__(self, text, *_):
        match = _DTYPE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"an array of type {shown(text)}")
        self.dtype = np.dtype(text)

    def build(self, state) -> None:
        """State: version, byte order, subarray, names, fields, item size, alignment, flags, ..."""
        _, order, subarray, names, fields, size, alignment, flags = state[:8]
        is_text = self.dtype.kind in "SU"
        if (subarray, names, fields) != (None, None, None) or order not in ("<", ">", "|", "="):
            raise ValueError("an array type with parts")
        if flags not in ((0, _TEXT_FLAG) if is_text else (0,)) or size not in (-1, self.dtype.itemsize):
            raise ValueError(f"an array type {self.dtype} that says its items have {shown(size)} bytes")
        self.dtype = self.dtype.newbyteorder(order)


class Array:
    """A pickled array, empty until its state comes."""

    def __init__(self, *_):
        self.value = np.zeros(0)

    def build(self, state) -> None:
        """State: (version,) shape, type, column order, bytes."""
        shape, dtype, is_fortran, content = state[-4:]
        self.value = array_of(content, dtype, shape, "F" if is_fortran else "C")


def array_of(content, dtype, shape, order="C", *_) -> np.ndarray:
    """An array from its bytes, when type, shape and bytes agree."""
    if isinstance(content, str):  # how Python 2 wrote bytes
        content = content.encode("latin1")
    if not isinstance(dtype, Dtype) or not isinstance(content, (bytes, bytearray)):
        raise ValueError("an array without a plain type")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 8:
        raise ValueError(f"an array of shape {shown(shape)}")
    if shape and shape[0] > MAX_FRAMES and math.prod(shape[1:]) > 1:
        raise ValueError(f"an array of {shape[0]} rows, at most {MAX_FRAMES} are read")
    if math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise ValueError(f"an array of shape {shown(shape)} and type {dtype.dtype} in {len(content)} bytes")
    if dtype.dtype.kind == "U" and not is_text(content, dtype.dtype):
        raise ValueError("an array of what is no text")
    return np.frombuffer(content, dtype.dtype).reshape(shape, order="F" if order == "F" else "C").copy()


def scalar_of(dtype, content):
    return array_of(content, dtype, (1,))[0]


def bytes_of(text="", encoding="latin1") -> bytes:
    if encoding != "latin1" or not isinstance(text, str):
        raise ValueError(f"text in encoding {shown(encoding)}")
    return text.encode("latin1")


class JoblibArray:
    """joblib's stand-in for an array whose bytes follow it in the file."""

    def read(self, state: dict, stream: io.BytesIO) -> np.ndarray:
        if state.get("numpy_array_alignment_bytes") is not None:
            stream.read(stream.read(1)[0])
        dtype, shape = state["dtype"], tuple(_plain_integer(n) for n in state["shape"])
        size = math.prod(shape) * dtype.dtype.itemsize
        if not 0 <= size <= stream.getbuffer().nbytes - stream.tell():
            raise EOFError
        return array_of(stream.read(size), dtype, shape, state["order"])


def _plain_integer(value) -> int:
    if not isinstance(value, int):
        raise ValueError(f"a size of {shown(value)}")
    return value
