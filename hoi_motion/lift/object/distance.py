"""How far away the object is: measured, at the hand that touches it, on the floor, or by its usual size."""

from dataclasses import replace

import numpy as np

from hoi_motion.lift.object.grip import GRIP_M, palm_gap_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.track import ObjectTrack
from hoi_motion.motion import Contact
from hoi_motion.rigid import standing_at

USUAL_HEIGHT_M = 0.15
# what rests lower than this stands on the floor; its distance changes by this factor at most
NEAR_FLOOR_M, LANDING = 0.3, 1.5
# of a measured object this share lies before its front, which is so many radii before its centre; a sight as steep as
# acos(LEVEL_SIGHT) sees tops
FRONT_PERCENT, FRONT_RADIUS, LEVEL_SIGHT = 20, 0.95, 0.4
# how far, in metres, the object may be moved along the line of sight to lie beside the hand that touches it
SIGHT_SHIFTS_M = np.array(sorted(np.arange(-0.15, 0.151, 0.01), key=abs))


def measured_depth(depth_m: np.ndarray, mask: np.ndarray) -> float | None:
    values = depth_m[mask]
    values = values[np.isfinite(values) & (values > 0.05)]
    return float(np.median(values)) if len(values) >= 4 else None


def behind_its_front(mask: np.ndarray, depth_m: np.ndarray, primitive: Primitive, camera) -> float:
    """Distance of the centre along the optical axis: a radius, level, behind the front that the depth image shows.

    In an open bowl most of what is seen is its back. From high above it is the top that is seen.
    """
    R_world_camera = camera.T_world_camera[:3, :3]
    sight = R_world_camera @ sight_ray(camera, mask_middle(mask))
    ahead = np.append(R_world_camera[:2, 2], 0.0)
    if np.linalg.norm(ahead) < LEVEL_SIGHT:
        return measured_depth(depth_m, mask) + primitive.half_height_m
    ahead /= np.linalg.norm(ahead)
    rows, columns = np.nonzero(mask & np.isfinite(depth_m) & (depth_m > 0.05))
    rays = np.linalg.inv(camera.K) @ np.stack([columns, rows, np.ones(len(rows))])
    front = np.percentile(ahead @ R_world_camera @ (rays * depth_m[rows, columns]), FRONT_PERCENT)
    return float((front + FRONT_RADIUS * primitive.radius_m) / (ahead @ sight))


def object_distance(target, contacts, hands, actor_m, camera, depth_m) -> float:
    """Distance of the object along the optical axis: measured, else the hand's at its first touch, else by size."""
    if depth_m is not None:
        measured = measured_depth(depth_m, target.mask)
        if measured is not None:
            return measured
    T = camera.T_camera_world
    touch_m = touching_palm_m(target, contacts, hands)
    if touch_m is not None:
        return max(0.2, float(np.median(touch_m @ T[2, :3] + T[2, 3])))
    rows = np.nonzero(target.mask)[0]
    by_size = camera.K[1, 1] * USUAL_HEIGHT_M / (np.ptp(rows) + 1)
    actor = float(np.median(actor_m[:, 0] @ T[2, :3] + T[2, 3]))
    return float(np.clip(by_size, max(0.3, actor - 0.8), actor + 0.8))


def touching_palm_m(target, contacts, hands) -> np.ndarray | None:  # (N, 3)
    """Palm of the hand that takes the object, or touches it longest, while it touches and the object rests."""
    if not contacts:
        return None
    # a hand that hangs before the object in the picture touches first, but it is not the one that takes it away
    taken = int(np.argmin(target.resting)) if target.moved else None

    def takes_then_length(c: Contact):
        return taken is not None and c.start_frame <= taken < c.end_frame, c.end_frame - c.start_frame

    contact = max(contacts, key=takes_then_length)
    # a hand passes by before it touches: where the object moves, its last frames at rest; else all of the contact
    frames = [t for t in range(contact.start_frame, contact.end_frame) if target.resting[t]]
    if target.moved:
        frames = frames[-3:] or [contact.start_frame]
    return hands[contact.hand].palm_m[frames]


def beside_the_hand(target, primitive, contacts, hands, camera, distance) -> tuple[float, Primitive]:
    """Distance and size for which the touching palm lies beside the object, not in it; the picture stays the same."""
    touch_m = touching_palm_m(target, contacts, hands)
    if touch_m is None:
        return distance, primitive
    palm_m, best = np.median(touch_m, axis=0), None
    for shift in SIGHT_SHIFTS_M:
        moved = max(0.2, distance + shift)
        scaled = replace(primitive, size_m=primitive.size_m * moved / distance)
        rest = resting_pose(target, scaled, camera, moved)
        clearance = palm_gap_m(rest, palm_m, scaled)
        violation = abs(clearance - np.clip(clearance, *GRIP_M))
        if best is None or violation < best[0] - 1e-3:
            best = violation, moved, scaled
    return best[1], best[2]


def on_the_floor(target: ObjectTrack, primitive: Primitive, camera, distance: float) -> tuple[float, Primitive]:
    """Distance and size for which what seems to rest about on the floor rests on it; the picture stays the same.

    Where the line of sight meets the floor is known better than how far the hand reaches.
    """
    up = camera.T_world_camera[2]
    # along the sight, height of the centre and half the object's height both grow linearly with the distance
    rise = up[:3] @ sight_ray(camera, mask_middle(target.mask))
    half = primitive.half_height_m / distance
    bottom_m = up[3] + (rise - half) * distance
    if bottom_m > NEAR_FLOOR_M or half <= rise:
        return distance, primitive
    landed = up[3] / (half - rise)
    if not 1 / LANDING < landed / distance < LANDING:
        return distance, primitive
    return landed, replace(primitive, size_m=primitive.size_m * landed / distance)


def mask_middle(mask: np.ndarray) -> tuple[float, float]:  # x, y in pixels
    rows, columns = np.nonzero(mask)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def sight_ray(camera, xy_px) -> np.ndarray:  # (3,) in the camera frame, z = 1
    return np.linalg.inv(camera.K) @ np.array([xy_px[0], xy_px[1], 1.0])


def resting_pose(target: ObjectTrack, primitive: Primitive, camera, distance: float) -> np.ndarray:  # (4, 4)
    T = standing_at(np.zeros(3), primitive.yaw_rad)
    T[:3, 3] = (camera.T_world_camera @ np.append(sight_ray(camera, mask_middle(target.mask)) * distance, 1.0))[:3]
    # nothing rests below the floor
    T[2, 3] = max(T[2, 3], primitive.half_height_m)
    return T
