"""hoi-ground: place a person's motion from any lifter on level ground."""

import sys

from hoi_motion.errors import counted
from hoi_motion.scripts.command import command_parser, run_command, say_note
from hoi_motion.scripts.outputs import OutNpz
from hoi_motion.scripts.reading_options import add_reading_options, read_with


def main(argv: list[str] | None = None) -> int:
    return run_command(_ground, argv)


def _ground(argv: list[str]) -> int:
    parser = command_parser(
        "hoi-ground",
        "Place a person's motion on level ground: z up, the floor at 0, no foot skating. Tilt and drift of "
        "the original camera are removed.",
    )
    parser.add_argument("input", metavar="IN", help="any motion that hoi-convert reads")
    parser.add_argument("output", type=OutNpz, metavar="OUT", help="motion to write (.npz)")
    add_reading_options(parser, leave_out=("object_mesh",))
    parser.add_argument("--body", metavar="FILE", help="official SMPL-X npz; without it the free body is used")
    arguments = parser.parse_args(argv)
    motion = read_with(arguments)

    from hoi_motion.body import load_body
    from hoi_motion.body.change import on_body
    from hoi_motion.ground import ground_motion

    body = load_body(arguments.body, num_betas=len(motion.betas))
    done = ground_motion(on_body(motion, body), body)
    done.motion.save(arguments.output)
    print(f"{arguments.output}: {counted(motion.num_frames, 'frame')} at {motion.fps:g} fps")
    for note in done.motion.notes:
        say_note(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
