"""hoi-convert: one motion file into another format."""

from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.formats import READABLE, WRITABLE, format_of, read_motion, write_motion
from hoi_motion.scripts.command import command_parser, run_command


def main(argv: list[str] | None = None) -> int:
    return run_command(_convert, argv)


def _convert(argv: list[str]) -> int:
    parser = command_parser("hoi-convert", f"Convert a motion file: {', '.join(READABLE)} in, {', '.join(WRITABLE)} out.")
    parser.add_argument("input", metavar="IN", help="motion.npz or an AMASS SMPL-X npz")
    parser.add_argument("output", metavar="OUT", help="a .glb file, or an .npz file of the other npz format")
    parser.add_argument("--to", help=f"format of OUT: {', '.join(WRITABLE)}; without it, from the names")
    parser.add_argument("--body", help="official SMPL-X npz, for .glb; without it the free body is used")
    arguments = parser.parse_args(argv)
    to = arguments.to or _format_for(arguments.output, format_of(arguments.input))
    motion = read_motion(arguments.input)
    body = None
    if to == "glb":
        from hoi_motion.body import load_body

        body = load_body(arguments.body)
    write_motion(motion, arguments.output, to, body)
    print(f"{arguments.output}: {to}, {motion.num_frames} frames at {motion.fps:g} fps")
    return 0


def _format_for(output: str, input_format: str) -> str:
    suffix = Path(output).suffix.lower()
    if suffix == ".glb":
        return "glb"
    if suffix == ".npz":
        return "amass" if input_format == "motion" else "motion"
    raise InputError(
        ErrorCode.OUTPUT_INVALID,
        f"no format for {output!r}",
        "name it .glb or .npz, or give --to with one of: " + ", ".join(WRITABLE),
    )
