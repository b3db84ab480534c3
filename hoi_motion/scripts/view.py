"""hoi-view: show a motion or a plan bundle as a picture or a rerun recording; needs no display."""

import os
import sys
from pathlib import Path

from hoi_motion.io.formats import format_of
from hoi_motion.motion import HoiMotion
from hoi_motion.scripts.command import command_parser, run_command, say_note
from hoi_motion.scripts.outputs import OutPng, OutRrd, check_outputs
from hoi_motion.scripts.reading_options import add_reading_options, motion_file, read_with


def main(argv: list[str] | None = None) -> int:
    return run_command(_view, argv)


def _view(argv: list[str]) -> int:
    parser = command_parser("hoi-view", "Draw a motion as a contact sheet: front, side and top view over time.")
    parser.add_argument(
        "input", metavar="IN", help="plan bundle (a folder), motion file, or any motion that hoi-convert reads"
    )
    parser.add_argument(
        "--out", type=OutPng, metavar="FILE", help="picture to write (.png); default: NAME.view.png beside the motion"
    )
    parser.add_argument("--columns", type=int, default=8, metavar="N", help="frames to draw (default %(default)s)")
    parser.add_argument("--body", metavar="FILE", help="official SMPL-X npz; without it the free body is used")
    parser.add_argument(
        "--rerun",
        type=OutRrd,
        metavar="FILE",
        help="write a recording for the rerun viewer (.rrd); a picture only with --out",
    )
    add_reading_options(parser)
    arguments = parser.parse_args(argv)
    if not 1 <= arguments.columns <= 64:
        parser.error(f"--columns is {arguments.columns}, expected 1 to 64")
    path = motion_file(arguments.input)
    arguments.input, given = path, Path(arguments.input)
    source = arguments.source or format_of(path)
    if not (arguments.out or arguments.rerun):
        named = path if path.name.strip(".") else Path(os.path.abspath(path))  # . and .. have no name of their own
        arguments.out = OutPng(named.with_name(f"{named.stem}.view.png"))
    check_outputs(arguments)  # again: of a bundle, its motion is read
    filmed, body = _on_its_body(read_with(arguments, source), source, arguments.body)

    from hoi_motion.ground.still_world import in_still_world

    motion = in_still_world(filmed, body)  # a table stands still, and so must what is seen beside it
    if arguments.rerun:
        from hoi_motion.io.rerun_recording import write_rerun

        write_rerun(motion, arguments.rerun, body, filmed.T_first_camera)
        print(arguments.rerun)
    if arguments.out:
        _write_picture(motion, body, arguments.columns, Path(arguments.out))
        print(arguments.out)
    for note in () if source == "motion" else motion.notes:
        say_note(note)
    page = path.parent / "report.html"
    if given.is_dir() and page.is_file():
        print(f"the whole plan, with video and verdict: {page}")
    return 0


def _on_its_body(motion: HoiMotion, source: str, body_path: str | None):
    """The motion and its body; a motion from another program gets the free body unless one is given."""
    if source != "motion" and body_path is None:
        from hoi_motion.body import load_body
        from hoi_motion.body.change import on_body

        body = load_body(num_betas=len(motion.betas))
        return on_body(motion, body), body
    return motion, _body_of(motion, body_path)


def _body_of(motion: HoiMotion, body_path: str | None):
    from hoi_motion.body import load_body
    from hoi_motion.body.posed import check_body

    body = load_body(body_path, num_betas=len(motion.betas))
    check_body(body, motion)
    return body


def _write_picture(motion: HoiMotion, body, columns: int, out: Path) -> None:
    import cv2

    from hoi_motion.files import write_whole
    from hoi_motion.media.contact_sheet import contact_sheet

    encoded = cv2.imencode(".png", contact_sheet(motion, body, columns))[1]
    write_whole(out, encoded.tobytes())


if __name__ == "__main__":
    sys.exit(main())
