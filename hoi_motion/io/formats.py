"""The table of motion files: how each is recognised, read and written, and which options it takes."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hoi_motion.arrays import checked_rate
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.io.amass import UNITS_M, UP_AXES, looks_like_amass, read_amass, write_amass
from hoi_motion.io.behave import OBJECT_KEYS, is_behave, read_behave
from hoi_motion.io.doubts import doubts_about
from hoi_motion.io.lifters.gem import is_gem, read_gem
from hoi_motion.io.lifters.gvhmr import read_gvhmr
from hoi_motion.io.lifters.sam_3d_body import is_sam_3d_body_file, is_sam_3d_body_folder, read_sam_3d_body
from hoi_motion.io.lifters.smplerx import frame_files, read_smplerx
from hoi_motion.io.lifters.soma import looks_like_soma, read_soma
from hoi_motion.io.lifters.wham import is_wham_file, read_wham
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.npz import MAX_ENTRIES
from hoi_motion.reading.pickles import PACKERS
from hoi_motion.reading.untrusted import read_bytes, reading

OPTIONS = {
    "fps": "frames per second",
    "person": "which of several people",
    "object_mesh": "file of the mesh the object was registered with",
    "up": f"axis of the file that points up: {', '.join(UP_AXES)}",
    "unit": f"unit of the file's translations: {', '.join(UNITS_M)}",
}
"""Options that can be given with a file."""
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF"


@dataclass(frozen=True)
class Glance:
    """What can be seen of a file or folder without reading all of it."""

    path: Path
    is_folder: bool
    start: bytes
    entries: frozenset[str]  # names in a zip archive, without .npy

    @property
    def is_torch(self) -> bool:
        """Whether it is an archive as torch writes them, or what it wrote before 1.6."""
        return self.start.startswith(_OLD_TORCH) or any(name.endswith("data.pkl") for name in self.entries)

    @property
    def is_pickle(self) -> bool:
        """Whether it begins as a pickle does."""
        return self.start[:1] == b"\x80"


@dataclass(frozen=True)
class MotionFormat:
    """One row of the table.

    Attributes:
        name: as `--from` and `--to` say it; what: in a few words.
        looks_like: whether a file is one; the first row that says yes is taken.
        read: takes the path and the options of `takes`; None for a format that is only written.
        write: takes motion, path and body; None for a format that is only read.
        takes: OPTIONS that can be given; needs: those that must be given.
    """

    name: str
    what: str
    looks_like: Callable[[Glance], bool] | None = None
    read: Callable[..., HoiMotion] | None = None
    write: Callable | None = None
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _write_glb(motion: HoiMotion, path, body) -> None:
    from hoi_motion.io.glb import write_glb  # pulls in torch with the body

    write_glb(motion, path, body)


FORMATS = (
    MotionFormat(
        name="motion",
        what="our motion.npz",
        looks_like=lambda seen: {"meta", "pose_rad"} <= seen.entries,
        read=HoiMotion.load,
        write=lambda motion, path, body: motion.save(path),
    ),
    MotionFormat(
        name="amass",
        what="AMASS npz: SMPL-X, SMPL+H, SMPL or their 22 body joints",
        looks_like=lambda seen: looks_like_amass(seen.entries) and "frame_times" not in seen.entries,
        read=read_amass,
        write=lambda motion, path, body: write_amass(motion, path),
        takes=("fps", "up", "unit"),
    ),
    MotionFormat(
        name="soma",
        what="SOMA's npz: poses of its 77 joints",
        looks_like=lambda seen: looks_like_soma(seen.entries),
        read=read_soma,
        takes=("fps", "up"),
        needs=("fps",),
    ),
    MotionFormat(
        name="gem",
        what="GEM's smpl_params.pt or, of GEM-X, hpe_results.pt",
        looks_like=lambda seen: seen.is_torch and is_gem(seen.path),
        read=read_gem,
        takes=("fps",),
        needs=("fps",),
    ),
    MotionFormat(
        name="gvhmr",
        what="GVHMR's hmr4d_results.pt",
        looks_like=lambda seen: seen.is_torch,
        read=read_gvhmr,
        takes=("fps",),
        needs=("fps",),
    ),
    MotionFormat(
        name="wham",
        what="WHAM's wham_output.pkl",
        looks_like=lambda seen: seen.is_pickle and is_wham_file(seen.path),
        read=read_wham,
        takes=("fps", "person"),
        needs=("fps",),
    ),
    MotionFormat(
        name="sam3d",
        what="SAM 3D Body: folder with one npz a detection, or a pickle of what it returns",
        looks_like=lambda seen: (
            is_sam_3d_body_folder(seen.path) if seen.is_folder else seen.is_pickle and is_sam_3d_body_file(seen.path)
        ),
        read=read_sam_3d_body,
        takes=("fps", "person"),
        needs=("fps",),
    ),
    MotionFormat(
        name="smplerx",
        what="folder of a SMPLer-X result, one npz a detection",
        looks_like=lambda seen: seen.is_folder and bool(frame_files(seen.path)),
        read=read_smplerx,
        takes=("fps", "person"),
        needs=("fps",),
    ),
    MotionFormat(
        name="behave",
        what="folder of a BEHAVE sequence",
        looks_like=lambda seen: (
            is_behave(seen.path)
            if seen.is_folder
            else set(OBJECT_KEYS) <= seen.entries or {"poses", "frame_times"} <= seen.entries
        ),
        read=read_behave,
        takes=("object_mesh", "fps"),
    ),
    MotionFormat(name="glb", what="animated glTF, for viewers", write=_write_glb),
)

READABLE = tuple(row.name for row in FORMATS if row.read)
WRITABLE = tuple(row.name for row in FORMATS if row.write)
TIMELESS = tuple(row.name for row in FORMATS if "fps" in row.needs)
"""Formats without a frame rate."""


def taking(option: str) -> tuple[str, ...]:
    """Names of the formats that take an option."""
    return tuple(row.name for row in FORMATS if option in row.takes)


def format_of(path) -> str:
    """Format of an existing file or folder, from what is inside: one of READABLE.

    Raises:
        InputError: FILE_INVALID, listing what can be read; or naming what code a pickle asks for.
    """
    path = Path(path)
    with reading(path, "a motion"):
        seen = _glance(path)
        found = next((row.name for row in FORMATS if row.looks_like and row.looks_like(seen)), None)
    if found is None and (
        packer := next((name for start, name in PACKERS.items() if seen.start.startswith(start)), "")
    ):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} is packed by {packer}",
            "unpack it first, or save it without compression",
        )
    if found is None:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} has no known motion format",
            f"readable formats: {', '.join(READABLE)}; --from names one, and says what its files lack",
        )
    return found


def _glance(path: Path) -> Glance:
    if path.is_dir():
        return Glance(path, True, b"", frozenset())
    content = read_bytes(path, "a motion")
    entries: frozenset[str] = frozenset()
    if content[:2] == b"PK" and content.count(b"PK\x01\x02") <= MAX_ENTRIES:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                entries = frozenset(name.removesuffix(".npy") for name in archive.namelist())
        except zipfile.BadZipFile:
            pass  # no format is recognised by it
    return Glance(path, False, content[:8], entries)


def read_motion(path, source: str | None = None, **options) -> HoiMotion:
    """Read a motion of any readable format, in our world frame.

    Args:
        source: one of READABLE; None looks into the file.
        **options: of OPTIONS; None stands for one that is not given.

    Raises:
        InputError: FILE_INVALID; also for an option that the format does not take, or one that it needs.
    """
    source = source or format_of(path)
    row = next((row for row in FORMATS if row.name == source and row.read), None)
    if row is None:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"unknown motion format {shown(source)}",
            f"readable formats: {', '.join(READABLE)}",
        )
    if not Path(path).exists():
        raise InputError(ErrorCode.FILE_INVALID, f"no file {path}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in row.takes:
            others = ", ".join(taking(name)) or "no format"
            what = "hold their frame rate" if name == "fps" else f"take no {name}"
            raise InputError(ErrorCode.FILE_INVALID, f"{source} files {what}", f"leave {name} out; it is for {others}")
    if "fps" in given:
        given["fps"] = checked_rate(given["fps"])
    for name, choices in (("up", UP_AXES), ("unit", UNITS_M)):
        if given.get(name) is not None and given[name] not in choices:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{name} is {shown(given[name])}", f"valid names: {', '.join(choices)}"
            )
    with reading(path, f"a {source} file that can be read"):
        motion = row.read(path, **given)
        doubts = tuple(note for note in doubts_about(motion, row.takes) if note not in motion.notes)
        return motion.replace(notes=(*motion.notes, *doubts)) if doubts else motion


def write_motion(motion: HoiMotion, path, to: str, body=None) -> None:
    """Write a motion in the format named `to`.

    Raises:
        InputError: OUTPUT_INVALID for an unknown format (the valid names are listed) or a place that cannot be written.
    """
    row = next((row for row in FORMATS if row.name == to and row.write), None)
    if row is None:
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"unknown motion format {shown(to)}", f"valid names: {', '.join(WRITABLE)}"
        )
    row.write(motion, path, body)
