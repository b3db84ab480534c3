"""How the palm of a hand lies relative to the object."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of, palm_points
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.motion import SIDE_OF_HAND

# distance of the palm's middle from a gripped surface: the palm's own thickness, and what still counts as a grip
GRIP_M = (0.025, 0.04)
# an arm of which both bones are this near to the trunk's direction hangs beside it
HANGS_RAD = np.deg2rad(28.0)
# a hand that took something beyond its reach was fitted at the wrong depth: how far along the sight it may have been
# off, and how long that may last
SHIFTS_M = np.array(sorted(np.arange(-0.3, 0.301, 0.01), key=abs))
LASTS_S = 1.0


def palm_clearance_m(palm_m: np.ndarray, primitive: Primitive) -> float:
    """Signed distance of a point (3,), in the object's frame, from an upright cylinder around it; negative inside."""
    beside, above = np.hypot(palm_m[0], palm_m[1]) - primitive.radius_m, abs(palm_m[2]) - primitive.half_height_m
    if beside > 0 and above > 0:
        return float(np.hypot(beside, above))
    return float(max(beside, above))


@dataclass(frozen=True)
class HandMotion:
    """One hand in the world.

    Attributes:
        palm_m: (T, 3); hangs: (T,) bool, whether its arm hangs beside the trunk.
        heading_rad: (T,) in which direction it is from the shoulders' middle, seen from above; or one for all.
    """

    palm_m: np.ndarray
    hangs: np.ndarray
    heading_rad: np.ndarray | float = 0.0


def hand_motion(points_m: np.ndarray, hand: str) -> HandMotion:
    """Of a body's 55 joints and 21 surface points (T, 76, 3)."""
    side = SIDE_OF_HAND[hand]

    def at(*names: str) -> np.ndarray:
        return points_m[:, [index_of(name) for name in names]].mean(1)

    shoulder, elbow, wrist = (at(f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist"))
    trunk = at("pelvis") - at("neck")
    hangs = np.maximum(_angle(elbow - shoulder, trunk), _angle(wrist - elbow, trunk)) < HANGS_RAD
    palm_m = points_m[:, palm_points(side)].mean(1)
    reach = palm_m - at("left_shoulder", "right_shoulder")
    return HandMotion(palm_m, hangs, np.arctan2(reach[:, 1], reach[:, 0]))


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T,) rad
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.arccos(np.clip((a * b).sum(1) / np.maximum(lengths, 1e-9), -1, 1))


def palm_gap_m(T_world_object: np.ndarray, palm_m: np.ndarray, primitive: Primitive) -> float:
    """`palm_clearance_m` of a palm (3,) in the world from an object at a pose (4, 4)."""
    return palm_clearance_m(T_world_object[:3, :3].T @ (palm_m - T_world_object[:3, 3]), primitive)


def carried_m(
    hand: HandMotion,
    T_world_object: np.ndarray,
    primitive: Primitive,
    taken: int,
    frames: np.ndarray,
    fps: float,
    eye_m,
) -> np.ndarray:  # (N, 3)
    """Where a hand carries what it takes: beside its palm, on the side to which the arm turns.

    How the wrist turns is fitted too badly to follow.

    Args:
        T_world_object: (4, 4) of the object when it is taken, in frame `taken`; eye_m: (3,) the camera's place.
    """
    offset_m = T_world_object[:3, 3] - hand.palm_m[taken]
    sight = (T_world_object[:3, 3] - eye_m) / np.linalg.norm(T_world_object[:3, 3] - eye_m)
    gaps_m = [palm_gap_m(T_world_object, hand.palm_m[taken] + shift * sight, primitive) for shift in SHIFTS_M]
    shift_m = SHIFTS_M[np.argmin(np.maximum(gaps_m, GRIP_M[1]))]
    gone = np.minimum((frames - taken) / (LASTS_S * fps), 1.0)
    offsets_m = offset_m - (gone * shift_m)[:, None] * sight
    heading_rad = np.broadcast_to(hand.heading_rad, len(hand.palm_m))
    turned = Rotation.from_rotvec(np.outer(heading_rad[frames] - heading_rad[taken], [0.0, 0.0, 1.0]))
    return hand.palm_m[frames] + turned.apply(offsets_m)
