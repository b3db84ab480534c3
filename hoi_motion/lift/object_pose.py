"""6D pose of the object: resting where it is seen, then rigid in the hand that holds it, then resting again."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.lift.contact import runs
from hoi_motion.lift.object_shape import Primitive, fit_primitive
from hoi_motion.lift.object_track import ObjectTrack
from hoi_motion.lift.settle import GRIP_M, into_grip, palm_clearance
from hoi_motion.motion import HANDS, Contact, ObjectMotion, SupportBox

USUAL_HEIGHT_M = 0.15
MIN_SUPPORT_HEIGHT_M = 0.12
# what rests lower than this stands on the floor; its distance changes by this factor at most
NEAR_FLOOR_M, LANDING = 0.3, 1.5
TABLE_THICKNESS_M = 0.03
TABLE_SIDE_M = 0.6
HAND_MARGIN_M = 0.03
# a palm's middle this far from a surface can touch it with the fingers
TOUCH_REACH_M = 0.06
# the track corrects a held object while this share of it is recognised, turning it at most so far
SEEN, MAX_TURN_RAD = 0.35, np.deg2rad(100)
CALM_FRAMES = 1.5
# of a measured object this share lies before its front, which is so many radii before its centre; a sight as steep as
# acos(LEVEL_SIGHT) sees tops
FRONT_PERCENT, FRONT_RADIUS, LEVEL_SIGHT = 20, 0.95, 0.4
# a held object lies in the palm's grip (settle.py) from the third frame on
GRIP_FRAMES = 3
# how far, in metres, the object may be moved along the line of sight to lie beside the hand that touches it
SIGHT_SHIFTS_M = np.array(sorted(np.arange(-0.15, 0.151, 0.01), key=abs))
_PALM = {
    hand: [index_of(f"{hand[:-5]}_{name}") for name in ("wrist", "index1", "pinky1", "middle2")] for hand in HANDS
}


@dataclass(frozen=True)
class HandMotion:
    """Palm pose of one hand in the world: positions (T, 3) m and rotations (T, 3, 3)."""

    palm_m: np.ndarray
    R_world_hand: np.ndarray

    def transform(self, t: int) -> np.ndarray:  # (4, 4)
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = self.R_world_hand[t], self.palm_m[t]
        return T


def palm_points_m(points_m: np.ndarray, hand: str) -> np.ndarray:  # (T, 76, 3) -> (T, 3)
    """Centre of the grip of a hand."""
    return points_m[:, _PALM[hand]].mean(1)


def object_motion(
    target: ObjectTrack,
    contacts: tuple[Contact, ...],
    hands: dict[str, HandMotion],
    actor_m: np.ndarray,  # (T, 76, 3)
    camera,
    depth_m: np.ndarray | None = None,  # (H, W)
) -> tuple[ObjectMotion, SupportBox | None, tuple[Contact, ...], float]:
    """Shape and poses of the target in the world, its support, the contacts in reach, and the distance it was given."""
    T_camera_world = camera.T_camera_world
    distance = _distance(target, contacts, hands, actor_m, camera, depth_m)
    primitive = fit_primitive(target.mask, camera.K, T_camera_world[:3, :3], distance)
    if depth_m is not None and _measured(depth_m, target.mask) is not None:
        distance = _behind_its_front(target.mask, depth_m, primitive, camera)
    else:
        distance, primitive = _beside_the_hand(target, primitive, contacts, hands, camera, distance)
        distance, primitive = on_the_floor(target, primitive, camera, distance)
    rest = _resting_pose(target, primitive, camera, distance)
    poses = _poses(target, contacts, hands, rest, primitive, camera)
    vertices, faces = primitive.surface()
    motion = ObjectMotion("target", vertices, faces, poses, shape=primitive.shape, is_target=True)
    return motion, _support(rest, primitive, actor_m), contacts_in_reach(contacts, hands, motion, primitive), distance


def contacts_in_reach(
    contacts: tuple[Contact, ...], hands: dict[str, HandMotion], thing: ObjectMotion, primitive: Primitive
) -> tuple[Contact, ...]:
    """Contacts without the frames at their ends in which the palm is out of reach in 3D.

    A hand is over an object in the picture a little before it touches and a little after. A contact that is nowhere
    within reach goes when another one is: that hand was only before the object in the picture. When none is within
    reach they stay as they are: the picture saw them, and the check will say that 3D does not agree.
    """
    kept, in_reach = [], []
    for contact in contacts:
        frames = np.arange(contact.start_frame, contact.end_frame)
        gaps = [_clearance(thing.T_world_object[t], hands[contact.hand].palm_m[t], primitive) for t in frames]
        near = frames[np.array(gaps) <= TOUCH_REACH_M]
        if len(near):
            contact = replace(contact, start_frame=int(near[0]), end_frame=int(near[-1]) + 1)
            in_reach.append(contact)
        kept.append(contact)
    return tuple(in_reach or kept)


def _clearance(T_world_object: np.ndarray, palm_m: np.ndarray, primitive: Primitive) -> float:
    return palm_clearance(T_world_object[:3, :3].T @ (palm_m - T_world_object[:3, 3]), primitive)[0]


def _measured(depth_m: np.ndarray, mask: np.ndarray) -> float | None:
    values = depth_m[mask]
    values = values[np.isfinite(values) & (values > 0.05)]
    return float(np.median(values)) if len(values) >= 4 else None


def _behind_its_front(mask: np.ndarray, depth_m: np.ndarray, primitive: Primitive, camera) -> float:
    """Distance of the centre along the optical axis: a radius, level, behind the front that the depth image shows.

    In an open bowl most of what is seen is its back. From high above it is the top that is seen.
    """
    R_world_camera = camera.T_world_camera[:3, :3]
    sight = R_world_camera @ _ray(camera, _mask_middle(mask))
    ahead = np.append(R_world_camera[:2, 2], 0.0)
    if np.linalg.norm(ahead) < LEVEL_SIGHT:
        return _measured(depth_m, mask) + primitive.half_height_m
    ahead /= np.linalg.norm(ahead)
    rows, columns = np.nonzero(mask & np.isfinite(depth_m) & (depth_m > 0.05))
    rays = np.linalg.inv(camera.K) @ np.stack([columns, rows, np.ones(len(rows))])
    front = np.percentile(ahead @ R_world_camera @ (rays * depth_m[rows, columns]), FRONT_PERCENT)
    return float((front + FRONT_RADIUS * primitive.radius_m) / (ahead @ sight))


def _distance(target, contacts, hands, actor_m, camera, depth_m) -> float:
    """Distance of the object along the optical axis: measured, else the hand's at its first touch, else by size."""
    if depth_m is not None:
        measured = _measured(depth_m, target.mask)
        if measured is not None:
            return measured
    T = camera.T_camera_world
    touch_m = _touching_palm_m(target, contacts, hands)
    if touch_m is not None:
        return max(0.2, float(np.median(touch_m @ T[2, :3] + T[2, 3])))
    rows = np.nonzero(target.mask)[0]
    by_size = camera.K[1, 1] * USUAL_HEIGHT_M / (np.ptp(rows) + 1)
    actor = float(np.median(actor_m[:, 0] @ T[2, :3] + T[2, 3]))
    return float(np.clip(by_size, max(0.3, actor - 0.8), actor + 0.8))


