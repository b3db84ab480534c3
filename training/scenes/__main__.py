"""`python -m training.scenes --count N --size HxW --out DIR [--preview sheet.png]`."""

import argparse
import logging
import re
import sys

from hoi_motion.errors import TavidError, counted
from training.arguments import given_path, positive, positive_number
from training.scenes.doings import KINDS
from training.scenes.generate import MIXED, PAIRS, PAIRS_OF, TARGETS, Settings, clip_path, generate
from training.scenes.scene import SceneError

PREVIEW_CLIPS = 12


def size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match or min(map(int, match.groups())) < 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write height x width of at least 16, e.g. 128x192")
    return int(match[1]), int(match[2])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.scenes", description="Procedural interaction clips with full ground truth."
    )
    parser.add_argument("--count", type=positive, required=True, help="number of clips")
    parser.add_argument("--size", type=size, default=(128, 192), metavar="HxW", help="default 128x192")
    parser.add_argument("--frames", type=positive, default=25)
    parser.add_argument("--fps", type=positive_number, default=8.0)
    parser.add_argument("--seed", type=int, default=0, help="first seed; from 1000000 on held out from training")
    parser.add_argument("--candidates", type=int, choices=(1, 2, 3, 4), help="identical objects in every scene")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--company", choices=(*KINDS, MIXED, PAIRS, *PAIRS_OF), help="two people, of whom the marked one acts"
    )
    who.add_argument(
        "--pairs",
        action="store_const",
        const=TARGETS,
        dest="company",
        help="one person, in pairs of clips that begin alike and differ in which of equal objects is marked",
    )
    parser.add_argument("--depth", action="store_true", help="store depth too")
    parser.add_argument("--workers", type=positive, default=1)
    parser.add_argument("--out", type=given_path, required=True)
    parser.add_argument("--preview", type=given_path, metavar="PNG", help=f"contact sheet of the first {PREVIEW_CLIPS}")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = Settings(
        *arguments.size,
        num_frames=arguments.frames,
        fps=arguments.fps,
        num_candidates=arguments.candidates,
        with_depth=arguments.depth,
        company=arguments.company,
    )
    try:
        entries = generate(arguments.out, settings, arguments.seed, arguments.count, arguments.workers)
    except (TavidError, SceneError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{counted(len(entries), 'clip')} in {arguments.out}")
    if arguments.preview:
        import cv2

        from training.scenes.clip_file import load_clip
        from training.scenes.contact_sheet import contact_sheet

        shown = [load_clip(clip_path(arguments.out, e["seed"])) for e in entries[:PREVIEW_CLIPS]]
        cv2.imwrite(str(arguments.preview), contact_sheet(shown)[..., ::-1])
        print(f"preview: {arguments.preview}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
