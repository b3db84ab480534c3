"""What a command writes, compared with all files that its arguments name: no input is overwritten."""

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import check_writable


class OutPath(str):
    """A file or folder that a command writes, as `type` of its option."""


class OutFile(OutPath):
    """A file that a command writes, as `type` of its option."""


def check_outputs(arguments: argparse.Namespace, *derived) -> None:
    """Check before the work that every file can be written, is written once, and is none that an argument names.

    Whatever is neither an OutPath nor derived is taken for an input where there is such a file, also in
    NAME:ROLE:FILE and OPTION=FILE.

    Args:
        derived: paths of files that are written beside those of the options.

    Raises:
        InputError: OUTPUT_INVALID.
    """
    values = [*_flat(vars(arguments).values())]
    options = [value for value in values if isinstance(value, OutPath)]
    files = [*(value for value in options if isinstance(value, OutFile)), *derived]
    read = [value for value in values if not isinstance(value, OutPath) and not any(value is path for path in derived)]
    inputs = [name for value in read for name in _named_files(str(value))]
    for path in files:
        check_writable(path, *inputs)
    for together in (options, files):
        places: set[str] = set()
        for path in together:
            if (place := os.path.realpath(path)) in places:
                raise InputError(
                    ErrorCode.OUTPUT_INVALID, f"cannot write {path}: it is given for two outputs", "give two names"
                )
            places.add(place)


def _flat(values) -> Iterator[str | Path]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif isinstance(value, (str, Path)):
            yield value


def _named_files(text: str) -> list[str]:
    tails = [text, *(text[mark.end() :] for mark in re.finditer("[:=]", text))]
    return [tail for tail in tails if os.path.isfile(tail)]