def _touching_palm_m(target, contacts, hands) -> np.ndarray | None:  # (N, 3)
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


def _beside_the_hand(target, primitive, contacts, hands, camera, distance) -> tuple[float, Primitive]:
    """Distance and size for which the touching palm lies beside the object, not in it; the picture stays the same."""
    touch_m = _touching_palm_m(target, contacts, hands)
    if touch_m is None:
        return distance, primitive
    palm_m, best = np.median(touch_m, axis=0), None
    for shift in SIGHT_SHIFTS_M:
        moved = max(0.2, distance + shift)
        scaled = replace(primitive, size_m=primitive.size_m * moved / distance)
        rest = _resting_pose(target, scaled, camera, moved)
        clearance = _clearance(rest, palm_m, scaled)
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
    rise = up[:3] @ _ray(camera, _mask_middle(target.mask))
    half = primitive.half_height_m / distance
    bottom_m = up[3] + (rise - half) * distance
    if bottom_m > NEAR_FLOOR_M or half <= rise:
        return distance, primitive
    landed = up[3] / (half - rise)
    if not 1 / LANDING < landed / distance < LANDING:
        return distance, primitive
    return landed, replace(primitive, size_m=primitive.size_m * landed / distance)


def _mask_middle(mask: np.ndarray) -> tuple[float, float]:  # x, y in pixels
    rows, columns = np.nonzero(mask)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def _ray(camera, xy_px) -> np.ndarray:  # (3,) in the camera frame, z = 1
    return np.linalg.inv(camera.K) @ np.array([xy_px[0], xy_px[1], 1.0])


def _resting_pose(target: ObjectTrack, primitive: Primitive, camera, distance: float) -> np.ndarray:  # (4, 4)
    T = np.eye(4)
    c, s = np.cos(primitive.yaw_rad), np.sin(primitive.yaw_rad)
    T[:2, :2] = [[c, -s], [s, c]]
    T[:3, 3] = (camera.T_world_camera @ np.append(_ray(camera, _mask_middle(target.mask)) * distance, 1.0))[:3]
    # nothing rests below the floor
    T[2, 3] = max(T[2, 3], primitive.half_height_m)
    return T


def _poses(target, contacts, hands, rest, primitive: Primitive, camera) -> np.ndarray:  # (T, 4, 4)
    """Resting, held, resting: each segment starts where the one before ended."""
    poses = np.tile(rest, (target.num_frames, 1, 1))
    current = rest
    for start, end in runs(~target.resting):
        taken = max(start - 1, 0)
        gaps = {name: _clearance(current, hand.palm_m[taken], primitive) for name, hand in hands.items()}
        holder = _holder(contacts, start, end, gaps)
        if holder is None:
            continue
        hand, frames = hands[holder], np.arange(start, end)
        in_hand = np.linalg.inv(hand.transform(taken)) @ current
        for t in frames:
            poses[t] = hand.transform(t) @ in_hand
        _turn_as_seen(poses, target, hand, frames, camera)
        _shift_as_seen(poses, target, frames, camera)
        for i, t in enumerate(frames):
            poses[t, :3, 3] += min(1.0, (i + 1) / GRIP_FRAMES) * into_grip(poses[t], hand.palm_m[t], primitive)
        current = poses[end - 1] if not (end < target.num_frames and target.resting[end]) else rest
        poses[end:] = current
    return poses


