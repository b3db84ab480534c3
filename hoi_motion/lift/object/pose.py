"""6D pose of the object: resting where it is seen, then rigid in the hand that holds it, then resting again."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.frames import runs_of
from hoi_motion.lift.object.distance import Distance, Scene, object_distance
from hoi_motion.lift.object.fingers import Fingers
from hoi_motion.lift.object.grip import carried_m, palm_gap_m
from hoi_motion.lift.object.held import SEEN, Movement, moving_path
from hoi_motion.lift.object.reach import TOUCH_REACH_M, contacts_in_reach, reach_of
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.sight import sight_ray
from hoi_motion.lift.object.support import support_under
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import HANDS, Contact, ObjectMotion, SupportBox
from hoi_motion.progress import CancelToken, check_cancelled

CALM_S = 0.2
# what rises or sinks by less slides upright on its support; where, only a line of sight at least this steep tells
LIFTED_M = 0.035
LEAST_FALL = 0.15
# what moves by less than this stays at rest
STAYS_M = 0.02
STAYS_PX = 1.5
# a contact may be seen too short by so many frames
HELD_MARGIN = 2


@dataclass(frozen=True)
class LiftedObject:
    """The target in the world, and what holds it.

    Attributes:
        thing: its shape and poses; support: None on the floor.
        contacts: those that are within reach in space; distance: that it was given.
        fingers: the person's, opened where they were in the object; None where they were left as they are.
    """

    thing: ObjectMotion
    support: SupportBox | None
    contacts: tuple[Contact, ...]
    distance: Distance
    fingers: Fingers | None


def lifted_object(
    scene: Scene, fps: float, fingers: Fingers | None = None, cancel: CancelToken | None = None
) -> LiftedObject:
    """The target from what is seen of it; fingers: the person's, to be opened, None leaves them.

    Raises:
        ControlError: CANCELLED.
    """
    sight, hands = scene.sight, scene.hands
    check_cancelled(cancel)
    distance = object_distance(scene)
    primitive = sight.shape_at(distance.outline_m)
    rest = sight.resting_pose(distance.centre_m, primitive)
    poses = _poses(scene, rest, primitive, fps, cancel)
    if fingers is not None:
        fingers = fingers.opened(primitive, poses, cancel)
    check_cancelled(cancel)
    reach_m = {name: reach_of(hand, poses, primitive, sight.camera, fps, distance) for name, hand in hands.items()}
    vertices, faces = primitive.surface()
    thing = ObjectMotion("target", vertices, faces, poses, shape=primitive.shape, is_target=True)
    support = support_under(rest, primitive, scene.actor_m)
    contacts = contacts_in_reach(scene.contacts, hands, thing, primitive, scene.target, reach_m, fps)
    return LiftedObject(thing, support, contacts, distance, fingers)


def _poses(
    scene: Scene, rest: np.ndarray, primitive: Primitive, fps: float, cancel: CancelToken | None
) -> np.ndarray:  # (T, 4, 4)
    """Resting, moving, resting: each movement starts where the one before ended."""
    target, contacts, hands = scene.target, scene.contacts, scene.hands
    camera, middle_px = scene.sight.camera, scene.sight.middle_px
    poses = np.tile(rest, (target.num_frames, 1, 1))
    if target.camera_moves:
        _with_the_picture(poses, target, middle_px, camera)
    current = rest
    for start, end in runs_of(~target.resting):
        check_cancelled(cancel)
        taken, frames = max(start - 1, 0), np.arange(start, end)
        gaps = {name: palm_gap_m(current, hand.palm_m[taken], primitive) for name, hand in hands.items()}
        holder = _holder(contacts, start, end, gaps)
        if holder is None and not (target.visibility[frames] >= SEEN).any():
            continue
        carried = None
        if holder is not None:
            carried = carried_m(
                hands[holder], poses[taken], primitive, taken, frames, fps, camera.T_world_camera[:3, 3]
            )
        returns = end < target.num_frames and target.resting[end]
        behind_m = poses[end, :3, 3] if returns else None
        movement = Movement(frames, _maybe_held(contacts, frames), poses[taken, :3, 3], behind_m, carried)
        path_m = moving_path(target, movement, middle_px, camera, fps)
        turns = _turned_as_seen(target, rest, frames, camera, fps)
        if not target.camera_moves and np.abs(path_m[:, 2] - rest[2, 3]).max() < LIFTED_M:
            path_m, turns = slid(path_m, current[2, 3], camera), rest[:3, :3]
            if np.linalg.norm(path_m - current[:3, 3], axis=1).max() < _least_way_m(camera, current):
                path_m = current[:3, 3]
        poses[frames, :3, 3], poses[frames, :3, :3] = path_m, turns
        current = rest if returns else poses[end - 1]
        if not target.camera_moves:
            poses[end:] = current
    return poses


def slid(path_m: np.ndarray, height_m: float, camera) -> np.ndarray:  # (N, 3)
    """The path at one height: where the lines of sight meet that plane; where they graze it, right below or above."""
    eye_m = camera.T_world_camera[:3, 3]
    away_m = path_m - eye_m
    falls = away_m[:, 2] / np.linalg.norm(away_m, axis=1)
    steep = np.abs(falls) > LEAST_FALL
    share = np.where(steep, (height_m - eye_m[2]) / np.where(steep, away_m[:, 2], 1.0), 1.0)
    level = eye_m + share[:, None] * away_m
    level[:, 2] = height_m
    return level


def _least_way_m(camera, T_world_object: np.ndarray) -> float:
    """Movement below this is at rest, as far as the image can tell."""
    return max(STAYS_M, STAYS_PX * camera.to_camera(T_world_object[:3, 3])[2] / camera.K[0, 0])


def _with_the_picture(poses, target: ObjectTrack, middle_px: np.ndarray, camera) -> None:
    """An object at rest before a moving camera moves with the image: the motion's own camera stands still."""
    centre = poses[0, :3, 3]
    depth_m = camera.to_camera(centre)[2]
    for t in range(target.num_frames):
        poses[t, :3, 3] = centre + _across_m(target, t, middle_px, depth_m, camera)


