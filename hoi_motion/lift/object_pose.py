"""6D pose of the object: resting where it is seen, then rigid in the hand that holds it, then resting again."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.lift.contact import runs
from hoi_motion.lift.object_shape import Primitive, fit_primitive
from hoi_motion.lift.object_track import ObjectTrack
from hoi_motion.motion import HANDS, Contact, ObjectMotion, SupportBox

USUAL_HEIGHT_M = 0.15
MIN_SUPPORT_HEIGHT_M = 0.12
TABLE_THICKNESS_M = 0.03
TABLE_SIDE_M = 0.6
# the track's angle counts while this share of the object is recognised, and corrects at most this much
SEEN_TURN, MAX_TURN_RAD = 0.35, np.deg2rad(100)
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
) -> tuple[ObjectMotion, SupportBox | None, float]:
    """Shape, poses and support of the target in the world, and the distance it was given."""
    T_camera_world = camera.T_camera_world
    distance = _distance(target, contacts, hands, actor_m, camera, depth_m)
    primitive = fit_primitive(target.mask, camera.K, T_camera_world[:3, :3], distance)
    if depth_m is not None and _measured(depth_m, target.mask) is not None:
        # the depth image sees the front
        distance += primitive.radius_m * 0.8
    rest = _resting_pose(target, primitive, camera, distance)
    poses = _poses(target, contacts, hands, rest, camera)
    vertices, faces = primitive.surface()
    motion = ObjectMotion("target", vertices, faces, poses, shape=primitive.shape, is_target=True)
    return motion, _support(rest, primitive, actor_m), distance


def _measured(depth_m: np.ndarray, mask: np.ndarray) -> float | None:
    values = depth_m[mask]
    values = values[np.isfinite(values) & (values > 0.05)]
    return float(np.median(values)) if len(values) >= 4 else None


def _distance(target, contacts, hands, actor_m, camera, depth_m) -> float:
    """Distance of the object along the optical axis: measured, else the hand's at its first touch, else by size."""
    if depth_m is not None:
        measured = _measured(depth_m, target.mask)
        if measured is not None:
            return measured
    T = camera.T_camera_world
    for contact in contacts:
        # a hand passes by before it touches: where the object moves, its last frames at rest; else all of the contact
        frames = [t for t in range(contact.start_frame, contact.end_frame) if target.resting[t]]
        if target.moved:
            frames = frames[-3:] or [contact.start_frame]
        hand = hands[contact.hand].palm_m[frames]
        return max(0.2, float(np.median(hand @ T[2, :3] + T[2, 3])))
    rows = np.nonzero(target.mask)[0]
    by_size = camera.K[1, 1] * USUAL_HEIGHT_M / (np.ptp(rows) + 1)
    actor = float(np.median(actor_m[:, 0] @ T[2, :3] + T[2, 3]))
    return float(np.clip(by_size, max(0.3, actor - 0.8), actor + 0.8))


def _ray(camera, xy_px) -> np.ndarray:  # (3,) in the camera frame, z = 1
    return np.linalg.inv(camera.K) @ np.array([xy_px[0], xy_px[1], 1.0])


def _resting_pose(target: ObjectTrack, primitive: Primitive, camera, distance: float) -> np.ndarray:  # (4, 4)
    rows, columns = np.nonzero(target.mask)
    middle = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    T = np.eye(4)
    c, s = np.cos(primitive.yaw_rad), np.sin(primitive.yaw_rad)
    T[:2, :2] = [[c, -s], [s, c]]
    T[:3, 3] = (camera.T_world_camera @ np.append(_ray(camera, middle) * distance, 1.0))[:3]
    # nothing rests below the floor
    T[2, 3] = max(T[2, 3], primitive.half_height_m)
    return T


