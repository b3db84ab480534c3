"""Captions from text files, whose encoding is known or named, never guessed."""

import codecs
import re
from pathlib import Path

from tavid_planner.errors import ErrorCode, InputError
from training.data.clip import unusable

MAX_BYTES = 64 * 1024
_HOW = "name its encoding with --caption-encoding"
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters that are no white space."""
# the longer mark first: that of UTF-16 begins that of UTF-32
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_caption(path: Path, name: str, encoding: str = "utf-8") -> str:
    """One caption, without a byte order mark and the white space around it.

    Args:
        name: of the clip, for the message; encoding: of a file without a byte order mark.

    Raises:
        InputError: FILE_INVALID when it is no text in that encoding.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise unusable(name, f"its caption {path.name} cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise unusable(name, f"its caption {path.name} has more than {MAX_BYTES} bytes")
    try:
        text = decoded(content, encoding)
        check_letters(text, encoding)
        return text.strip()
    except ValueError as error:
        raise unusable(name, f"its caption {path.name} {error}") from error


def reading_mark(path: Path, encoding: str) -> str:
    """What a fingerprint of a caption's file must tell beside its bytes: the encoding, where another text comes of it
    than of UTF-8, else nothing.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return ""
    return "" if _text(content, encoding) == _text(content, "utf-8") else codecs.lookup(encoding).name


def _text(content: bytes, encoding: str) -> str | None:
    try:
        return decoded(content, encoding)
    except ValueError:
        return None


def decoded(content: bytes, encoding: str) -> str:
    """A text without its byte order mark.

    Args:
        encoding: of a text without such a mark.

    Raises:
        ValueError: when it is no text in that encoding; it completes "the file ...".
    """
    encoding = next((marked for mark, marked in _MARKS if content.startswith(mark)), encoding)
    try:
        return content.decode(encoding)
    except UnicodeError as error:
        where = f", byte {error.start} is {content[error.start]:#04x}" if isinstance(error, UnicodeDecodeError) else ""
        raise ValueError(f"is not in {encoding}{where}: {_HOW}") from error


def check_letters(text: str, encoding: str) -> None:
    """Raises: ValueError: for control characters; it completes "the file ...".

    UTF-16 without its mark is UTF-8 with a zero between any two letters.
    """
    if CONTROL.search(text):
        raise ValueError(f"has control characters where it is read as {encoding}: {_HOW}")


def checked_encoding(encoding: str) -> str:
    """Raises: InputError: CONFIG_INVALID for what is no encoding of text."""
    try:
        # some codecs of Python's turn bytes into bytes
        b"a".decode(encoding)
    except (LookupError, UnicodeError, ValueError) as error:
        if not isinstance(error, UnicodeError):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"caption encoding {encoding!r} is unknown",
                "name one of Python's, such as utf-8, cp1252, latin-1, shift_jis or gb18030",
            ) from error
    return encoding
