"""Which motion files can be read and written, by name."""

import zipfile
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.amass import read_amass, write_amass
from hoi_motion.io.behave import OBJECT_KEYS, is_behave, read_behave
from hoi_motion.io.gvhmr import read_gvhmr
from hoi_motion.io.smplerx import frame_files, read_smplerx
from hoi_motion.io.wham import is_wham, read_wham
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.pickles import load_pickle

READABLE = ("motion", "amass", "gvhmr", "wham", "smplerx", "behave")
WRITABLE = ("motion", "amass", "glb")
TIMELESS = ("gvhmr", "wham", "smplerx")
"""Formats without a frame rate."""


def format_of(path) -> str:
    """Format of an existing file or folder, from what is inside: one of READABLE.

    Raises:
        InputError: FILE_INVALID, listing what can be read; or naming what code a pickle asks for.
    """
    path = Path(path)
    found = None
    if path.is_dir():
        found = "behave" if is_behave(path) else "smplerx" if frame_files(path) else None
    elif path.is_file():
        with open(path, "rb") as file:
            start = file.read(2)
        if start == b"PK":
            found = _format_of_zip(path)
        elif start[:1] == b"\x80" and is_wham(load_pickle(path)):
            found = "wham"
    else:
        raise InputError(ErrorCode.FILE_INVALID, f"no file {path}")
    if found is None:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} has no known motion format",
            f"readable formats: {', '.join(READABLE)}; --from names one, and says what its files lack",
        )
    return found


def _format_of_zip(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None
    if any(name.endswith("data.pkl") for name in names):  # torch.save
        return "gvhmr"
    keys = {name.removesuffix(".npy") for name in names}
    if "meta" in keys:
        return "motion"
    if keys & {"mocap_frame_rate", "mocap_framerate"}:
        return "amass"
    return "behave" if set(OBJECT_KEYS) <= keys or {"poses", "frame_times"} <= keys else None


def read_motion(
    path, source: str | None = None, *, fps: float | None = None, person: int | None = None, object_mesh=None
) -> HoiMotion:
    """Read a motion of any readable format, in our world frame.

    Args:
        source: one of READABLE; None looks into the file.
        fps: frames per second, for TIMELESS formats.
        person: which one, for files with several people (WHAM, SMPLer-X).
        object_mesh: file of the registered mesh, for BEHAVE.

    Raises:
        InputError: FILE_INVALID.
    """
    source = source or format_of(path)
    if not Path(path).exists():
        raise InputError(ErrorCode.FILE_INVALID, f"no file {path}")
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(ErrorCode.FILE_INVALID, f"fps is {fps}, expected a positive number")
    if source == "motion":
        return HoiMotion.load(path)
    if source == "amass":
        return read_amass(path)
    if source == "gvhmr":
        return read_gvhmr(path, fps)
    if source == "wham":
        return read_wham(path, fps, person)
    if source == "smplerx":
        return read_smplerx(path, fps, person)
    if source == "behave":
        return read_behave(path, object_mesh, fps)
    raise InputError(
        ErrorCode.FILE_INVALID, f"unknown motion format {source!r}", f"readable formats: {', '.join(READABLE)}"
    )


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
