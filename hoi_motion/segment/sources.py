"""The table of segmenters; help texts, errors and the list in docs/masks.md follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hoi_motion.arrays import checked_array
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import with_home

if TYPE_CHECKING:
    import numpy as np

    from hoi_motion.progress import CancelToken
    from hoi_motion.segment.answer import SegmentedMask
    from hoi_motion.segment.prompt import MaskPrompt


class Segmenter(Protocol):
    """Finds the object that a checked prompt marks in an image (H, W, 3) uint8."""

    def segment(self, rgb: np.ndarray, prompt: MaskPrompt, cancel: CancelToken | None = None) -> SegmentedMask: ...


@dataclass(frozen=True)
class NamedSegmenter:
    """A row of the table.

    Attributes:
        name: as options and commands give it; FOLDER is the user's.
        help: what it is, a line; needs: what must be there.
        make: the segmenter, from what the user put in the place of FOLDER, "" for none.
    """

    name: str
    help: str
    needs: str
    make: Callable[[str], Segmenter]


def _grabcut(_: str) -> Segmenter:
    from hoi_motion.segment.grabcut import GrabCut

    return GrabCut()


def _sam(folder: str) -> Segmenter:
    from hoi_motion.segment.sam import SegmentAnything

    return SegmentAnything(with_home(folder))


SEGMENTERS = (
    NamedSegmenter(
        "grabcut", "the default: OpenCV's GrabCut for several sizes of the object", "nothing more", _grabcut
    ),
    NamedSegmenter("sam:FOLDER", "a SAM or SAM 2 with its weights", "its folder in transformers' format", _sam),
)
NAMES = " or ".join(s.name for s in SEGMENTERS)
HELP = "; ".join(f"{s.name}: {s.help}" for s in SEGMENTERS)


def segmenter(name: str) -> Segmenter:
    """The segmenter of SEGMENTERS that a name is of.

    Raises:
        InputError: CONFIG_INVALID for another name or an unknown home folder.
        LiftError: MODEL_MISSING when the folder holds no such model.
    """
    for row in SEGMENTERS:
        fixed = row.name.removesuffix("FOLDER")
        if name == fixed == row.name:
            return row.make("")
        if fixed != row.name and name.startswith(fixed) and name != fixed:
            return row.make(name.removeprefix(fixed))
    raise InputError(ErrorCode.CONFIG_INVALID, f"segmenter is {name!r}", f"give {NAMES}")


def segment(
    rgb: np.ndarray, prompt: MaskPrompt, source: str = "grabcut", cancel: CancelToken | None = None
) -> SegmentedMask:
    """The object that a prompt marks in an image (H, W, 3) uint8.

    Raises:
        InputError: for a prompt or segmenter that cannot be used; MASK_EMPTY when nothing stands out there.
        ControlError: CANCELLED.
    """
    rgb = checked_array(rgb, "image", ("H", "W", 3), "uint8", ErrorCode.IMAGE_INVALID)
    if not rgb.size:
        raise InputError(ErrorCode.IMAGE_INVALID, f"image is {rgb.shape[1]}x{rgb.shape[0]} pixels", "give a picture")
    return segmenter(source).segment(rgb, prompt.checked(rgb.shape[:2]), cancel)
