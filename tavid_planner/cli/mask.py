"""tavid-mask: the object under a click, as a mask."""

import sys
from pathlib import Path

import numpy as np

from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.marking import add_marking_options, marked_mask, print_doubts
from hoi_motion.scripts.outputs import OutPng, check_outputs

# as for a plan that fails its check: there is a result, but it should not be trusted
DOUBTFUL = 3


def main(argv: list[str] | None = None) -> int:
    return run_command(_mask, argv)


def _parser():
    parser = command_parser("tavid-mask", "Makes a mask of the object marked by a click, a box or strokes.")
    shown = parser.add_mutually_exclusive_group(required=True)
    shown.add_argument("--image", metavar="FILE", help="camera frame: PNG or JPEG")
    shown.add_argument("--video", metavar="FILE", help="a video instead, of which the first frame is marked")
    add_marking_options(parser, "pixels of the image or frame")
    parser.add_argument(
        "--out", type=OutPng, required=True, metavar="FILE", help="mask to write (.png): 255 on the object"
    )
    parser.add_argument(
        "--picture",
        type=OutPng,
        metavar="FILE",
        help="image with the outline drawn in (.png); default: beside OUT, as OUT-outline",
    )
    return parser


def _mask(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)

    from hoi_motion.media.image_files import read_image
    from hoi_motion.media.video_file import read_frame
    from hoi_motion.segment.picture import outlined
    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.media import write_png

    quiet_libraries(arguments.debug)
    out = Path(arguments.out)
    if not arguments.picture:
        arguments.picture = OutPng(out.with_name(f"{out.stem}-outline.png"))
        check_outputs(arguments)
    picture = Path(arguments.picture)
    rgb = read_frame(arguments.video) if arguments.video else read_image(arguments.image)
    found, prompt = marked_mask(arguments, rgb)
    for path, image in (
        (out, found.mask.astype(np.uint8) * 255),
        (picture, outlined(rgb, found.mask, prompt)),
    ):
        write_png(path, image)
    print(f"found    {found.source}: {int(found.mask.sum())} px, {100 * found.mask.mean():.1f}% of the picture")
    print_doubts(found)
    print(f"mask     {out}")
    print(f"picture  {picture}")
    return DOUBTFUL if found.doubts else 0


if __name__ == "__main__":
    sys.exit(main())
