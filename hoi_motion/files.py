"""Files are written whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError


@contextlib.contextmanager
def whole_file(path) -> Iterator[Path]:
    """A path beside `path` to write to: renamed to `path` when the block ends without an error, else removed.

    Processes that write the same file at once do not interfere; the last one wins.
    """
    path = Path(path)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_whole(path, content: bytes) -> None:
    """Raises: InputError: OUTPUT_INVALID when the place cannot be written."""
    try:
        with whole_file(path) as partial:
            partial.write_bytes(content)
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror}") from error


def check_writable(path, *inputs) -> None:
    """Check before the work, not after it, that a file can be written there and is none of the inputs.

    Args:
        inputs: paths of the files that are read; None where one is not given.

    Raises:
        InputError: OUTPUT_INVALID for a folder, a name in a folder that does not exist, or an input.
    """
    if Path(path).is_dir() or not Path(path).resolve().parent.is_dir():
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}", "give a file in a folder that exists")
    if any(given and Path(given).resolve() == Path(path).resolve() for given in inputs):
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"cannot write {path}: it is read from and would be lost", "give another name"
        )
