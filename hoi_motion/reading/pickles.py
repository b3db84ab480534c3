"""Pickles from strangers: arrays, numbers, text and containers are read, nothing that could run code.

A pickle is a program for a small stack machine that may call anything it names. Here is a machine with fewer
instructions: it knows no class and calls nothing, it writes down what the program describes. An array is described by a
type, a shape and its bytes; the three are compared with each other before numpy sees them, because numpy believes what
a pickled type says about itself. Files of `joblib.dump` (raw bytes of arrays between the instructions) are read too.
"""

import codecs
import io
import pickletools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.reading.npz import MAX_ARRAY_BYTES
from hoi_motion.reading.pickled_arrays import Array, Dtype, JoblibArray, array_of, bytes_of, scalar_of
from hoi_motion.reading.untrusted import read_bytes, reading

MAX_INSTRUCTIONS = 1_000_000
MAX_VALUES = 300_000  # with every repeated part written out
MAX_DEPTH = 32
MAX_INTEGER_BITS = 64
MAX_WORK_BYTES = 2 * MAX_ARRAY_BYTES
"""Everything the instructions make, kept or not: an instruction of two bytes can repeat the work of a large one."""
_ITEM_BYTES = 64
_INSTRUCTIONS = {instruction.code: instruction for instruction in pickletools.opcodes}
_SMALLER = "save it again in shorter pieces, and without what is not needed: surfaces, masks, pictures"
PACKERS = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x5d\x00\x00": "lzma",
    b"x\x01": "zlib",
    b"x\x5e": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
}
"""First bytes -> what packs a file like that; `joblib.dump` does it on request."""


class Unread:
    """Stands in for a value whose name nobody asked for."""


UNREAD = Unread()


class TooLarge(ValueError):
    """What is described is beyond the limits, in a file that may otherwise be sound."""


def load_pickle(path, known=None, unread=()):
    """What a `pickle.dump` or uncompressed `joblib.dump` file holds.

    Args:
        known: names whose values are wanted, at every level; under other names stands UNREAD. None: all.
        unread: names whose values are not wanted, at any level.

    Raises:
        InputError: FILE_INVALID for a damaged file, or one that names anything but data (it is named).
    """
    content = read_bytes(path, "a readable pickle")
    with reading(path, "a readable pickle"):
        packer = next((name for start, name in PACKERS.items() if content.startswith(start)), None)
        if packer is not None:
            raise ValueError(f"it is packed by {packer}: unpack it first, or save it without compression")
        try:
            return Machine(content, path).value(known, unread)
        except TooLarge as error:
            raise InputError(ErrorCode.FILE_INVALID, f"{path} is too large: {error}", _SMALLER) from error


def refused(path, name: str) -> InputError:
    return InputError(
        ErrorCode.FILE_INVALID,
        f"{path} asks for {name}, which could run code",
        "only arrays, numbers, text and containers are read; save the data as npz",
    )


