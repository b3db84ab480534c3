"""Options for reading a motion file of any format, shared by several commands."""

from pathlib import Path

from hoi_motion.io.amass import UNITS_M, UP_AXES
from hoi_motion.io.formats import OPTIONS, READABLE, TIMELESS, format_of, read_motion, taking
from hoi_motion.motion import HoiMotion
from hoi_motion.scripts.outputs import check_folder_is_kept


def add_reading_options(parser, leave_out: tuple[str, ...] = ()) -> None:
    """Adds --from and the options in OPTIONS that are not left out."""
    parser.add_argument(
        "--from", dest="source", choices=READABLE, help="format of IN; default: detected from its content"
    )
    others = ", ".join(name for name in taking("fps") if name not in TIMELESS)
    fps = f"frames per second: required for {', '.join(TIMELESS)}, overrides the file's for {others}"
    kinds = {
        "fps": {"type": float, "help": fps},
        "person": {"type": int, "metavar": "N"},
        "object_mesh": {"metavar": "FILE"},
        "up": {"choices": UP_AXES},
        "unit": {"choices": UNITS_M},
    }
    for name in OPTIONS:
        if name not in leave_out:
            words = f"{OPTIONS[name]}, for {', '.join(taking(name))}"
            parser.add_argument(f"--{name.replace('_', '-')}", **{"help": words} | kinds[name])


def motion_file(path) -> Path:
    """The motion of a plan bundle; else the file or folder itself."""
    path = Path(path)
    return path / "motion.npz" if (path / "motion.npz").is_file() else path


def read_with(arguments, source: str | None = None) -> HoiMotion:
    """The motion in the file `input` of the parsed arguments, in `format`, that of `--from`, or the detected one.

    Raises:
        InputError: as `read_motion`; OUTPUT_INVALID for an output that is a file of the folder that is read.
    """
    check_folder_is_kept(arguments.input, arguments)
    source = source or arguments.source or format_of(arguments.input)
    return read_motion(arguments.input, source, **{name: getattr(arguments, name, None) for name in OPTIONS})
