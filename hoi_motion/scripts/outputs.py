"""What a command writes, compared with all files that its arguments name: no input is overwritten."""

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import check_folder, check_writable


class OutPath(str):
    """A file or folder that a command writes, as `type` of its option."""


class OutFile(OutPath):
    """A file that a command writes, as `type` of its option.

    Attributes:
        ending: what its name ends in; "" if the name itself chooses what is written.
        others: what it may end in, too.
        is_required: the name must end so; else it may be any but that of another kind of file.
    """

    ending = ""
    others: tuple[str, ...] = ()
    is_required = False


class OutNpz(OutFile):
    ending = ".npz"


class OutJson(OutFile):
    ending = ".json"


class OutPng(OutFile):
    ending = ".png"
    is_required = True


class OutMp4(OutFile):
    ending = ".mp4"
    is_required = True


class OutVideo(OutMp4):
    """A video in the container that its name says, of those that hold H.264."""

    others = (".m4v", ".mov", ".mkv", ".avi", ".ts", ".flv", ".3gp")


class OutRrd(OutFile):
    ending = ".rrd"


KNOWN_ENDINGS = tuple(".npz .glb .gltf .png .jpg .mp4 .json .pkl .pt .bvh .fbx .csv .rrd".split())
"""A file that is no such thing may not be called so: another program would be given it."""


def check_outputs(arguments: argparse.Namespace, *derived, folder=None) -> None:
    """Check before the work that every file can be written, is written once, and is none that an argument names.

    Whatever is neither an OutPath nor derived is taken for an input where there is such a file, also in
    NAME:ROLE:FILE and OPTION=FILE.

    Args:
        derived: paths of files that are written beside those of the options.
        folder: that of `derived`, if it is made for them where there is none.

    Raises:
        InputError: OUTPUT_INVALID.
    """
    is_new = folder is not None and not os.path.isdir(folder)
    if is_new:
        check_folder(folder, *(os.path.basename(path) for path in derived))
    values = [*_flat(vars(arguments).values())]
    options = [value for value in values if isinstance(value, OutPath)]
    files = [*(value for value in options if isinstance(value, OutFile)), *derived]
    read = [value for value in values if not isinstance(value, OutPath) and not any(value is path for path in derived)]
    inputs = [name for value in read for name in _named_files(str(value))]
    for path in files:
        if not (is_new and any(path is other for other in derived)):
            check_writable(path, *inputs)
        if isinstance(path, OutFile):
            _check_ending(path)
    for together in (options, files):
        places: set[str] = set()
        for path in together:
            if (place := os.path.realpath(path)) in places:
                raise InputError(
                    ErrorCode.OUTPUT_INVALID, f"cannot write {path}: it is given for two outputs", "give two names"
                )
            places.add(place)


def _check_ending(path: OutFile) -> None:
    named = os.path.splitext(path)[1].lower()
    if path.ending and named not in (path.ending, *path.others) and (path.is_required or named in KNOWN_ENDINGS):
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"cannot write {path}: it would be {path.ending[1:]}", f"name it {path.ending}"
        )


def check_folder_is_kept(folder, arguments: argparse.Namespace) -> None:
    """Check that no output replaces a file of the folder that is read.

    Raises:
        InputError: OUTPUT_INVALID.
    """
    read = os.path.join(os.path.realpath(folder), "")
    for path in _flat(vars(arguments).values()):
        place = os.path.realpath(path)
        is_data = place.endswith((".npz", ".pkl")) and os.path.isfile(place)
        if isinstance(path, OutFile) and is_data and place.startswith(read):
            raise InputError(
                ErrorCode.OUTPUT_INVALID,
                f"cannot write {path}: it is in the folder that is read, and would be lost",
                "give another name, or a place outside the folder",
            )


def _flat(values) -> Iterator[str | Path]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        elif isinstance(value, (str, Path)):
            yield value


def _named_files(text: str) -> list[str]:
    tails = [text, *(text[mark.end() :] for mark in re.finditer("[:=]", text))]
    return [tail for tail in tails if os.path.isfile(tail)]