def _poses(target, contacts, hands, rest, camera) -> np.ndarray:  # (T, 4, 4)
    """Resting, held, resting: each segment starts where the one before ended."""
    poses = np.tile(rest, (target.num_frames, 1, 1))
    current = rest
    for start, end in runs(~target.resting):
        holder = _holder(contacts, start, end)
        if holder is None:
            continue
        hand = hands[holder]
        taken = max(start - 1, 0)
        in_hand = np.linalg.inv(hand.transform(taken)) @ current
        in_hand[:3, 3] = _seen_offset(in_hand[:3, 3], target, hand, range(start, end), camera)
        for t in range(start, end):
            poses[t] = hand.transform(t) @ in_hand
        _turn_as_seen(poses, target, hand, range(start, end), camera)
        current = poses[end - 1] if not (end < target.num_frames and target.resting[end]) else rest
        poses[end:] = current
    return poses


def _seen_offset(offset, target, hand: HandMotion, frames, camera) -> np.ndarray:  # (3,)
    """Grip offset in the hand frame, moved by what the track says on average about where the held object is seen."""
    T = camera.T_camera_world
    centroids = target.centroid_px
    moves = []
    for t in frames:
        if target.visibility[t] < 0.4:
            continue
        in_camera = T[:3, :3] @ (hand.R_world_hand[t] @ offset + hand.palm_m[t]) + T[:3, 3]
        wanted = _ray(camera, centroids[t]) * in_camera[2]
        moves.append(hand.R_world_hand[t].T @ T[:3, :3].T @ (wanted - in_camera))
    if not moves:
        return offset
    moved = offset + 0.5 * np.median(moves, axis=0)
    # a grip reaches only so far
    reach = max(np.linalg.norm(offset), 0.05)
    return moved * min(1.0, reach / max(np.linalg.norm(moved), 1e-9))


def _turn_as_seen(poses, target: ObjectTrack, hand: HandMotion, frames, camera) -> None:
    """Turn the held object about the palm, in the picture's plane, to the angle the track sees.

    The fitted wrist's roll is the weakest part of the fit; the object's own outline tells more about it.
    """
    angles, weights = [], []
    for t in frames:
        seen = target.similarity[t, :, :2] @ _image_axis(poses[0], camera)
        have = _image_axis(poses[t], camera)
        turn = np.arctan2(have[0] * seen[1] - have[1] * seen[0], have @ seen)
        sure = target.visibility[t] >= SEEN_TURN and abs(turn) < MAX_TURN_RAD and np.linalg.norm(have) > 1e-6
        angles.append(turn if sure else 0.0)
        weights.append(float(sure))
    if not any(weights):
        return
    times = np.arange(len(angles))
    near = np.exp(-0.5 * ((times[:, None] - times) / 1.5) ** 2) * np.array(weights) + 1e-6
    turns = near @ np.array(angles) / near.sum(1)
    # optical axis of the camera: a positive turn goes from image x to image y
    axis = camera.T_world_camera[:3, 2]
    for turn, t in zip(turns, frames):
        rotation = Rotation.from_rotvec(axis * turn).as_matrix()
        poses[t, :3, :3] = rotation @ poses[t, :3, :3]
        poses[t, :3, 3] = rotation @ (poses[t, :3, 3] - hand.palm_m[t]) + hand.palm_m[t]


def _image_axis(T_world_object: np.ndarray, camera) -> np.ndarray:  # (2,)
    """Direction of the object's z axis in the picture, not normalised."""
    centre = T_world_object[:3, 3]
    ends = camera.project(np.stack([centre, centre + 0.05 * T_world_object[:3, 2]]))
    return np.nan_to_num(ends[1] - ends[0])


def _holder(contacts, start: int, end: int) -> str | None:
    """The hand whose contacts overlap the frames most."""
    overlap = {hand: 0 for hand in HANDS}
    for c in contacts:
        overlap[c.hand] += max(0, min(end, c.end_frame) - max(start, c.start_frame))
    best = max(HANDS, key=overlap.get)
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
    half = float(np.clip(clear, primitive.radius_m + 0.01, TABLE_SIDE_M / 2))
    T = np.eye(4)
    T[:3, 3] = [*centre, top - TABLE_THICKNESS_M / 2]
    return SupportBox("support", np.array([2 * half, 2 * half, TABLE_THICKNESS_M]), T)
