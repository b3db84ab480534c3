"""Which motion files can be read and written, by name."""

import zipfile
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.amass import read_amass, write_amass
from hoi_motion.motion import HoiMotion

READABLE = ("motion", "amass")
WRITABLE = ("motion", "amass", "glb")


def format_of(path) -> str:
    """Format of an existing file, from what is inside: one of READABLE.

    Raises:
        InputError: FILE_INVALID, listing what can be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(ErrorCode.FILE_INVALID, f"no file {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = set(getattr(file, "files", ()))
    except (OSError, ValueError, zipfile.BadZipFile, EOFError):
        keys = set()
    if "meta" in keys:
        return "motion"
    if keys & {"mocap_frame_rate", "mocap_framerate"}:
        return "amass"
    raise InputError(
        ErrorCode.FILE_INVALID, f"{path} has no known motion format", f"readable formats: {', '.join(READABLE)} (npz)"
    )


def read_motion(path) -> HoiMotion:
    """Read a motion of any readable format."""
    return {"motion": HoiMotion.load, "amass": read_amass}[format_of(path)](path)


def write_motion(motion: HoiMotion, path, to: str, body=None) -> None:
    """Write a motion in the format named `to`.

    Raises:
        InputError: OUTPUT_INVALID for an unknown format (the valid names are listed) or a place that cannot be written.
    """
    if to == "motion":
        motion.save(path)
    elif to == "amass":
        write_amass(motion, path)
    elif to == "glb":
        from hoi_motion.io.glb import write_glb

        write_glb(motion, path, body)
    else:
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"unknown motion format {to!r}", f"valid names: {', '.join(WRITABLE)}"
        )
