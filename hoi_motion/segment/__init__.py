"""The object that a click, a box or strokes mark, as a mask."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names

__all__ = ["MaskPrompt", "SegmentedMask", "segment"]

if TYPE_CHECKING:
    from hoi_motion.segment.answer import SegmentedMask
    from hoi_motion.segment.prompt import MaskPrompt
    from hoi_motion.segment.sources import segment

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "MaskPrompt": "hoi_motion.segment.prompt",
        "SegmentedMask": "hoi_motion.segment.answer",
        "segment": "hoi_motion.segment.sources",
    },
)
