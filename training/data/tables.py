"""Tables of clips: metadata.csv, .json or .jsonl in a folder of videos.

A row that cannot be read tells why and where it stands; the others are read.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hoi_motion.errors import shown
from hoi_motion.reading.text import MAX_JSON_BYTES, json_value
from hoi_motion.reading.untrusted import read_bytes, reason_of
from tavid_planner.errors import InputError
from training.data.caption_file import CONTROL, check_letters, decoded
from training.data.clip import unusable
from training.data.fingerprint import DIGITS

# halves of a character in UTF-16, which JSON may escape
_HALVES = re.compile("[\ud800-\udfff]")
NAMES = ("metadata.csv", "metadata.json", "metadata.jsonl")


@dataclass(frozen=True)
class Row:
    """A row of a table: place, such as "metadata.csv line 7", and its fields by name, or the fault that it has."""

    place: str
    fields: dict
    fault: str = ""

    def error(self) -> InputError:
        """That it cannot be used."""
        return unusable(self.place, self.fault)

    @property
    def digest(self) -> str:
        return hashlib.sha256(f"{self.place} {self.fault}".encode()).hexdigest()[:DIGITS]


def table_of(folder: Path) -> Path | None:
    """The table in a folder, None without one."""
    return next((path for path in (folder / name for name in NAMES) if path.is_file()), None)


def read_table(path: Path, encoding: str = "utf-8") -> list[Row]:
    """Rows of a table; none of a .json file that is no list.

    Args:
        encoding: of a table without a byte order mark.

    Raises:
        ValueError: for what is no table.
    """
    text = decoded(read_bytes(path, "metadata", MAX_JSON_BYTES), encoding)
    if "\0" in (head := text.partition("\n")[0]):  # control characters of a row are its own fault
        check_letters(head, encoding)
    if path.suffix == ".csv":
        return list(_csv_rows(path.name, list(io.StringIO(text, newline=""))))
    if path.suffix == ".jsonl":
        lines = enumerate(text.split("\n"), start=1)
        return [_json_row(f"{path.name} line {number}", line) for number, line in lines if line.strip()]
    rows = json_value(text)
    if not isinstance(rows, list):  # of something else
        return []
    return [_object_row(f"{path.name} row {number}", row) for number, row in enumerate(rows, start=1)]


def refuse_all(rows: list[Row]) -> None:
    """Raises: ValueError: for rows of which one cannot be read, where none is of use."""
    if unread := next((row for row in rows if row.fault and not row.fields), None):
        raise ValueError(f"{unread.place}: {unread.fault}")


def _json_row(place: str, line: str) -> Row:
    try:
        return _object_row(place, json_value(line))
    except Exception as error:  # for which json has no complete list either
        return Row(place, {}, f"it is no JSON: {reason_of(error)}")


def _object_row(place: str, value) -> Row:
    if not isinstance(value, dict):
        return Row(place, {}, f"it is {shown(value)}, expected an object")
    return _of_text(place, value)


def _of_text(place: str, fields: dict) -> Row:
    """A row whose fields are captions and names of files, in which some characters make no sense."""
    texts = [value for value in fields.values() if isinstance(value, str)]
    if broken := next((text for text in texts if CONTROL.search(text) or _HALVES.search(text)), None):
        return Row(place, {}, f"{shown(broken)} has control characters")
    return Row(place, fields)


def _csv_rows(name: str, lines: list[str]) -> Iterator[Row]:
    """Rows below the first line, which has their names; a field in quotes may go on over lines."""
    head = lines[0] if lines else ""
    # spreadsheets of many countries write semicolons
    separator = next((mark for mark in ",;\t" if mark in head), ",")
    how = dict(delimiter=separator, strict=True, skipinitialspace=True)
    columns = [column.strip() for column in next(csv.reader([head], **how), [])]
    at, reader = 1, csv.reader(lines[1:], **how)
    while at < len(lines):
        place = f"{name} line {at + 1}"
        before = reader.line_num
        try:
            values = next(reader, None)
        except csv.Error as error:
            # a quotation mark that is not closed would take all that follows with it
            yield Row(place, {}, f"its quotation marks or separators are amiss: {error}")
            at += 1
            reader = csv.reader(lines[at:], **how)
            continue
        if values is None:
            return
        if not any(value.strip() for value in values):
            pass  # spreadsheets write lines of separators below the last row
        elif len(values) == len(columns):
            yield _of_text(place, dict(zip(columns, values)))
        else:
            counts = f"{len(values)} fields, the first line has {len(columns)} names"
            yield Row(place, {}, f"it has {counts}: a field with a {separator!r} stands in quotation marks")
        at += reader.line_num - before
