"""What the object rests on."""

import numpy as np

from hoi_motion.lift.object.shape import Primitive
from hoi_motion.motion import SupportBox

MIN_SUPPORT_HEIGHT_M = 0.12  # what rests lower is taken to stand on the floor
TABLE_THICKNESS_M = 0.03
TABLE_SIDE_M = 0.6
TRUNK_MARGIN_M = 0.16  # legs and trunk reach this far from their joints
HAND_MARGIN_M = 0.03


def support_under(rest: np.ndarray, primitive: Primitive, actor_m: np.ndarray) -> SupportBox | None:
    """A plate under the object when it rests clearly above the floor, kept clear of the actor's body."""
    top = rest[2, 3] - primitive.half_height_m
    if top < MIN_SUPPORT_HEIGHT_M:
        return None
    centre = rest[:2, 3]
    # legs and trunk; the arms reach over
    trunk = actor_m[:, [0, 1, 2, 4, 5, 7, 8, 3, 6]].reshape(-1, 3)
    clear = np.abs(trunk[:, :2] - centre).max(1).min() - TRUNK_MARGIN_M
    # how far the plate reaches is a guess: a hand that comes up from below its top came up beside it
    below = actor_m.reshape(-1, 3)
    below = below[below[:, 2] < top]
    clear = min([clear, *(np.abs(below[:, :2] - centre).max(1) - HAND_MARGIN_M)])
    half = float(np.clip(clear, primitive.radius_m + 0.01, TABLE_SIDE_M / 2))
    T = np.eye(4)
    T[:3, 3] = [*centre, top - TABLE_THICKNESS_M / 2]
    return SupportBox("support", np.array([2 * half, 2 * half, TABLE_THICKNESS_M]), T)
