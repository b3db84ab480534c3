"""6D pose of the object: resting where it is seen, then rigid in the hand that holds it, then resting again."""

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.frames import runs_of
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.object.distance import Distance, Scene, object_distance
from hoi_motion.lift.object.grip import HandMotion, into_grip, palm_gap_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.sight import Sight, mask_middle, sight_ray
from hoi_motion.lift.object.support import support_under
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import HANDS, SIDE_OF_HAND, Contact, ObjectMotion, SupportBox

# a palm's middle this far from a surface can touch it with the fingers
TOUCH_REACH_M = 0.06
# the track says where a held object is while it is so sure of it
SEEN = 0.35
CALM_FRAMES = 1.5
# spreads of what the object's size in the picture says, as a share of its distance, of the depth of the hand that holds
# it, and of its own place when nobody does
SIZE_SPREAD = 0.05
HELD_SPREAD_M = 0.10
FREE_SPREAD_M = 0.05
GROWTH_BOUNDS = (0.4, 2.5)
NEAREST_M = 0.2
# spreads across the sight where it is seen, more a frame from where it is seen, in the hand, and at rest; of second
# differences from frame to frame
SEEN_SPREAD_M = 0.01
UNSEEN_SPREAD_M = 0.03
HELD_ACROSS_M = 0.08
REST_SPREAD_M = 0.01
ACCELERATION_M = 0.05
# so many spreads off a smooth path is an outlier
OUTLIER = 2.0
ROBUST_ROUNDS = 4
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
    known: KnownScene = KnownScene(),
) -> tuple[ObjectMotion, SupportBox | None, tuple[Contact, ...], Distance]:
    """Shape and poses of the target in the world, its support, the contacts in reach, and the distance it was given."""
    sight = Sight(target.mask, camera)
    distance = object_distance(Scene(target, sight, contacts, hands, actor_m, depth_m, known))
    primitive = sight.shape_at(distance.outline_m)
    rest = sight.resting_pose(distance.centre_m, primitive)
    poses = _poses(target, contacts, hands, rest, primitive, camera)
    vertices, faces = primitive.surface()
    motion = ObjectMotion("target", vertices, faces, poses, shape=primitive.shape, is_target=True)
    return (
        motion,
        support_under(rest, primitive, actor_m),
        contacts_in_reach(contacts, hands, motion, primitive, target),
        distance,
    )


def contacts_in_reach(
    contacts: tuple[Contact, ...],
    hands: dict[str, HandMotion],
    thing: ObjectMotion,
    primitive: Primitive,
    target: ObjectTrack,
) -> tuple[Contact, ...]:
    """Contacts without the frames at their ends in which the palm is out of reach in 3D.

    A hand is over an object in the picture a little before it touches and a little after. A contact that is nowhere
    within reach goes when another one is: that hand was only before the object in the picture. When none is within
    reach they stay as they are: the picture saw them, and the check will say that 3D does not agree. Of what moves in
    a hand, the picture tells more than the depths of hand and object.
    """
    kept, in_reach = [], []
    for contact in contacts:
        frames = np.arange(contact.start_frame, contact.end_frame)
        gaps = [palm_gap_m(thing.T_world_object[t], hands[contact.hand].palm_m[t], primitive) for t in frames]
        near = frames[(np.array(gaps) <= TOUCH_REACH_M) | ~target.resting[frames]]
        if len(near):
            contact = replace(contact, start_frame=int(near[0]), end_frame=int(near[-1]) + 1)
            in_reach.append(contact)
        kept.append(contact)
    return tuple(in_reach or kept)


def _poses(target, contacts, hands, rest, primitive: Primitive, camera) -> np.ndarray:  # (T, 4, 4)
    """Resting, held, resting: each segment starts where the one before ended."""
    poses = np.tile(rest, (target.num_frames, 1, 1))
    if target.camera_moves:
        _with_the_picture(poses, target, camera)
    current = rest
    for start, end in runs_of(~target.resting):
        taken = max(start - 1, 0)
        gaps = {name: palm_gap_m(current, hand.palm_m[taken], primitive) for name, hand in hands.items()}
        holder = _holder(contacts, start, end, gaps)
        frames = np.arange(start, end)
        if holder is not None:
            hand = hands[holder]
            in_hand = np.linalg.inv(hand.transform(taken)) @ current
            for t in frames:
                poses[t] = hand.transform(t) @ in_hand
            _turn_as_seen(poses, target, rest, frames, camera)
        elif (target.visibility[frames] >= SEEN).any():
            poses[frames] = current
        else:
            continue
        gripped = None if holder is None else hands[holder].palm_m
        returns = end < target.num_frames and target.resting[end]
        _follow_track(poses, target, frames, camera, primitive, gripped, ends_at_rest=returns)
        current = rest if returns else poses[end - 1]
        if not target.camera_moves:
            poses[end:] = current
    return poses


def _with_the_picture(poses, target: ObjectTrack, camera) -> None:
    """What rests in front of a camera that moves goes with the picture: the motion's own camera stands still."""
    centre = poses[0, :3, 3]
    depth_m = camera.to_camera(centre)[2]
    for t in range(target.num_frames):
        poses[t, :3, 3] = centre + _across_m(target, t, centre, depth_m, camera)


def _across_m(target: ObjectTrack, t: int, centre_m: np.ndarray, depth_m: float, camera) -> np.ndarray:  # (3,)
    """How far the track has moved from the first frame, at a depth, in the world."""
    middle = np.append(mask_middle(target.mask), 1.0)
    step = sight_ray(camera, target.similarity[t] @ middle) - sight_ray(camera, middle[:2])
    return camera.T_world_camera[:3, :3] @ step * depth_m


