"""Files of one JSON object a line, to which a run that may be killed appends."""

import json
from pathlib import Path

from hoi_motion.errors import shown
from hoi_motion.files import write_whole
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError


def read_lines(path: Path) -> list[dict]:
    """Complete lines of a file; a last one that was cut off does not count.

    Raises:
        InputError: FILE_INVALID for another line that holds no object, by its number.
    """
    if not path.is_file():
        return []
    lines = []
    with reading(path, "a file of JSON lines", hint="remove the damaged line: what it told is done again"):
        for number, line in enumerate(path.read_bytes().rpartition(b"\n")[0].split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                lines.append(json.loads(line))
            except ValueError as error:
                raise ValueError(f"line {number} is damaged, {error}") from error
            if not isinstance(lines[-1], dict):
                raise ValueError(f"line {number} is {shown(lines[-1])}, expected an object")
    return lines


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
