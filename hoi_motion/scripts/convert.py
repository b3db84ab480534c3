"""hoi-convert: one motion file into another format."""

from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.formats import READABLE, TIMELESS, WRITABLE, format_of, read_motion, write_motion
from hoi_motion.scripts.command import command_parser, run_command


def main(argv: list[str] | None = None) -> int:
    return run_command(_convert, argv)


def _convert(argv: list[str]) -> int:
    parser = command_parser("hoi-convert", f"Convert a motion: {', '.join(READABLE)} in, {', '.join(WRITABLE)} out.")
    parser.add_argument("input", metavar="IN", help="a file, or the folder of a SMPLer-X result or a BEHAVE sequence")
    parser.add_argument("output", metavar="OUT", help="a .glb or .npz file")
    parser.add_argument("--from", dest="source", choices=READABLE, help="format of IN; without it, from what is inside")
    parser.add_argument("--to", help=f"format of OUT: {', '.join(WRITABLE)}; without it, from the names")
    parser.add_argument(
        "--fps", type=float, help=f"frames per second, for formats that do not say: {', '.join(TIMELESS)}"
    )
    parser.add_argument("--person", type=int, metavar="N", help="which person, for wham and smplerx with several")
    parser.add_argument(
        "--object-mesh", metavar="FILE", help="behave: the simplified mesh the object was registered with"
    )
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--body", help="official SMPL-X npz, for .glb; without it the free body is used")
    body.add_argument("--free-body", action="store_true", help="put the poses on the free body, of mean shape")
    arguments = parser.parse_args(argv)
    source = arguments.source or format_of(arguments.input)
    to = arguments.to or _format_for(arguments.output, source)
    if arguments.fps is not None and source in ("motion", "amass"):
        raise InputError(ErrorCode.FILE_INVALID, f"{source} files hold their frame rate", "leave --fps out")
    if source == "behave" and arguments.object_mesh is None:
        raise InputError(
            ErrorCode.FILE_INVALID,
            "BEHAVE's object fits need the object's surface",
            "give --object-mesh objects/NAME/NAME_f1000.ply",
        )
    motion = read_motion(
        arguments.input, source, fps=arguments.fps, person=arguments.person, object_mesh=arguments.object_mesh
    )
    body = None
    if to == "glb" or arguments.free_body:
        from hoi_motion.body import load_body
        from hoi_motion.body.change import on_body

        body = load_body(arguments.body, num_betas=max(10, len(motion.betas)))
        motion = on_body(motion, body) if arguments.free_body else motion
    write_motion(motion, arguments.output, to, body)
    print(f"{arguments.output}: {to}, {motion.num_frames} frames at {motion.fps:g} fps")
    for note in motion.notes:
        print(f"note: {note}")
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
