"""MaskPrompt: what a person marks of an object, a click, a box or strokes."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.masks import checked_mask

MIN_BOX_PX = 3


@dataclass(frozen=True)
class MaskPrompt:
    """At least one of the three; what is given together must agree.

    Attributes:
        click_px: (x, y), a pixel on the object.
        box_px: (x0, y0, x1, y1), the object's first and last column and row; nothing of it lies outside.
        scribble: (H, W) bool, strokes on the object.
    """

    click_px: tuple[float, float] | None = None
    box_px: tuple[float, float, float, float] | None = None
    scribble: np.ndarray | None = None  # (H, W)

    def checked(self, size_px: tuple[int, int], may_be_empty: bool = False) -> "MaskPrompt":
        """The prompt in whole pixels of an image of this (height, width).

        Args:
            may_be_empty: whether no mark at all is right, because strokes follow.

        Raises:
            InputError: MASK_EMPTY when nothing is marked, MASK_INVALID for what lies outside the image, is no box, or
                contradicts the rest; SIZE_MISMATCH for strokes of another size.
        """
        click, box, scribble = self.click_px, self.box_px, self.scribble
        if not may_be_empty and click is None and box is None and scribble is None:
            raise InputError(ErrorCode.MASK_EMPTY, "nothing is marked", "click the object, or give a box or strokes")
        height, width = size_px
        if click is not None:
            click = _whole(click, "click", 2)
            if not (0 <= click[0] < width and 0 <= click[1] < height):
                raise InputError(
                    ErrorCode.MASK_INVALID,
                    f"click {_text(click)} lies outside the image of {width}x{height} pixels",
                    "x counts columns from the left, y rows from the top, both from 0",
                )
        if box is not None:
            box = _checked_box(_whole(box, "box", 4), size_px)
            if click is not None and not (box[0] <= click[0] <= box[2] and box[1] <= click[1] <= box[3]):
                raise InputError(
                    ErrorCode.MASK_INVALID,
                    f"click {_text(click)} lies outside the box {_text(box)}",
                    "click the object that the box encloses",
                )
        if scribble is not None:
            scribble = checked_mask(scribble, size_px, "scribble")
            if box is not None:
                scribble = scribble & _inside(box, size_px)
                if not scribble.any():
                    raise InputError(
                        ErrorCode.MASK_INVALID,
                        f"no stroke lies inside the box {_text(box)}",
                        "draw on the object that the box encloses",
                    )
        return MaskPrompt(click, box, scribble)

    def scaled(self, scale: np.ndarray) -> "MaskPrompt":
        """Click and box in the pixels of an image `scale` (x, y) times as large; pixel centres at whole numbers."""
        if self.scribble is not None:
            raise ValueError("strokes are scaled as a mask")
        factors = tuple(float(v) for v in scale)

        def moved(point: tuple) -> tuple:
            return tuple((v + 0.5) * factors[k % 2] - 0.5 for k, v in enumerate(point))

        return MaskPrompt(self.click_px and moved(self.click_px), self.box_px and moved(self.box_px))

    @property
    def words(self) -> str:
        """How it is told: "click 320,240, box 300,200,340,280"."""
        parts = []
        if self.click_px is not None:
            parts.append("click " + ",".join(f"{v:g}" for v in self.click_px))
        if self.box_px is not None:
            parts.append("box " + ",".join(f"{v:g}" for v in self.box_px))
        if self.scribble is not None:
            parts.append(f"strokes of {int(np.count_nonzero(self.scribble))} px")
        return ", ".join(parts)


def numbers_of(text: str, names: str) -> tuple[float, ...]:
    """The numbers of an option such as "X,Y".

    Raises:
        InputError: MASK_INVALID when there are not as many numbers as `names` says.
    """
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != len(names.split(",")) or not np.isfinite(numbers).all():
        raise InputError(ErrorCode.MASK_INVALID, f"{text!r} is not {names}", f"write {names} in pixels of the image")
    return numbers


def _whole(numbers, name: str, count: int) -> tuple[int, ...]:
    try:
        whole = [float(v) for v in np.asarray(numbers, float).ravel()]
    except (TypeError, ValueError, OverflowError):
        whole = []
    if len(whole) != count or not np.isfinite(whole).all():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} is {shown(numbers)}, expected {count} numbers", "in pixels")
    return tuple(int(np.floor(v + 0.5)) for v in whole)


def _text(pixels: tuple[int, ...]) -> str:
    """Pixels as a message says them: those of no picture may have hundreds of digits."""
    return ",".join(f"{v:g}" for v in pixels)


def _checked_box(box: tuple[int, ...], size_px: tuple[int, int]) -> tuple[int, ...]:
    height, width = size_px
    text = _text(box)
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], width - 1), min(box[3], height - 1)
    if min(x1 - x0, y1 - y0) + 1 < MIN_BOX_PX:
        raise InputError(
            ErrorCode.MASK_INVALID,
            f"box {text} has less than {MIN_BOX_PX} pixels a side in the image of {width}x{height}",
            "give left, top, right and bottom of the object",
        )
    if (x0, y0, x1, y1) == (0, 0, width - 1, height - 1):
        raise InputError(
            ErrorCode.MASK_INVALID, f"box {text} is the whole image of {width}x{height}", "enclose one object only"
        )
    return x0, y0, x1, y1


def _inside(box: tuple[int, ...], size_px: tuple[int, int]) -> np.ndarray:  # (H, W) bool
    inside = np.zeros(size_px, bool)
    inside[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
    return inside
