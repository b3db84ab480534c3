"""What the object rests on."""

import numpy as np

from hoi_motion.body.joints import index_of
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.motion import SupportBox

MIN_SUPPORT_HEIGHT_M = 0.12  # what rests lower is taken to stand on the floor
TABLE_THICKNESS_M = 0.03
TABLE_SIDE_M = 0.6
EDGE_M = 0.01  # of the plate around what stands on it, at least
TRUNK_MARGIN_M = 0.16  # legs and trunk reach this far from their joints
HAND_MARGIN_M = 0.03
LEGS_AND_TRUNK = [index_of(name) for name in ("pelvis", "spine1", "spine2")] + [
    index_of(f"{side}_{name}") for side in ("left", "right") for name in ("hip", "knee", "ankle")
]
"""The arms reach over what carries the object; the rest of the body does not."""


def support_under(rest: np.ndarray, primitive: Primitive, actor_m: np.ndarray) -> SupportBox | None:
    """A plate under the object when it rests clearly above the floor, kept clear of the actor's body; else None.

    Args:
        rest: (4, 4) pose of the resting object in the world; actor_m: (T, 76, 3) joints and surface points there.
    """
    top = rest[2, 3] - primitive.half_height_m
    if top < MIN_SUPPORT_HEIGHT_M:
        return None
    centre = rest[:2, 3]
    body = actor_m[:, LEGS_AND_TRUNK].reshape(-1, 3)
    clear = np.abs(body[:, :2] - centre).max(1).min() - TRUNK_MARGIN_M
    # how far the plate reaches is a guess: a hand that comes up from below its top came up beside it
    below = actor_m.reshape(-1, 3)
    below = below[below[:, 2] < top]
    clear = min([clear, *(np.abs(below[:, :2] - centre).max(1) - HAND_MARGIN_M)])
    least = primitive.radius_m + EDGE_M  # what is wider than a usual plate has a plate as wide as it takes
    half = float(np.clip(clear, least, max(least, TABLE_SIDE_M / 2)))
    T = np.eye(4)
    T[:3, 3] = [*centre, top - TABLE_THICKNESS_M / 2]
    return SupportBox("support", np.array([2 * half, 2 * half, TABLE_THICKNESS_M]), T)
