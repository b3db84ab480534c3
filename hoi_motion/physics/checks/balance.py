"""Is the centre of mass over the feet (or whatever else carries the person)?"""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.rigid import moved_back

CARRYING_HEIGHT_M = 0.03


def balance(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Distance of the projected centre of mass to the support polygon, quasi-static (momentum is ignored).

    The polygon is spanned by every body point within 3 cm of the floor or a support's top; mass is the parts' volume.
    """
    name, limit = "balance", geometry.config.balance_m
    skin = geometry.vertices_m
    carried = np.abs(skin[..., 2]) < CARRYING_HEIGHT_M
    for box in geometry.supports:
        local = moved_back(box.T_world_box.astype(np.float32), skin)
        over = (np.abs(local[..., :2]) <= box.size_m[:2] / 2).all(axis=-1)
        carried |= over & (np.abs(local[..., 2] - box.size_m[2] / 2) < CARRYING_HEIGHT_M)
    centre = geometry.parts.centre_of_mass(geometry.T_world_part)[:, :2]
    distance = np.full(len(skin), -1.0)
    for frame in np.flatnonzero(carried.any(axis=1)):
        distance[frame] = distance_to_polygon(centre[frame], skin[frame, carried[frame], :2])
    frame = int(distance.argmax())
    if distance[frame] < 0:
        return CheckResult.not_run(name, limit, "m", "nothing carries the body in any frame")
    where = f"{distance[frame] * 100:.1f} cm outside" if distance[frame] > 0 else "inside"
    reason = f"centre of mass {where} the support polygon {geometry.time_words(frame)}"
    return CheckResult.at_most(name, distance[frame], limit, "m", frame, reason)


def distance_to_polygon(point: np.ndarray, corners: np.ndarray) -> float:  # (2,), (N, 2)
    """Distance of a point to the convex hull of the corners, 0 inside."""
    corners = np.asarray(corners, np.float64)
    try:
        hull = ConvexHull(corners)
    except (QhullError, ValueError):  # fewer than three corners or all on a line: their convex hull is a segment
        middle = corners.mean(axis=0)
        direction = np.linalg.svd(corners - middle)[2][0]
        along = (corners - middle) @ direction
        nearest = middle + direction * np.clip((point - middle) @ direction, along.min(), along.max())
        return float(np.linalg.norm(point - nearest))
    if (hull.equations[:, :2] @ point + hull.equations[:, 2] <= 0).all():
        return 0.0
    start, end = corners[hull.simplices[:, 0]], corners[hull.simplices[:, 1]]
    edge = end - start
    along = np.clip(((point - start) * edge).sum(axis=1) / (edge**2).sum(axis=1), 0, 1)
    return float(np.linalg.norm(point - start - along[:, None] * edge, axis=1).min())
