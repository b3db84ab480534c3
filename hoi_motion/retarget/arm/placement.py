"""Where the robot's base may stand: around the object, on a pedestal beside what carries it, or on that."""

import numpy as np

from hoi_motion.motion import SupportBox
from hoi_motion.rigid import moved_back, standing_at

DISTANCES_M = (0.55, 0.45, 0.65, 0.38, 0.75)
AROUND_RAD = np.radians([0, 25, -25, 50, -50, 90, -90, 180, 135, -135])
FAR_REACH_M = 0.9  # of an arm for which these distances are
NEIGHBOUR_M = 0.25  # between the base and another object
STANDS_M = 0.02  # between the heights of a base and of what carries it
EDGE_M = 0.13  # from the base's axis to a support's edge
PEDESTAL_HALF_M = 0.1


def base_candidates(
    object_m: np.ndarray,
    actor_m: np.ndarray,
    supports: tuple[SupportBox, ...],
    others_m: np.ndarray,
    base_height_m: float | None = None,
    farthest_m: float = np.inf,
    heading_rad: float = 0.0,
) -> list[np.ndarray]:
    """T_world_base (4, 4) of every place where a base can stand, the actor's side and a good distance first.

    An arm that reaches less far than DISTANCES_M take stands nearer, and on the support as well as beside it.

    Args:
        object_m: (3,) the object at the touch; actor_m: (3,) the actor's pelvis; others_m: (M, 3) other objects.
        base_height_m: of the robot that brings its own legs or wheels; None for a pedestal as high as the support.
        farthest_m: that its gripper gets from its shoulder; heading_rad: where the arm faces, about z from its x.
    """
    below = [s.top_height_m for s in supports if s.top_height_m < object_m[2] + 0.05 and _inside(s, object_m[:2], 0.0)]
    height = max(below, default=0.0) if base_height_m is None else base_height_m
    towards = np.arctan2(actor_m[1] - object_m[1], actor_m[0] - object_m[0])
    size = min(1.0, farthest_m / FAR_REACH_M)
    beside, on = [], []
    for turn in AROUND_RAD:
        for distance in DISTANCES_M:
            angle = towards + turn
            x, y = object_m[:2] + size * distance * np.array([np.cos(angle), np.sin(angle)])
            if len(others_m) and np.linalg.norm(others_m[:, :2] - [x, y], axis=1).min() < size * NEIGHBOUR_M:
                continue
            place = standing_at((x, y, height), angle + np.pi - heading_rad)
            if not any(_inside(s, np.array([x, y]), EDGE_M) for s in supports):
                beside.append(place)
            elif base_height_m is not None or not _is_carried(place, supports, size * PEDESTAL_HALF_M):
                continue
            elif size < 1:
                beside.append(place)
            else:
                on.append(place)
    return beside or on


def _is_carried(T_world_base: np.ndarray, supports: tuple[SupportBox, ...], half_m: float) -> bool:
    """Whether a support is under the whole of a base, half as wide as that, and not only under its edge."""
    support = stands_on(T_world_base, supports)
    return support is not None and _inside(support, T_world_base[:2, 3], -half_m)


def stands_on(T_world_base: np.ndarray, supports: tuple[SupportBox, ...]) -> SupportBox | None:
    """The support that carries a base, which is under its axis; None where it needs a pedestal, or stands on the floor.

    A base beyond the edge would tip over, even where a part of it is still over the support.
    """
    return next(iter(_level_with(T_world_base, supports, 0.0)), None)


def carriers(T_world_base: np.ndarray, supports: tuple[SupportBox, ...]) -> set[str]:
    """Names of what a base may touch: floor, pedestal, and supports as high as it that are under a part of it."""
    return {"floor", "pedestal"} | {s.name for s in _level_with(T_world_base, supports, PEDESTAL_HALF_M)}


def _level_with(T_world_base: np.ndarray, supports: tuple[SupportBox, ...], margin_m: float) -> list[SupportBox]:
    """Supports as high as a base, its axis over them or less than a margin beyond their edges."""
    x, y, height = T_world_base[:3, 3]
    level = [s for s in supports if abs(s.top_height_m - height) < STANDS_M]
    return [s for s in level if _inside(s, np.array([x, y]), margin_m)]


def _inside(support: SupportBox, point_m: np.ndarray, margin_m: float) -> bool:
    """Whether a point (2,) is over a support enlarged by a margin."""
    T = support.T_world_box
    local = moved_back(T, np.array([*point_m, T[2, 3]]))
    return bool((np.abs(local[:2]) < support.size_m[:2] / 2 + margin_m).all())
