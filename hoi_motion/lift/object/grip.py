"""Last touches that make a fitted motion stand and grip: feet on the floor, the object outside the palm.

The 2D evidence leaves a few centimetres open along the line of sight; these moves stay inside that freedom.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.lift.object.shape import Primitive

# between the middle of the palm and a gripped surface: the palm's own thickness, and what still counts as a grip
GRIP_M = (0.025, 0.04)


def palm_clearance(palm_m: np.ndarray, primitive) -> tuple[float, np.ndarray]:
    """Signed distance of a point from an upright cylinder around the primitive, and the outward direction.

    Args:
        palm_m: (3,) in the object's frame.

    Returns:
        Distance in metres, negative inside; unit vector (3,) in the object's frame.
    """
    radial = np.hypot(palm_m[0], palm_m[1])
    sideways = np.array([palm_m[0], palm_m[1], 0.0]) / radial if radial > 1e-9 else np.array([1.0, 0.0, 0.0])
    upwards = np.array([0.0, 0.0, 1.0 if palm_m[2] >= 0 else -1.0])
    beside, above = radial - primitive.radius_m, abs(palm_m[2]) - primitive.half_height_m
    if beside > 0 and above > 0:
        outward = beside * sideways + above * upwards
        distance = float(np.linalg.norm(outward))
        return distance, outward / distance
    return (float(beside), sideways) if beside > above else (float(above), upwards)


def into_grip(T_world_object: np.ndarray, palm_m: np.ndarray, primitive) -> np.ndarray:  # (4, 4), (3,) -> (3,)
    """How far a held object must move, in the world, for its surface to lie in the palm's grip but not in the palm."""
    rotation = T_world_object[:3, :3]
    distance, outward = palm_clearance(rotation.T @ (palm_m - T_world_object[:3, 3]), primitive)
    return rotation @ outward * (distance - np.clip(distance, *GRIP_M))


@dataclass(frozen=True)
class HandMotion:
    """Palm pose of one hand in the world: positions (T, 3) m and rotations (T, 3, 3)."""

    palm_m: np.ndarray
    R_world_hand: np.ndarray

    def transform(self, t: int) -> np.ndarray:  # (4, 4)
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = self.R_world_hand[t], self.palm_m[t]
        return T


def palm_gap_m(T_world_object: np.ndarray, palm_m: np.ndarray, primitive: Primitive) -> float:
    return palm_clearance(T_world_object[:3, :3].T @ (palm_m - T_world_object[:3, 3]), primitive)[0]
