"""The temporary folder in which a bundle is written, and removal of those left by killed processes."""

import contextlib
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.files import hidden_beside
from hoi_motion.lock import held_folder, is_held

NAME = re.compile(r"\..+\.partial-(\d+)-[0-9a-f]{8}")
UNLOCKED_S = 60.0
"""Between creation and locking, a running process's folder looks abandoned."""

log = logging.getLogger(__name__)


@contextlib.contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, removed at the end unless it has been renamed.

    Raises:
        OSError: it cannot be created.
    """
    partial = hidden_beside(folder, f".partial-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        partial.mkdir(parents=True)
        with held_folder(partial):
            yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sweep_partials(folder: Path) -> list[str]:
    """Remove the temporary folders in `folder` whose process has ended; returns their names."""
    swept = []
    with contextlib.suppress(OSError):  # no such folder: nothing to sweep
        for partial in sorted(folder.iterdir()):
            if NAME.fullmatch(partial.name) and not partial.is_symlink() and _abandoned(partial):
                shutil.rmtree(partial, ignore_errors=True)
                swept.append(partial.name)
    for name in swept:
        log.info("removed %s: its process has ended before the bundle was whole", folder / name)
    return swept


def _abandoned(partial: Path) -> bool:
    try:
        if is_held(partial):
            return False
        age_s = time.time() - partial.stat().st_mtime
    except OSError:  # its process has just renamed or removed it
        return False
    # a process ID alone is not reliable across containers or restarts; the lock decides
    return age_s > UNLOCKED_S or not _lives(int(NAME.fullmatch(partial.name)[1]))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
