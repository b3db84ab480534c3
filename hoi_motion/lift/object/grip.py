"""How the palm of a hand lies relative to the object."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.body.joints import index_of, palm_points
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.motion import SIDE_OF_HAND

# distance of the palm's middle from a gripped surface: the palm's own thickness, and what still counts as a grip
GRIP_M = (0.025, 0.04)
# an arm of which both bones are this near to the trunk's direction hangs beside it
HANGS_RAD = np.deg2rad(28.0)


def palm_clearance_m(palm_m: np.ndarray, primitive: Primitive) -> float:
    """Signed distance of a point (3,), in the object's frame, from an upright cylinder around it; negative inside."""
    beside, above = np.hypot(palm_m[0], palm_m[1]) - primitive.radius_m, abs(palm_m[2]) - primitive.half_height_m
    if beside > 0 and above > 0:
        return float(np.hypot(beside, above))
    return float(max(beside, above))


@dataclass(frozen=True)
class HandMotion:
    """One hand in the world: its palm (T, 3), metres, and whether its arm hangs beside the trunk, (T,) bool."""

    palm_m: np.ndarray
    hangs: np.ndarray


def hand_motion(points_m: np.ndarray, hand: str) -> HandMotion:
    """Of a body's 55 joints and 21 surface points (T, 76, 3)."""
    side = SIDE_OF_HAND[hand]

    def at(*names: str) -> np.ndarray:
        return points_m[:, [index_of(name) for name in names]].mean(1)

    shoulder, elbow, wrist = (at(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
    trunk = at("pelvis") - at("neck")
    hangs = np.maximum(_angle(elbow - shoulder, trunk), _angle(wrist - elbow, trunk)) < HANGS_RAD
    return HandMotion(points_m[:, palm_points(side)].mean(1), hangs)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T,) rad
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.arccos(np.clip((a * b).sum(1) / np.maximum(lengths, 1e-9), -1, 1))


def palm_gap_m(T_world_object: np.ndarray, palm_m: np.ndarray, primitive: Primitive) -> float:
    """`palm_clearance_m` of a palm (3,) in the world from an object at a pose (4, 4)."""
    return palm_clearance_m(T_world_object[:3, :3].T @ (palm_m - T_world_object[:3, 3]), primitive)
