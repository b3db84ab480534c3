"""Files of one JSON object a line, to which a run that may be killed appends."""

import json
from pathlib import Path

from hoi_motion.files import write_whole
from tavid_planner.errors import ErrorCode, InputError


def read_lines(path: Path) -> list[dict]:
    """Complete lines of a file; a last one that was cut off does not count."""
    if not path.is_file():
        return []
    whole = path.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def drop_cut_line(path: Path) -> None:
    """Remove a last line that was cut off, so that what is appended starts a line of its own."""
    if path.is_file() and (content := path.read_bytes()) and not content.endswith(b"\n"):
        write_whole(path, content[: content.rfind(b"\n") + 1])


def append_line(path: Path, line: dict) -> None:
    """Raises: InputError: OUTPUT_INVALID when the place cannot be written."""
    try:
        with open(path, "a") as stream:
            stream.write(json.dumps(line) + "\n")
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror}") from error
