"""When a mask is questioned. Each doubt has a name, says what was seen and what to do."""

import numpy as np

from hoi_motion.segment.answer import Doubt
from hoi_motion.segment.candidates import Choice

# two masks that overlap less than this show different things
OTHER_BELOW = 0.6
# a different thing with this share of the best one's support might as well be meant
RIVAL_SUPPORT = 0.35
# the sizes that agree most with the answer overlap it at least this much
MIN_STABILITY = 0.65
MAX_SHARE = 0.5
MAX_SIDES = 3
# of a box that encloses an object, the part of each side that the object spans
BOX_SPAN = 0.7

BOX_HINT = "give a box around the object (--box X0,Y0,X1,Y1), or click another part of it"


def doubts_of_choice(choice: Choice) -> tuple[Doubt, ...]:
    """Of a mask from a click: another answer is nearly as good, every size gives another one, or most a larger one."""
    doubts = []
    if choice.rival is not None and choice.rival_support >= RIVAL_SUPPORT:
        answer, other = int(choice.best.mask.sum()), int(choice.rival.mask.sum())
        what = "a larger thing" if other > answer else "a part of it" if other < answer else "another thing"
        doubts.append(
            Doubt("two_answers", f"{what} fits nearly as well ({other / max(answer, 1):.1f} times its size)", BOX_HINT)
        )
    if choice.stability < MIN_STABILITY:
        seen = f"masks for other sizes overlap it by {100 * choice.stability:.0f}% only"
        doubts.append(Doubt("unsteady", seen, BOX_HINT))
    # sizes that show larger things need not agree on one of them: what is part of a glass seen through is part of much
    if choice.larger > choice.agreeing:
        seen = f"{choice.larger} of the sizes that were tried show a larger thing around it, {choice.agreeing} the same"
        doubts.append(Doubt("part_of_larger", seen, BOX_HINT))
    return tuple(doubts)


def doubts_of_box(mask: np.ndarray, box_px: tuple[float, float, float, float]) -> tuple[Doubt, ...]:
    """Of a mask from a box that the object is said to fill from side to side."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return ()
    spans = (np.ptp(columns) + 1) / (box_px[2] - box_px[0] + 1), (np.ptp(rows) + 1) / (box_px[3] - box_px[1] + 1)
    if min(spans) >= BOX_SPAN:
        return ()
    return (
        Doubt(
            "part_of_box",
            f"it spans {100 * spans[0]:.0f}% of the box's width and {100 * spans[1]:.0f}% of its height",
            "draw the box close around the object, or add strokes on all of its parts (--scribble)",
        ),
    )


def doubts_of_mask(mask: np.ndarray) -> tuple[Doubt, ...]:
    """Of any mask: it is more than half of the picture, or runs out of it on three sides."""
    doubts = []
    if mask.mean() > MAX_SHARE:
        doubts.append(
            Doubt("large", f"it covers {100 * mask.mean():.0f}% of the picture", "is it the background? " + BOX_HINT)
        )
    sides = sum(bool(edge.any()) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    if sides >= MAX_SIDES:
        doubts.append(Doubt("cut_off", f"it runs out of the picture on {sides} sides", BOX_HINT))
    return tuple(doubts)
