"""A person's motion from any source, set on level ground: gravity, floor and path follow from the feet."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names

if TYPE_CHECKING:
    from hoi_motion.ground.grounding import Grounding, ground_motion

__all__ = ["Grounding", "ground_motion"]

# torch comes with grounding; a motion is put in a world that stands still without it
__getattr__, __dir__ = lazy_names(
    __name__,
    {"Grounding": "hoi_motion.ground.grounding", "ground_motion": "hoi_motion.ground.grounding"},
)
