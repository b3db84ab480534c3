"""A person's motion from anywhere, set on level ground: gravity, floor and path told by the feet."""

from hoi_motion.ground.grounding import Grounding, ground_motion

__all__ = ["Grounding", "ground_motion"]