def _instructions(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Name and argument of one instruction after the other, each read when it is asked for.

    Raises:
        ValueError: for a byte that is no instruction, or an argument that cannot be read. EOFError.
    """
    while code := stream.read(1):
        instruction = _INSTRUCTIONS.get(code.decode("latin1"))
        if instruction is None:
            raise ValueError(f"at byte {stream.tell() - 1} is no instruction")
        if instruction.name == "STRING":
            yield instruction.name, _quoted(stream.readline())
        else:
            yield instruction.name, instruction.arg.reader(stream) if instruction.arg else None
    raise EOFError


def _quoted(line: bytes) -> str:
    """The text or bytes of a line as Python 2 wrote them, in quotes; pickletools refuses all bytes but ASCII."""
    quoted = line.removesuffix(b"\n")
    if len(quoted) < 2 or quoted[:1] != quoted[-1:] or quoted[:1] not in (b"'", b'"'):
        raise ValueError(f"{shown(quoted)} is not in quotes")
    return codecs.escape_decode(quoted[1:-1])[0].decode("latin1")


def _mapping(*parts) -> dict:
    """A new dictionary, also from the pairs of a Python 2 OrderedDict; a defaultdict's factory is left out."""
    pairs = parts[0] if parts and isinstance(parts[0], list) else []
    return {_key(key): value for key, value in pairs}


def _key(key):
    """Keys are text or integers: hashing a nested one can take for ever."""
    if not isinstance(key, (str, int, np.integer)):
        raise ValueError(f"a key of type {type(key).__name__}")
    return key if isinstance(key, str) else int(key)


class Named:
    """A name that stands for itself, as an argument of the calls below."""


_CALLS: dict[str, Callable] = {
    "numpy.dtype": Dtype,
    "_codecs.encode": bytes_of,
    "builtins.bytes": bytes_of,
    "__builtin__.bytes": bytes_of,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "builtins.dict": _mapping,
    "__builtin__.dict": _mapping,
    "joblib.numpy_pickle.NumpyArrayWrapper": JoblibArray,
    "numpy.core.multiarray._reconstruct": Array,
    "numpy._core.multiarray._reconstruct": Array,
    "numpy.core.multiarray.scalar": scalar_of,
    "numpy._core.multiarray.scalar": scalar_of,
    "numpy.core.numeric._frombuffer": array_of,
    "numpy._core.numeric._frombuffer": array_of,
}
_NAMES = {"numpy.ndarray", "builtins.list", "__builtin__.list"}
_LITERALS = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 "
    "BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT BINFLOAT".split()
)
_DATA = (str, bytes, bytearray, bool, int, float, type(None), np.generic)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class Machine:
    """Runs the instructions of one pickle.

    Args:
        calls: more names that may be called, with what happens then.
        names: more names that stand for themselves.
        persistent: what a persistent id stands for.
    """

    def __init__(self, content: bytes, path, calls=None, names=frozenset(), persistent: Callable | None = None):
        self._stream, self._path = io.BytesIO(content), path
        self._calls, self._names = _CALLS | (calls or {}), _NAMES | names
        self._persistent = persistent
        self._stack: list = []
        self._marks: list[int] = []  # how high the stack was
        self._memo: dict[int, object] = {}
        self._made_bytes = 0

    def value(self, known=None, unread=()):
        """The value that the pickle describes, plain.

        Raises:
            InputError: FILE_INVALID naming what the pickle asks for. Other errors are those of a damaged file.
        """
        for count, (name, argument) in enumerate(_instructions(self._stream)):
            if count > MAX_INSTRUCTIONS:
                raise TooLarge(f"it has more than {MAX_INSTRUCTIONS} instructions")
            if name in _LITERALS:
                if isinstance(argument, int) and argument.bit_length() > MAX_INTEGER_BITS:
                    raise ValueError(f"it holds an integer of {argument.bit_length()} bits")
                self._stack.append(argument)
            elif name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name])
            elif name in _TUPLES:
                self._stack.append(tuple(self._pop(_TUPLES[name])))
            elif name == "STOP":
                break
            else:
                step = getattr(self, f"_do_{name.lower()}", None)
                if step is None:
                    raise ValueError(f"it has an instruction {name}")
                step(argument)
        (root,) = self._stack
        return _Plain(known, unread).value(root, 0)[0]

    def _pop(self, count: int) -> list:
        start = len(self._stack) - count
        if start < (self._marks[-1] if self._marks else 0):
            raise ValueError("its instructions do not fit together")
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _pop_mark(self) -> list:
        if not self._marks:
            raise ValueError("its instructions do not fit together")
        return self._pop(len(self._stack) - self._marks.pop())

    def _do_proto(self, _) -> None:
        pass

    _do_frame = _do_proto

    def _do_mark(self, _) -> None:
        self._marks.append(len(self._stack))

    def _do_pop(self, _) -> None:
        self._pop(1)

    def _do_pop_mark(self, _) -> None:
        self._pop_mark()

    def _do_dup(self, _) -> None:
        self._stack.append(self._stack[-1])

    def _do_tuple(self, _) -> None:
        self._stack.append(tuple(self._pop_mark()))

    def _do_empty_list(self, _) -> None:
        self._stack.append([])

    def _do_list(self, _) -> None:
        self._stack.append(self._pop_mark())

    def _do_append(self, _) -> None:
        (item,) = self._pop(1)
        self._top(list).append(item)

    def _do_appends(self, _) -> None:
        items = self._pop_mark()
        self._top(list).extend(items)

    def _do_empty_dict(self, _) -> None:
        self._stack.append({})

    def _do_dict(self, _) -> None:
        self._stack.append(_pairs(self._pop_mark()))

    def _do_setitem(self, _) -> None:
        items = self._pop(2)
        self._top(dict).update(_pairs(items))

    def _do_setitems(self, _) -> None:
        items = self._pop_mark()
        self._top(dict).update(_pairs(items))

    def _top(self, kind: type):
        if not self._stack or type(self._stack[-1]) is not kind:
            raise ValueError("its instructions do not fit together")
        return self._stack[-1]

    def _do_put(self, index) -> None:
        self._memo[int(index)] = self._stack[-1]

    _do_binput = _do_long_binput = _do_put

    def _do_memoize(self, _) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _do_get(self, index) -> None:
        self._stack.append(self._memo[int(index)])

    _do_binget = _do_long_binget = _do_get

    def _do_global(self, name: str) -> None:
        name = name.replace(" ", ".")
        if name not in self._calls and name not in self._names:
            raise refused(self._path, shown(name)[1:-1])
        self._stack.append(self._calls.get(name) or Named())

    def _do_stack_global(self, _) -> None:
        self._do_global(".".join(map(str, self._pop(2))))

    def _do_reduce(self, _) -> None:
        function, arguments = self._pop(2)
        # every function on the stack is one of ours: nothing else puts one there
        if not callable(function) or not isinstance(arguments, tuple):
            raise ValueError("it calls what is no function")
        # a list that becomes a mapping is walked through, however few keys are left of it
        self._made_bytes += _ITEM_BYTES * sum(len(part) for part in arguments if isinstance(part, list))
        self._stack.append(self._made(function(*arguments)))

    def _do_newobj(self, _) -> None:
        kind, _ = self._pop(2)
        if kind is not JoblibArray:
            raise ValueError("it makes an object")
        self._stack.append(JoblibArray())

    def _do_build(self, _) -> None:
        (state,) = self._pop(1)
        item = self._stack[-1]
        if isinstance(item, JoblibArray):
            self._stack[-1] = item.read(state, self._stream)
        elif isinstance(item, (Array, Dtype)):
            item.build(state)
            self._made(item)
        elif not isinstance(item, dict):  # what an OrderedDict carries besides its content is left out
            raise ValueError(f"it gives a state to a {type(item).__name__}")

    def _made(self, item):
        """The item, counted."""
        plain = item.value if isinstance(item, Array) else item
        if isinstance(plain, (bytes, np.ndarray, np.generic)):
            self._made_bytes += plain.nbytes if isinstance(plain, (np.ndarray, np.generic)) else len(plain)
        if self._made_bytes > MAX_WORK_BYTES:
            raise TooLarge(f"its instructions make more than {MAX_WORK_BYTES} bytes")
        return item

    def _do_binpersid(self, _) -> None:
        (identity,) = self._pop(1)
        if self._persistent is None:
            raise ValueError("it refers to another file")
        self._stack.append(self._persistent(identity))


