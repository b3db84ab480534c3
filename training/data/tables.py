"""Tables of clips: metadata.csv, .json or .jsonl in a folder of videos."""

import csv
import io
from pathlib import Path

from hoi_motion.reading.text import MAX_JSON_BYTES, json_value
from hoi_motion.reading.untrusted import read_bytes

NAMES = ("metadata.csv", "metadata.json", "metadata.jsonl")


def table_of(folder: Path) -> Path | None:
    """The table in a folder, None without one."""
    return next((path for path in (folder / name for name in NAMES) if path.is_file()), None)


def read_table(path: Path) -> list[dict]:
    """Rows of a table, which may be anything in JSON.

    Raises:
        ValueError: for a table that cannot be read.
    """
    text = read_bytes(path, "metadata", MAX_JSON_BYTES).decode("utf-8-sig")
    if path.suffix == ".csv":
        return _csv_rows(text)
    if path.suffix == ".jsonl":
        return [json_value(line) for line in text.split("\n") if line.strip()]
    return json_value(text)


def _csv_rows(text: str) -> list[dict]:
    """Rows of a table; a field in quotes may go on over lines.

    Raises:
        ValueError: for a row that has more or fewer fields than there are names.
    """
    head = text.partition("\n")[0]
    # spreadsheets of many countries write semicolons
    separator = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"its line {reader.line_num} has not as many fields as the first has names")
        rows.append(row)
    return rows
