"""Command line options that mark the object: a mask, or a click, a box or strokes."""

import argparse
import dataclasses

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.scripts.command import say_note
from hoi_motion.segment.answer import SegmentedMask
from hoi_motion.segment.prompt import MaskPrompt, numbers_of
from hoi_motion.segment.sources import HELP, segment

GRABCUT = "grabcut"


def add_marking_options(parser: argparse.ArgumentParser, picture: str) -> None:
    """--click, --box, --scribble and --segmenter; `picture` is the image that their pixels refer to."""
    parser.add_argument("--click", metavar="X,Y", help=f"a pixel on the object, in {picture}, from the top left")
    parser.add_argument("--box", metavar="X0,Y0,X1,Y1", help="left, top, right and bottom of the object, in pixels")
    parser.add_argument(
        "--scribble", metavar="FILE", help="strokes on the object: an image of them like a mask, 0 elsewhere"
    )
    parser.add_argument("--segmenter", default=GRABCUT, metavar="NAME", help=f"{HELP} (default %(default)s)")


def check_one_way(arguments: argparse.Namespace, others: dict[str, object]) -> None:
    """Check that the target is given in exactly one way.

    Args:
        others: name of each other option for it -> its value, None or empty where not given.

    Raises:
        InputError: CONFIG_INVALID for more than one way, or none.
    """
    marks = [f"--{name}" for name in ("click", "box", "scribble") if getattr(arguments, name) is not None]
    given = [name for name, value in others.items() if value] + marks[:1]
    if len(given) > 1:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"{given[0]} and {given[1]} are both given", "give the target in one way"
        )
    if not given:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"neither {' nor '.join(others)} nor a mark is given",
            "mark the target with one of them, such as --click X,Y",
        )
    if arguments.segmenter != GRABCUT and not marks:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"--segmenter is given, but it is {given[0]} that gives the target",
            "mark the target with --click, --box or --scribble instead, or leave --segmenter out",
        )


def prompt_of(arguments: argparse.Namespace) -> MaskPrompt:
    """The prompt from click and box; strokes are an image, see `read_strokes`.

    Raises:
        InputError: MASK_INVALID for a text that is not the expected numbers.
    """
    return MaskPrompt(
        numbers_of(arguments.click, "X,Y") if arguments.click is not None else None,
        numbers_of(arguments.box, "X0,Y0,X1,Y1") if arguments.box is not None else None,
    )


def read_strokes(path) -> np.ndarray:  # (H, W) bool
    """The pixels of --scribble: of strokes, unlike of a mask, several far apart are usual.

    Raises:
        InputError: MASK_INVALID for a file that cannot be used.
    """
    from hoi_motion.media.image_files import read_mask

    return read_mask(path, "scribble", say_note, one_thing=False)


def marked_mask(arguments: argparse.Namespace, rgb: np.ndarray) -> tuple[SegmentedMask, MaskPrompt]:
    """The object marked in an image (H, W, 3), and the prompt made from the options.

    Raises:
        InputError: for marks, strokes or a segmenter that cannot be used.
    """
    prompt = prompt_of(arguments)
    if arguments.scribble is not None:
        prompt = dataclasses.replace(prompt, scribble=read_strokes(arguments.scribble))
    prompt = prompt.checked(rgb.shape[:2])
    return segment(rgb, prompt, arguments.segmenter), prompt


def print_doubts(found: SegmentedMask) -> None:
    for doubt in found.doubts:
        print(f"doubt    {doubt}")
