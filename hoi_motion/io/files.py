"""Files are written whole or not at all."""

import contextlib
import os
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError


def write_whole(path, content: bytes) -> None:
    """Write to a partial name first and rename.

    Raises:
        InputError: OUTPUT_INVALID when the place cannot be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror}") from error
