"""The one door for files from outside: no fault of a file may end as a crash, a hang or an internal error."""

import contextlib
import io
import os
import stat
import tokenize
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError, TavidError

MEBIBYTE = 2**20
MAX_FILE_BYTES = 512 * MEBIBYTE
"""No file of ours comes near this; the official body model has 167 MB."""


@contextlib.contextmanager
def reading(
    path, what: str, code: ErrorCode = ErrorCode.FILE_INVALID, hint: str = "", error_class: type = InputError
) -> Iterator[None]:
    """Turns every failure to read a file inside the block into one error that names the file.

    Only the reading belongs inside. The libraries under it fail in ways that no list is complete for (a RecursionError
    of nested JSON, a RuntimeError of an encrypted zip, a TokenError of a broken array header, the ImportError of a mesh
    format without its loader), and each of them means the same: this file cannot be used.

    Args:
        what: completes "PATH is not ...".

    Raises:
        TavidError: `error_class` with `code`; one raised inside passes unchanged.
    """
    try:
        yield
    except TavidError:
        raise
    except Exception as error:
        raise error_class(code, f"{path} is not {what}: {reason_of(error)}", hint) from error


def reason_of(error: Exception) -> str:
    """Why a reader failed, in a few words, where its own error is cryptic or empty."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "it declares more than fits into memory"
    if isinstance(error, (EOFError, tokenize.TokenError)):
        return "it ends too early"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"it lacks {error}"
    return str(error)[:300] or type(error).__name__


def read_bytes(
    path,
    what: str,
    limit: int = MAX_FILE_BYTES,
    code: ErrorCode = ErrorCode.FILE_INVALID,
    hint: str = "",
    error_class: type = InputError,
) -> bytes:
    """The content of a regular file that is not larger than `limit` bytes.

    Pipes and devices are refused: they may wait for ever or never end.

    Raises:
        TavidError: `error_class` with `code`.
    """
    if isinstance(path, io.BytesIO):
        return path.getvalue()
    with reading(path, what, code, hint, error_class):
        try:
            # a pipe without a writer would wait in open() itself
            descriptor = os.open(Path(path), os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError as error:
            raise error_class(code, f"no file {path}", hint or "check the path") from error
        try:
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode):
                raise error_class(
                    code, f"{path} is not a file", hint or "give a regular file, no folder, pipe or device"
                )
            if facts.st_size > limit:
                raise error_class(
                    code, f"{path} has {facts.st_size} bytes, {what.removeprefix('a ')} has at most {limit}", hint
                )
            with open(descriptor, "rb", closefd=False) as file:
                # asked for more than the file has, Python would take memory for all that it is asked for
                return file.read(min(limit, max(facts.st_size, MEBIBYTE)))
        finally:
            os.close(descriptor)  # open() refuses a folder, and then leaves its descriptor open
