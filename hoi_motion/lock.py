"""One writer at a time: locks that end with the process that holds them, however it ends."""

import contextlib
import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import hidden_beside

NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_writer(path, what: str = "output") -> Iterator[None]:
    """Hold the right to write a file or folder that need not exist yet; missing parent folders are made.

    A hidden file beside `path` is locked; it is gone afterwards. One that a killed process has left is taken over.

    Args:
        what: how the message calls `path`.

    Raises:
        InputError: OUTPUT_INVALID when another process, or another thread, holds it or no file can be made there.
    """
    path = Path(os.path.abspath(path))
    lock = hidden_beside(path, ".lock")
    made = _make_folders(lock.parent, what, path)
    try:
        descriptor = _locked(lock, what, path)
        try:
            yield
        finally:
            # while still held: a process waiting for this file then finds that the folder no longer has it
            with contextlib.suppress(OSError):
                lock.unlink()
            os.close(descriptor)
    finally:
        for folder in made:  # innermost first; those that were filled stay
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def held_folder(folder) -> Iterator[None]:
    """Mark an existing folder as being in use by this process."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _try_lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def is_held(folder) -> bool:
    """Whether a process is inside `held_folder` of it, or may be: where a file system has no locks, nobody can tell.

    Raises:
        OSError: the folder is gone or cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError as error:
        if not isinstance(error, BlockingIOError) and error.errno not in NO_LOCKS_HERE:
            raise
        return True
    finally:
        os.close(descriptor)


def _locked(lock: Path, what: str, path: Path) -> int:
    while True:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unwritable(what, path, error) from error
        if not _try_lock(descriptor, lock):
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            by = f" by process {holder}" if holder.isdigit() else ""
            raise InputError(
                ErrorCode.OUTPUT_INVALID,
                f"{what} {path} is being written{by}",
                "wait for it, or name another place",
            )
        try:
            current = os.stat(lock).st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            current = False
        if current:
            try:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            except OSError as error:  # as where the disk is full
                lock.unlink()
                os.close(descriptor)
                raise _unwritable(what, path, error) from error
            return descriptor
        os.close(descriptor)  # its holder has removed it meanwhile


def _try_lock(descriptor: int, path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS_HERE:
            raise
        log.warning("%s: this file system has no locks, so nobody sees that it is in use", path)
    return True


def _make_folders(folder: Path, what: str, path: Path) -> list[Path]:
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(what, path, error) from error
    return missing


def _unwritable(what: str, path: Path, error: OSError) -> InputError:
    return InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {what} {path}: {error.strerror or error}")
