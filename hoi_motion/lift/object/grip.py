"""How the palm of a hand lies relative to the object."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.lift.object.shape import Primitive

# between the middle of the palm and a gripped surface: the palm's own thickness, and what still counts as a grip
GRIP_M = (0.025, 0.04)


def palm_clearance_m(palm_m: np.ndarray, primitive: Primitive) -> float:
    """Signed distance of a point (3,), in the object's frame, from an upright cylinder around it; negative inside."""
    beside, above = np.hypot(palm_m[0], palm_m[1]) - primitive.radius_m, abs(palm_m[2]) - primitive.half_height_m
    if beside > 0 and above > 0:
        return float(np.hypot(beside, above))
    return float(max(beside, above))


@dataclass(frozen=True)
class HandMotion:
    """Palm pose of one hand in the world: positions (T, 3) m and rotations (T, 3, 3)."""

    palm_m: np.ndarray
    R_world_hand: np.ndarray


def palm_gap_m(T_world_object: np.ndarray, palm_m: np.ndarray, primitive: Primitive) -> float:
    return palm_clearance_m(T_world_object[:3, :3].T @ (palm_m - T_world_object[:3, 3]), primitive)
