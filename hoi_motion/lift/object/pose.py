"""6D pose of the object: resting where it is seen, then rigid in the hand that holds it, then resting again."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.frames import runs_of
from hoi_motion.lift.object.distance import Distance, Scene, object_distance
from hoi_motion.lift.object.grip import HandMotion, into_grip, palm_gap_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.sight import Sight, sight_ray
from hoi_motion.lift.object.support import support_under
from hoi_motion.lift.object.track import ObjectTrack
from hoi_motion.motion import HANDS, SIDE_OF_HAND, Contact, ObjectMotion, SupportBox

# a palm's middle this far from a surface can touch it with the fingers
TOUCH_REACH_M = 0.06
# the track corrects a held object while this share of it is recognised, turning it at most so far
SEEN, MAX_TURN_RAD = 0.35, np.deg2rad(100)
CALM_FRAMES = 1.5
# a held object lies in the palm's grip (grip.py) from the third frame on
GRIP_FRAMES = 3
_PALM = {
    hand: [index_of(f"{SIDE_OF_HAND[hand]}_{name}") for name in ("wrist", "index1", "pinky1", "middle2")]
    for hand in HANDS
}


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
) -> tuple[ObjectMotion, SupportBox | None, tuple[Contact, ...], Distance]:
    """Shape and poses of the target in the world, its support, the contacts in reach, and the distance it was given."""
    sight = Sight(target.mask, camera)
    distance = object_distance(Scene(target, sight, contacts, hands, actor_m, depth_m))
    primitive = sight.shape_at(distance.outline_m)
    rest = sight.resting_pose(distance.centre_m, primitive)
    poses = _poses(target, contacts, hands, rest, primitive, camera)
    vertices, faces = primitive.surface()
    motion = ObjectMotion("target", vertices, faces, poses, shape=primitive.shape, is_target=True)
    return (
        motion,
        support_under(rest, primitive, actor_m),
        contacts_in_reach(contacts, hands, motion, primitive),
        distance,
    )


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
        gaps = [palm_gap_m(thing.T_world_object[t], hands[contact.hand].palm_m[t], primitive) for t in frames]
        near = frames[np.array(gaps) <= TOUCH_REACH_M]
        if len(near):
            contact = replace(contact, start_frame=int(near[0]), end_frame=int(near[-1]) + 1)
            in_reach.append(contact)
        kept.append(contact)
    return tuple(in_reach or kept)


def _poses(target, contacts, hands, rest, primitive: Primitive, camera) -> np.ndarray:  # (T, 4, 4)
    """Resting, held, resting: each segment starts where the one before ended."""
    poses = np.tile(rest, (target.num_frames, 1, 1))
    current = rest
    for start, end in runs_of(~target.resting):
        taken = max(start - 1, 0)
        gaps = {name: palm_gap_m(current, hand.palm_m[taken], primitive) for name, hand in hands.items()}
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
        shifts[i] = T[:3, :3].T @ (sight_ray(camera, centroids[t]) * in_camera[2] - in_camera)
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