def _turn_as_seen(poses, target: ObjectTrack, hand: HandMotion, frames, camera) -> None:
    """Turn the held object about the palm, in the picture's plane, to the angle the track sees.

    The fitted wrist's roll is the weakest part of the fit; the object's own outline tells more about it.
    """
    rest_axis = _image_axis(poses[0], camera)
    turns, sure = np.zeros(len(frames)), np.zeros(len(frames))
    for i, t in enumerate(frames):
        seen, have = target.similarity[t, :, :2] @ rest_axis, _image_axis(poses[t], camera)
        turns[i] = np.arctan2(have[0] * seen[1] - have[1] * seen[0], have @ seen)
        sure[i] = target.visibility[t] >= SEEN and abs(turns[i]) < MAX_TURN_RAD
    # the optical axis: a positive turn goes from image x to image y
    axis = camera.T_world_camera[:3, 2]
    for turn, t in zip(_calmed(turns[:, None], sure)[:, 0], frames):
        rotation = Rotation.from_rotvec(axis * turn).as_matrix()
        poses[t, :3, :3] = rotation @ poses[t, :3, :3]
        poses[t, :3, 3] = rotation @ (poses[t, :3, 3] - hand.palm_m[t]) + hand.palm_m[t]


def _shift_as_seen(poses, target: ObjectTrack, frames, camera) -> None:
    """Move the held object sideways, at its distance, to where the track sees it."""
    T = camera.T_camera_world
    centroids = target.centroid_px
    shifts = np.zeros((len(frames), 3))
    for i, t in enumerate(frames):
        in_camera = T[:3, :3] @ poses[t, :3, 3] + T[:3, 3]
        shifts[i] = T[:3, :3].T @ (_ray(camera, centroids[t]) * in_camera[2] - in_camera)
    poses[frames, :3, 3] += _calmed(shifts, (target.visibility[frames] >= SEEN).astype(float))


def _calmed(values: np.ndarray, sure: np.ndarray) -> np.ndarray:  # (N, C), (N,) -> (N, C)
    """Corrections averaged over neighbouring frames in which they are known, fading to none far from those."""
    times = np.arange(len(values))
    near = np.exp(-0.5 * ((times[:, None] - times) / CALM_FRAMES) ** 2) * sure
    return near @ values / (near.sum(1) + 1e-3)[:, None]


def _image_axis(T_world_object: np.ndarray, camera) -> np.ndarray:  # (2,)
    """Direction of the object's z axis in the picture, not normalised."""
    centre = T_world_object[:3, 3]
    ends = camera.project(np.stack([centre, centre + 0.05 * T_world_object[:3, 2]]))
    return np.nan_to_num(ends[1] - ends[0])


def _holder(contacts, start: int, end: int, gaps_m: dict[str, float]) -> str | None:
    """The hand whose contacts overlap the frames most; of two that are over it in the picture the one within reach."""
    overlap = {hand: 0 for hand in HANDS}
    for c in contacts:
        overlap[c.hand] += max(0, min(end, c.end_frame) - max(start, c.start_frame))
    reaching = [hand for hand in HANDS if overlap[hand] and gaps_m[hand] <= TOUCH_REACH_M]
    best = max(reaching or HANDS, key=overlap.get)
    return best if overlap[best] else None


def _support(rest: np.ndarray, primitive: Primitive, actor_m: np.ndarray) -> SupportBox | None:
    """A plate under the object when it rests clearly above the floor, kept clear of the actor's body."""
    top = rest[2, 3] - primitive.half_height_m
    if top < MIN_SUPPORT_HEIGHT_M:
        return None
    centre = rest[:2, 3]
    # legs and trunk; the arms reach over
    trunk = actor_m[:, [0, 1, 2, 4, 5, 7, 8, 3, 6]].reshape(-1, 3)
    clear = np.abs(trunk[:, :2] - centre).max(1).min() - 0.16
    # how far the plate reaches is a guess: a hand that comes up from below its top came up beside it
    below = actor_m.reshape(-1, 3)
    below = below[below[:, 2] < top]
    clear = min([clear, *(np.abs(below[:, :2] - centre).max(1) - HAND_MARGIN_M)])
    half = float(np.clip(clear, primitive.radius_m + 0.01, TABLE_SIDE_M / 2))
    T = np.eye(4)
    T[:3, 3] = [*centre, top - TABLE_THICKNESS_M / 2]
    return SupportBox("support", np.array([2 * half, 2 * half, TABLE_THICKNESS_M]), T)