def _pairs(items: list) -> dict:
    return {_key(key): value for key, value in zip(items[::2], items[1::2], strict=True)}


class _Plain:
    """Turns what the machine wrote down into plain values, every part once, and counts what they stand for.

    A part may stand in many places. Written out, a file of a few hundred bytes can stand for more than any memory
    holds, so that is what is limited.
    """

    def __init__(self, known, unread):
        self._known, self._unread = known, unread
        self._done: dict[int, tuple[object, int] | None] = {}
        self._bytes_left = MAX_ARRAY_BYTES

    def value(self, item, depth: int) -> tuple[object, int]:
        """The plain value and how many values it stands for."""
        if isinstance(item, (Dtype, Named, JoblibArray)) or isinstance(item, type):
            raise ValueError("it holds a name instead of data")
        if isinstance(item, (list, tuple, dict)) or hasattr(item, "build") or hasattr(item, "unpacked"):
            if depth > MAX_DEPTH:
                raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
            if id(item) in self._done:
                done = self._done[id(item)]
                if done is None:
                    raise ValueError("a part of it holds itself")
                return done
            self._done[id(item)] = None
            self._done[id(item)] = self._container(item, depth)
            return self._done[id(item)]
        if isinstance(item, np.ndarray):
            self._count(item.nbytes)
        elif not isinstance(item, _DATA):
            raise ValueError("it holds a name instead of data")
        return item, 1

    def _container(self, item, depth: int) -> tuple[object, int]:
        if isinstance(item, Array):
            self._count(item.value.nbytes)
            return item.value, 1
        if hasattr(item, "unpacked"):
            array = item.unpacked(self._bytes_left)
            self._count(array.nbytes)
            return array, 1
        if isinstance(item, dict):
            parts = {
                key: self.value(part, depth + 1) if self._wanted(key) else (UNREAD, 1) for key, part in item.items()
            }
            plain = {key: part for key, (part, _) in parts.items()}
            count = 1 + sum(size for _, size in parts.values())
        else:
            parts = [self.value(part, depth + 1) for part in item]
            plain = type(item)(part for part, _ in parts)
            count = 1 + sum(size for _, size in parts)
        if count > MAX_VALUES:
            raise TooLarge(f"it stands for more than {MAX_VALUES} values")
        return plain, count

    def _wanted(self, key) -> bool:
        return not isinstance(key, str) or (key not in self._unread and (self._known is None or key in self._known))

    def _count(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise TooLarge(f"its arrays have more than {MAX_ARRAY_BYTES} bytes")
