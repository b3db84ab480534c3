"""Files are written whole or not at all."""

import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError

LONGEST_NAME = 255
"""Bytes in the name of a file, on nearly all file systems."""
LONGEST_SUFFIX = 16


def with_home(text) -> Path:
    """A path whose `~` stands for a home folder.

    Raises:
        InputError: CONFIG_INVALID for the home of a user who is not known here.
    """
    text = str(text)
    path = os.path.expanduser(text)
    if text.startswith("~") and path == text:
        told = f"there is no home folder {text.split('/')[0][:80]}, in {text[:200]}"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "write the whole path, or ./~NAME for a folder of that name")
    return Path(path)


def hidden_beside(path: Path, ending: str, stem: str | None = None) -> Path:
    """A hidden path beside `path`, whose name says what it belongs to and is not too long where that of `path` is not.

    Args:
        stem: the part of the name that is kept, by default all of it.
    """
    name = f".{path.name if stem is None else stem}{ending}"
    if len(os.fsencode(name)) > LONGEST_NAME:
        # two long names that begin alike are told apart by it
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}{ending}"
    return path.with_name(name)


@contextlib.contextmanager
def whole_file(path) -> Iterator[Path]:
    """A path beside `path` to write to: renamed to `path` when the block ends without an error, else removed.

    Processes that write the same file at once do not interfere; the last one wins. Of a link, the file that it leads to
    is written, whose place `check_writable` has checked; the link stays one.
    """
    kind = Path(path).suffix  # by which writers choose what they write, whatever a link leads to
    kind = kind if len(kind) <= LONGEST_SUFFIX else ""
    path = Path(os.path.realpath(path))
    partial = hidden_beside(path, f".{secrets.token_hex(4)}.partial{kind}", path.stem)
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
        raise _unwritable(path, error.strerror or str(error), "free space there, or choose another place") from error


def try_folder(folder) -> None:
    """Raises: OSError: nothing can be made in the folder."""
    os.rmdir(tempfile.mkdtemp(prefix=".tavid-", dir=folder))


def check_folder(folder, *names) -> None:
    """Check before the work that files can be written into a folder, which `make_folder` will make.

    Args:
        names: of the files.

    Raises:
        InputError: OUTPUT_INVALID.
    """
    folder = Path(os.path.abspath(folder))
    ancestor = next(p for p in (folder, *folder.parents) if os.path.lexists(p))
    try:
        for path in (folder, *(ancestor / name for name in names)):
            with contextlib.suppress(FileNotFoundError):
                os.stat(path)  # tells a name that is too long
        try_folder(ancestor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _no_folder(folder, reason) from error


def make_folder(folder) -> None:
    """Make a folder when the first file is ready, so that work that fails leaves no empty one.

    Raises:
        InputError: OUTPUT_INVALID.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_folder(folder, error.strerror or str(error)) from error


def check_writable(path, *inputs) -> None:
    """Check before the work, not after it, that a file can be written there and is none of the inputs.

    Args:
        inputs: paths of the files that are read; None where one is not given.

    Raises:
        InputError: OUTPUT_INVALID for `-`, a folder, a device or pipe, a name in a folder that does not exist or cannot
            be written, a name that is too long, or an input.
    """
    if str(path) == "-":
        raise _unwritable(path, "nothing is written to the standard output", "name a file")
    try:
        place = Path(os.path.realpath(path))
        if place.is_dir() or not place.parent.is_dir():
            raise _unwritable(path, "", "give a file in a folder that exists")
        if os.path.lexists(place) and not place.is_file():
            raise _unwritable(path, "it is no regular file, and would be replaced by one", "give the name of a file")
        with contextlib.suppress(FileNotFoundError):
            os.stat(place)  # tells a name that is too long
        try_folder(place.parent)
        is_input = any(given and os.path.realpath(given) == str(place) for given in inputs)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unwritable(path, reason, "choose another place") from error
    if is_input:
        raise _unwritable(path, "it is read from and would be lost", "give another name")


def _no_folder(folder, reason: str) -> InputError:
    told = f"cannot make the folder {folder}: {reason}"
    return InputError(ErrorCode.OUTPUT_INVALID, told, "choose another place")


def _unwritable(path, reason: str, hint: str) -> InputError:
    return InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}{f': {reason}' if reason else ''}", hint)
