"""hoi-convert: one motion file into another format."""

import argparse
import sys
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.io.amass import left_out_of_amass
from hoi_motion.io.formats import FORMATS, READABLE, WRITABLE, format_of, write_motion
from hoi_motion.scripts.command import command_parser, run_command, say_note
from hoi_motion.scripts.outputs import OutFile, check_outputs
from hoi_motion.scripts.reading_options import add_reading_options, motion_file, read_with


def main(argv: list[str] | None = None) -> int:
    return run_command(_convert, argv)


def _convert(argv: list[str]) -> int:
    parser = command_parser("hoi-convert", f"Convert a motion: {', '.join(READABLE)} in, {', '.join(WRITABLE)} out.")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "formats:\n" + "\n".join(_line(row) for row in FORMATS)
    parser.add_argument("input", metavar="IN", help="a file, or a folder: plan bundle, SAM 3D Body, SMPLer-X, BEHAVE")
    parser.add_argument("output", type=OutFile, metavar="OUT", help="file to write, .glb or .npz")
    parser.add_argument(
        "--to",
        metavar="FORMAT",
        help=f"format of OUT: {', '.join(WRITABLE)}; default: by its name, and amass for an .npz from a motion",
    )
    add_reading_options(parser)
    body = parser.add_mutually_exclusive_group()
    body.add_argument("--body", metavar="FILE", help="official SMPL-X npz, for .glb; without it the free body is used")
    body.add_argument("--free-body", action="store_true", help="use the poses with the free body in its mean shape")
    arguments = parser.parse_args(argv)
    arguments.input = motion_file(arguments.input)
    check_outputs(arguments)  # again: of a bundle, its motion is read
    source = arguments.source or format_of(arguments.input)
    to = _format_for(arguments.output, source, arguments.to)
    if source == "behave" and arguments.object_mesh is None:
        raise InputError(
            ErrorCode.FILE_INVALID,
            "BEHAVE's object fits need the object's mesh",
            "give --object-mesh objects/NAME/NAME_f1000.ply",
        )
    motion = read_with(arguments, source)
    body = None
    turned = motion.T_first_camera is not None and to != "motion"
    if to == "glb" or arguments.free_body or turned:
        from hoi_motion.body import load_body
        from hoi_motion.body.change import on_body
        from hoi_motion.body.posed import check_body
        from hoi_motion.ground.still_world import in_still_world

        body = load_body(arguments.body, num_betas=len(motion.betas))
        motion = on_body(motion, body) if arguments.free_body else motion
        if turned:
            check_body(body, motion)
            motion = in_still_world(motion, body)
    write_motion(motion, arguments.output, to, body)
    print(f"{arguments.output}: {to}, {counted(motion.num_frames, 'frame')} at {motion.fps:g} fps")
    left_out = left_out_of_amass(motion) if to == "amass" else ""
    for note in (*motion.notes, left_out):
        if note:
            say_note(note)
    return 0


def _line(row) -> str:
    ways = ", ".join(way for way, function in (("in", row.read), ("out", row.write)) if function)
    options = ", ".join(f"--{name.replace('_', '-')}" for name in row.takes)
    return f"  {row.name:<9} {ways:<8} {row.what}{f' ({options})' if options else ''}"


def _format_for(output: str, input_format: str, to: str | None) -> str:
    """The format named `to`, or else by the name of the output, which may not say another one."""
    suffix = Path(output).suffix.lower()
    by_name = {".glb": "glb", ".npz": "amass" if input_format == "motion" else "motion"}.get(suffix)
    if to is None and by_name is not None:
        return by_name
    if to is not None:
        if to in WRITABLE and suffix in (".glb", ".npz") and (suffix == ".glb") != (to == "glb"):
            other = ".glb" if to == "glb" else ".npz"
            raise InputError(ErrorCode.OUTPUT_INVALID, f"{output!r} is no name for {to}", f"name it {other}")
        return to
    raise InputError(
        ErrorCode.OUTPUT_INVALID,
        f"no format for {output!r}",
        "name it .glb or .npz, or give --to with one of: " + ", ".join(WRITABLE),
    )


if __name__ == "__main__":
    sys.exit(main())
