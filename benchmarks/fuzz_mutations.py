"""Damage to valid files: to their bytes, to words in them, and to packed contents."""

import io
import re
import zipfile

import numpy as np

NASTY_WORDS = (
    *b'nan -inf 1e309 -1 0 99999999999999999999 null true [] {} ""'.split(),
    *b"../../../../../../etc/passwd /etc/passwd file:///etc/shadow /dev/zero".split(),
    *(b"\x1b[31m", b"\x00", b"\xff\xfe", b"%s%n", b"[" * 400, b"&a [*a, *a]"),
    *(b"!!python/object/apply:os.system [ls]", b"<!DOCTYPE a>", b"O", b"|O", b"('a', 'b')", b"1" * 5000),
    "\u202e".encode(),
)
NASTY_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WORD = re.compile(rb"[A-Za-z_]+|-?\d[\d.e+-]*|\"[^\"]*\"")
_SHAPE = re.compile(rb"'shape': \([^)]*\)")
_DESCR = re.compile(rb"'descr': '[^']*'")
_NASTY_SHAPES = (b"()", b"(0,)", b"(2000000, 165)", b"(4294967296, 3)", b"(-1,)", b"(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)")
_NASTY_TYPES = (b"|O", b"<f8", b"<U100000", b"|V8", b"<c16", b">f8", b"|b1", b"<M8[s]", b"<i8", b"<f2", b"|S1")


def mutated(content: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """A seed's content damaged in one to four ways.

    Args:
        other: another seed, from which pieces may be inserted.
    """
    if content[:2] == b"PK" and rng.random() < 0.7:
        return _inside_archive(content, rng)
    for _ in range(int(rng.integers(1, 5))):
        content = _WAYS[int(rng.integers(len(_WAYS)))](content, other, rng)
    return content


def _flipped(content, other, rng):
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        if data:
            data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data)


def _cut(content, other, rng):
    return content[: int(rng.integers(len(content) + 1))]


def _removed(content, other, rng):
    start, end = _piece(content, rng)
    return content[:start] + content[end:]


def _repeated(content, other, rng):
    start, end = _piece(content, rng)
    return content[:end] + content[start:end] * int(rng.integers(1, 4)) + content[end:]


def _spliced(content, other, rng):
    start, end = _piece(other, rng)
    at = int(rng.integers(len(content) + 1))
    return content[:at] + other[start:end] + content[at:]


def _numbered(content, other, rng):
    number = int(rng.choice(NASTY_NUMBERS))
    size = int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(len(content) + 1))
    order = "little" if rng.random() < 0.5 else "big"
    return content[:at] + (number % 256**size).to_bytes(size, order) + content[at + size :]


def _reworded(content, other, rng):
    words = list(_WORD.finditer(content[:20_000]))
    word = NASTY_WORDS[int(rng.integers(len(NASTY_WORDS)))]
    if not words:
        return word + content
    match = words[int(rng.integers(len(words)))]
    return content[: match.start()] + word + content[match.end() :]


_WAYS = (_flipped, _cut, _removed, _repeated, _spliced, _numbered, _reworded, _reworded)


def _piece(content, rng) -> tuple[int, int]:
    start = int(rng.integers(len(content) + 1))
    return start, min(len(content), start + int(rng.integers(1, 65)))


def _inside_archive(content, rng) -> bytes:
    """The same archive with one entry changed and correct checksums: the damage reaches the array reader."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    chosen = int(rng.integers(len(entries)))
    way = int(rng.integers(7))
    name, inner = entries[chosen]
    if way == 0:
        del entries[chosen]
    elif way == 1:
        inner = _SHAPE.sub(b"'shape': " + _NASTY_SHAPES[int(rng.integers(len(_NASTY_SHAPES)))], inner)
    elif way == 2:
        inner = _DESCR.sub(b"'descr': '" + _NASTY_TYPES[int(rng.integers(len(_NASTY_TYPES)))] + b"'", inner)
    elif way == 3:  # meaningless numbers in valid form
        numbers = np.frombuffer(inner[128 : 128 + (len(inner) - 128) // 8 * 8], np.float64).copy()
        if len(numbers):
            numbers[int(rng.integers(len(numbers)))] = rng.choice([np.nan, np.inf, -1.0, 1e300, 1e6, 1e38])
        inner = inner[:128] + numbers.tobytes() + inner[128 + numbers.nbytes :]
    elif way == 4:
        inner = _reworded(inner, b"", rng)
    elif way == 5:
        inner = _flipped(inner, b"", rng)
    else:
        inner = _cut(inner, b"", rng)
    if way != 0:
        entries[chosen] = (name, inner)
    buffer = io.BytesIO()
    method = zipfile.ZIP_BZIP2 if rng.random() < 0.03 else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    packed = bytearray(buffer.getvalue())
    if rng.random() < 0.05:  # encrypted, or with an unknown compression method
        at = packed.rfind(b"PK\x01\x02")
        packed[at + 8 : at + 12] = b"\x01\x00\x00\x00" if rng.random() < 0.5 else b"\x00\x00\x63\x00"
    return bytes(packed)