def _turn_as_seen(poses, target: ObjectTrack, rest: np.ndarray, frames, camera) -> None:
    """Turn the held object from how it rested, in the picture's plane, by the angle that the track sees.

    The fitted wrist's turn is the weakest part of the fit; the object's own outline tells more about it. Where nothing
    of the object is seen it turns with the hand that holds it.
    """
    seen = frames[target.visibility[frames] >= SEEN]
    if not len(seen):
        return
    turns = np.unwrap(np.arctan2(target.similarity[seen, 1, 0], target.similarity[seen, 0, 0]))
    angles = _calmed_angles(np.interp(frames, seen, turns))
    # the optical axis: a positive turn goes from image x to image y
    axis = camera.T_world_camera[:3, 2]
    poses[frames, :3, :3] = Rotation.from_rotvec(axis * angles[:, None]).as_matrix() @ rest[:3, :3]


def _calmed_angles(angles: np.ndarray) -> np.ndarray:  # (N,)
    """Averaged over neighbouring frames."""
    times = np.arange(len(angles))
    near = np.exp(-0.5 * ((times[:, None] - times) / CALM_FRAMES) ** 2)
    return near @ angles / near.sum(1)


def _follow_track(poses, target, frames, camera, primitive, palm_m, ends_at_rest: bool) -> None:
    """Put the object where the track sees it, as far away as its size there and the hand that holds it say, smoothly.

    Where it is not seen it lies in the grip. What jumps against its smooth path is wrong and is left out.
    """
    R = camera.T_world_camera[:3, :3]
    rest_depth_m = camera.to_camera(poses[0, :3, 3])[2]
    middle = np.append(mask_middle(target.mask), 1.0)
    sightings = np.flatnonzero(target.visibility >= SEEN)
    places, spreads = [], []
    for i, t in enumerate(frames):
        if palm_m is not None:
            share = min(1.0, (i + 1) / GRIP_FRAMES)
            poses[t, :3, 3] += share * into_grip(poses[t], palm_m[t], primitive)
        in_hand = camera.to_camera(poses[t, :3, 3])
        seen = target.visibility[t] >= SEEN
        growth = np.sqrt(abs(np.linalg.det(target.similarity[t, :, :2])))
        by_size_m = rest_depth_m / np.clip(growth, *GROWTH_BOUNDS)
        size_spread_m = SIZE_SPREAD * by_size_m if seen else np.inf
        hand_spread_m = HELD_SPREAD_M if palm_m is not None else FREE_SPREAD_M
        sureness = np.array([size_spread_m, hand_spread_m]) ** -2.0
        depth_m = max(NEAREST_M, sureness @ [by_size_m, in_hand[2]] / sureness.sum())
        in_picture = (sight_ray(camera, target.similarity[t] @ middle) * depth_m)[:2]
        unseen = np.abs(sightings - t).min(initial=target.num_frames)
        says = np.array([SEEN_SPREAD_M + UNSEEN_SPREAD_M * unseen, np.inf if seen or palm_m is None else HELD_ACROSS_M])
        says = says**-2.0
        across = (says[0] * in_picture + says[1] * in_hand[:2]) / says.sum()
        places.append([*across, depth_m])
        spreads.append([says.sum() ** -0.5, says.sum() ** -0.5, sureness.sum() ** -0.5])
    places, spreads = np.array(places), np.array(spreads)
    fixed = camera.to_camera(poses[max(frames[0] - 1, 0), :3, 3])
    path = np.vstack([fixed, places, *([fixed] if ends_at_rest else [])])
    known = np.vstack([np.full(3, REST_SPREAD_M), spreads, *([np.full(3, REST_SPREAD_M)] if ends_at_rest else [])])
    smooth = smooth_path(path, known, ACCELERATION_M)[1 : len(places) + 1]
    poses[frames, :3, 3] = smooth @ R.T + camera.T_world_camera[:3, 3]


def smooth_path(places: np.ndarray, spreads: np.ndarray, acceleration: float) -> np.ndarray:  # (N, C) each -> (N, C)
    """The path through places of known spread whose second differences are of a usual size; outliers lose their say.

    Args:
        spreads: standard deviations; acceleration: standard deviation of second differences.
    """
    count = len(places)
    second = np.diff(np.eye(count), 2, axis=0)
    stiff = second.T @ second / acceleration**2
    result, trust = places.copy(), np.ones_like(places)
    for _ in range(ROBUST_ROUNDS):
        for c in range(places.shape[1]):
            weight = trust[:, c] / spreads[:, c] ** 2
            result[:, c] = np.linalg.solve(stiff + np.diag(weight), weight * places[:, c])
        off = np.linalg.norm((places - result) / spreads, axis=1, keepdims=True)
        trust = np.broadcast_to(1 / (1 + (off / OUTLIER) ** 2), places.shape)
    return result


def _holder(contacts, start: int, end: int, gaps_m: dict[str, float]) -> str | None:
    """The hand whose contacts overlap the frames most; of two that are over it in the picture the one within reach."""
    overlap = {hand: 0 for hand in HANDS}
    for c in contacts:
        overlap[c.hand] += max(0, min(end, c.end_frame) - max(start, c.start_frame))
    reaching = [hand for hand in HANDS if overlap[hand] and gaps_m[hand] <= TOUCH_REACH_M]
    best = max(reaching or HANDS, key=overlap.get)
    return best if overlap[best] else None
