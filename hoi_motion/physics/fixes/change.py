"""Changes of a motion, as small as they can be: over time, of the body, of its hands, of objects."""

from dataclasses import replace

import numpy as np

from hoi_motion.motion import HoiMotion, ObjectMotion
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.limb_ik import move_hand
from hoi_motion.rigid import moved_back

AIM = 0.25
"""Share of the limit to which a frame is repaired, so that rounding and skinning do not bring the fault back."""
STAY = 0.9
"""Share of the limit up to which a repair nearby may bring a frame that was within it."""
STIFFNESS = 4.0
"""Weight of a change's second differences against its size: it fades out over about two frames."""


def faded(need_m: np.ndarray, fixed: np.ndarray | None = None) -> np.ndarray:  # (T, 3), (T,) -> (T, 3)
    """A change over time that meets the need of each frame that has one and fades out smoothly over the others.

    Args:
        fixed: bool, the frames that have one; None are those whose need is not nothing.
    """
    needed = np.linalg.norm(need_m, axis=1) > 0 if fixed is None else fixed
    weight = np.where(needed, 1e6, 1.0)
    weight[0] = 1e9
    second = np.diff(np.eye(len(need_m)), n=2, axis=0)
    change = np.linalg.solve(np.diag(weight) + STIFFNESS * second.T @ second, weight[:, None] * need_m)
    return np.where(np.linalg.norm(change, axis=1, keepdims=True) > 1e-4, change, 0.0)


def smooth_within(least: np.ndarray, most: np.ndarray) -> np.ndarray:  # (T,) each -> (T,)
    """A small change over time between two bounds: fades out, and is held where its fading would pass a bound."""
    need = np.clip(0.0, least, most)
    fixed = need != 0
    while True:
        change = faded(need[:, None], fixed)[:, 0]
        beyond = ~fixed & (change != np.clip(change, least, most))
        if not beyond.any():
            return change
        need[beyond], fixed = np.clip(change, least, most)[beyond], fixed | beyond


def larger(known: np.ndarray, separation_m: np.ndarray, limit_m: float) -> np.ndarray:
    """The larger of a known push and the one needed for a penetration beyond the limit."""
    depth = np.linalg.norm(separation_m)
    if depth <= limit_m:
        return known
    push = separation_m * (1 - AIM * limit_m / depth)
    return push if np.linalg.norm(push) > np.linalg.norm(known) else known


def way_to_surface(geometry: MotionGeometry, item: ObjectMotion, frame: int, points_m: np.ndarray) -> np.ndarray:
    """From points (P, 3) to the object's surface along the gradient of its signed distance, world, (P, 3)."""
    distance = geometry.surfaces[item.name].signed_distance(moved_back(item.T_world_object[frame], points_m))
    return -distance[:, None] * geometry.outward(item, frame, points_m)


def shifted_body(motion: HoiMotion, shift_m: np.ndarray) -> HoiMotion:  # (T, 3)
    """The body moved as a whole; objects stay."""
    return motion.replace(transl_m=motion.transl_m + shift_m.astype(np.float32))


def moved_hands(geometry: MotionGeometry, shifts: dict[str, np.ndarray], fade: bool = True) -> HoiMotion:
    """Hands moved with their arms, by side: (T, 3) m in the world; faded over time unless that is done."""
    pose = np.array(geometry.motion.pose_rad)
    for side, shift in shifts.items():  # the arms have no joint in common
        pose = move_hand(pose, geometry.T_world_part, side, faded(shift) if fade else shift)
    return geometry.motion.replace(pose_rad=pose)


def with_objects(motion: HoiMotion, T_world_object: dict[str, np.ndarray]) -> HoiMotion | None:
    """The motion with new poses of some objects; None when there are none."""
    if not T_world_object:
        return None
    objects = (replace(o, T_world_object=T_world_object.get(o.name, o.T_world_object)) for o in motion.objects)
    return motion.replace(objects=tuple(objects))
