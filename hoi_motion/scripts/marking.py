"""The options with which commands are told which object is meant: a mask, or a click, a box or strokes."""

import argparse
import dataclasses

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.segment.answer import SegmentedMask
from hoi_motion.segment.prompt import MaskPrompt, numbers_of
from hoi_motion.segment.sources import HELP, segment


def add_marking_options(parser: argparse.ArgumentParser, picture: str) -> None:
    """--click, --box, --scribble and --segmenter; `picture` is what their pixels are of."""
    parser.add_argument("--click", metavar="X,Y", help=f"a pixel on the object, in {picture}, from the top left")
    parser.add_argument("--box", metavar="X0,Y0,X1,Y1", help="left, top, right and bottom of the object, in pixels")
    parser.add_argument("--scribble", metavar="FILE", help="strokes on the object: an image as a mask, 0 elsewhere")
    parser.add_argument("--segmenter", default="grabcut", metavar="NAME", help=f"{HELP} (default %(default)s)")


def is_marked(arguments: argparse.Namespace) -> bool:
    return not (arguments.click is None and arguments.box is None and arguments.scribble is None)


def check_one_way(arguments: argparse.Namespace) -> None:
    """Raises: InputError MASK_INVALID when both a mask and a click are given, MASK_EMPTY when neither is."""
    if arguments.mask and is_marked(arguments):
        raise InputError(
            ErrorCode.MASK_INVALID, "both --mask and a mark (--click, --box, --scribble) are given", "give one of them"
        )
    if not arguments.mask and not is_marked(arguments):
        raise InputError(
            ErrorCode.MASK_EMPTY, "no target is given", "give --mask FILE, or --click X,Y on the object, or --box"
        )


def prompt_of(arguments: argparse.Namespace) -> MaskPrompt:
    """What click and box say; the strokes, which are an image, are left to the caller.

    Raises:
        InputError: MASK_INVALID for a text that holds other than the numbers.
    """
    return MaskPrompt(
        numbers_of(arguments.click, "X,Y") if arguments.click is not None else None,
        numbers_of(arguments.box, "X0,Y0,X1,Y1") if arguments.box is not None else None,
    )


def marked_mask(arguments: argparse.Namespace, rgb: np.ndarray) -> tuple[SegmentedMask, MaskPrompt]:
    """The object that the options mark in an image (H, W, 3), and the prompt they make.

    Raises:
        InputError: for marks, strokes or a segmenter that cannot be used.
    """
    from hoi_motion.media.image_files import read_mask

    prompt = prompt_of(arguments)
    if arguments.scribble is not None:
        prompt = dataclasses.replace(prompt, scribble=read_mask(arguments.scribble, "scribble"))
    prompt = prompt.checked(rgb.shape[:2])
    return segment(rgb, prompt, arguments.segmenter), prompt


def print_doubts(found: SegmentedMask) -> None:
    for doubt in found.doubts:
        print(f"doubt    {doubt}")
