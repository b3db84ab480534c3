"""A person's motion from any source, set on level ground: gravity, floor and path follow from the feet."""

from hoi_motion.ground.grounding import Grounding, ground_motion

__all__ = ["Grounding", "ground_motion"]
