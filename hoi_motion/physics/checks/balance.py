"""Is the centre of mass over the feet (or whatever else carries the person), or moved as a fall would move it?"""

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import GRAVITY_M_S2, PhysicsWorld
from hoi_motion.rigid import moved_back

CARRYING_HEIGHT_M = 0.03
FALL_S = 1.0
"""Off balance means for this long: an inverted pendulum as high as a person, let go 10 cm off balance, lies on the
floor after it (its time constant is 0.3 s)."""
EXPLAINED = (0.0, 0.5, 1.0)
"""Shares of the measured acceleration. It is known roughly at few frames a second: it may explain, never accuse."""


def balance(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Distance of the centre of pressure that the motion needs to the support polygon, mean over a second.

    Where nothing but the ground pushes, the line through the centre of mass along gravity minus its acceleration meets
    the support polygon (zero moment point, Vukobratovic & Borovac 2004). Who walks or sits down is off balance for part
    of a second, mostly to alternating sides; who leans without being held, all the time. Offsets are therefore averaged
    as vectors over every FALL_S, with the mean acceleration over it, or none. Contacts at several heights (a seat and
    the floor) are brought to one height along that line, which is exact while all contact forces are parallel. The
    polygon is spanned by every body point within 3 cm of the floor or a support's top; mass is the parts' volume. In
    the air there is nothing to be off.
    """
    name, limit = "balance", geometry.config.balance_m
    if not carried_points(geometry).any():
        return CheckResult.not_run(name, limit, "m", "nothing carries the body in any frame")
    distance, frame = _worst(geometry)
    where = f"{distance * 100:.1f} cm outside" if distance > 0 else "inside"
    count = _frames_of_a_fall(geometry)
    long = f" for {count / geometry.motion.fps:.1f} s" if count > 1 and distance > 0 else ""
    reason = f"centre of pressure {where} the support polygon{long} {geometry.time_words(frame)}"
    return CheckResult.at_most(name, distance, limit, "m", frame, reason)


def resting_offsets(geometry: MotionGeometry) -> np.ndarray:  # (T, 2)
    """From the nearest point of the support polygon to the centre of mass, horizontal, as if the person rested in every
    frame; 0 inside and in the air."""
    centre = geometry.parts.centre_of_mass(geometry.T_world_part)
    return _offsets(geometry, carried_points(geometry), centre, np.zeros(3))


def _frames_of_a_fall(geometry: MotionGeometry) -> int:
    return min(geometry.motion.num_frames, 1 + round(FALL_S * geometry.motion.fps))


def _worst(geometry: MotionGeometry) -> tuple[float, int]:
    """Largest mean distance, metres, and the frame that is farthest off in that time."""
    carried, limit, fps = carried_points(geometry), geometry.config.balance_m, geometry.motion.fps
    centre = geometry.parts.centre_of_mass(geometry.T_world_part)
    count = _frames_of_a_fall(geometry)
    resting = resting_offsets(geometry)
    worst = (-1.0, 0)
    for start in range(len(centre) - count + 1):
        frames = slice(start, start + count)
        off_m = np.linalg.norm(resting[frames].mean(axis=0))
        if off_m > max(limit, worst[0]):
            acceleration = _mean_acceleration(centre[frames], fps)
            off_m = min(
                np.linalg.norm(_offsets(geometry, carried, centre, share * acceleration, frames).mean(axis=0))
                for share in EXPLAINED
            )
        if off_m > worst[0]:
            worst = (float(off_m), start + int(np.linalg.norm(resting[frames], axis=1).argmax()))
    return worst


def carried_points(geometry: MotionGeometry) -> np.ndarray:  # (T, V) bool
    """Body points that the floor or a support's top may carry."""
    skin = geometry.vertices_m
    carried = np.abs(skin[..., 2]) < CARRYING_HEIGHT_M
    for box in geometry.supports:
        local = moved_back(box.T_world_box.astype(np.float32), skin)
        over = (np.abs(local[..., :2]) <= box.size_m[:2] / 2).all(axis=-1)
        carried |= over & (np.abs(local[..., 2] - box.size_m[2] / 2) < CARRYING_HEIGHT_M)
    return carried


def _offsets(geometry, carried, centre, acceleration_m_s2, frames=slice(None)) -> np.ndarray:  # (frames, 2)
    """From the nearest point of the support polygon to the centre of mass, horizontal, 0 inside and in the air.

    The polygon's corners are seen along gravity minus an acceleration (3,).
    """
    skin = geometry.vertices_m
    per_height = acceleration_m_s2[:2] / max(GRAVITY_M_S2 + acceleration_m_s2[2], GRAVITY_M_S2 / 2)
    offsets = []
    for frame in range(*frames.indices(len(skin))):
        points, middle = skin[frame, carried[frame]].astype(np.float64), centre[frame]
        if not len(points):
            offsets.append(np.zeros(2))
            continue
        corners = points[:, :2] + (middle[2] - points[:, 2:]) * per_height
        offsets.append(middle[:2] - nearest_in_polygon(middle[:2], corners))
    return np.array(offsets)


def _mean_acceleration(centre_m: np.ndarray, fps: float) -> np.ndarray:  # (T, 3) -> (3,)
    """Of the parabola through the positions that fits best, m/s^2; 0 for fewer than four of them."""
    if len(centre_m) < 4:
        return np.zeros(3)
    return 2 * np.polyfit(np.arange(len(centre_m)) / fps, centre_m, 2)[0]


def nearest_in_polygon(point: np.ndarray, corners: np.ndarray) -> np.ndarray:  # (2,), (N, 2) -> (2,)
    """The point of the convex hull of the corners that is nearest to a point."""
    corners = np.asarray(corners, np.float64)
    try:
        hull = ConvexHull(corners)
    except (QhullError, ValueError):  # fewer than three corners or all on a line: their convex hull is a segment
        middle = corners.mean(axis=0)
        direction = np.linalg.svd(corners - middle)[2][0]
        along = (corners - middle) @ direction
        return middle + direction * np.clip((point - middle) @ direction, along.min(), along.max())
    if (hull.equations[:, :2] @ point + hull.equations[:, 2] <= 0).all():
        return np.array(point)
    start, end = corners[hull.simplices[:, 0]], corners[hull.simplices[:, 1]]
    edge = end - start
    along = np.clip(((point - start) * edge).sum(axis=1) / (edge**2).sum(axis=1), 0, 1)
    nearest = start + along[:, None] * edge
    return nearest[np.linalg.norm(point - nearest, axis=1).argmin()]