def _across_m(target: ObjectTrack, t: int, middle_px: np.ndarray, depth_m: float, camera) -> np.ndarray:  # (3,)
    """How far the track has moved from the first frame, at a depth, in the world."""
    step = sight_ray(camera, target.similarity[t] @ np.append(middle_px, 1.0)) - sight_ray(camera, middle_px)
    return camera.T_world_camera[:3, :3] @ step * depth_m


def _turned_as_seen(target: ObjectTrack, rest: np.ndarray, frames, camera, fps: float) -> np.ndarray:  # (N, 3, 3)
    """Turned from how it rested, in the picture's plane, by the angle that the track sees.

    The fitted wrist's rotation is the weakest part of the fit; the object's own outline says more. Where the object is
    not seen its rotation is interpolated.
    """
    seen = frames[target.visibility[frames] >= SEEN]
    angles = np.zeros(len(frames))
    if len(seen):
        turns = np.unwrap(np.arctan2(target.similarity[seen, 1, 0], target.similarity[seen, 0, 0]))
        angles = _calmed_angles(np.interp(frames, seen, turns), CALM_S * fps)
    # the optical axis: a positive turn goes from image x to image y
    axis = camera.T_world_camera[:3, 2]
    return Rotation.from_rotvec(axis * angles[:, None]).as_matrix() @ rest[:3, :3]


def _calmed_angles(angles: np.ndarray, near_frames: float) -> np.ndarray:  # (N,)
    """Averaged over neighbouring frames."""
    times = np.arange(len(angles))
    near = np.exp(-0.5 * ((times[:, None] - times) / near_frames) ** 2)
    return near @ angles / near.sum(1)


def _maybe_held(contacts, frames: np.ndarray) -> np.ndarray:  # (N,) bool
    """Frames within a contact of any hand or right beside one."""
    near = [(frames >= c.start_frame - HELD_MARGIN) & (frames < c.end_frame + HELD_MARGIN) for c in contacts]
    return np.any(near, axis=0) if near else np.zeros(len(frames), bool)


def _holder(contacts, start: int, end: int, gaps_m: dict[str, float]) -> str | None:
    """The hand whose contacts overlap the frames most; of two that are over it in the picture the one within reach."""
    overlap = dict.fromkeys(HANDS, 0)
    for c in contacts:
        overlap[c.hand] += max(0, min(end, c.end_frame) - max(start, c.start_frame))
    reaching = [hand for hand in HANDS if overlap[hand] and gaps_m[hand] <= TOUCH_REACH_M]
    best = max(reaching or HANDS, key=overlap.get)
    return best if overlap[best] else None
