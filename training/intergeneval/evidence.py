"""Where people's hands and things are in a clip and what touches what: what the geometric judge answers from.

On a scene's own clip all of it is known: tracked masks, contacts, and hands as the camera sees them. On a generated
clip the first frame is known and the rest is looked for: hands by a keypoint source, things by their colour.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.hands import hand_centres_px
from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
from hoi_motion.lift.contact import AWAY_PERSON, hand_distances_px, tolerance_px
from hoi_motion.motion import HoiMotion
from training.intergeneval.coloured_things import track_things
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.posture import JOINT, SIDES
from training.scenes.scene import SceneSample, free_body

GONE_SHARE = 0.05  # of its first mask; less is not seen


@dataclass(frozen=True)
class Evidence:
    """What is seen of a clip.

    Attributes:
        contact: (T,) bool by (person, thing): a hand is on it.
        hands_px: (T, 2, 2) by person, x and y of left and right hand, NaN where unseen.
        centre_px: (T, 2) by thing, NaN where unseen.
        px_per_m: scale of the picture where the things stand.
        emerged, vanished: (T,) bool, something is there that was not in the first frame; something is gone.
    """

    contact: dict[tuple[int, int], np.ndarray]
    hands_px: dict[int, np.ndarray]
    centre_px: dict[int, np.ndarray]
    px_per_m: float
    emerged: np.ndarray
    vanished: np.ndarray

    def until(self, end: int) -> "Evidence":
        """The first `end` frames."""
        return Evidence(
            {pair: value[:end] for pair, value in self.contact.items()},
            {person: value[:end] for person, value in self.hands_px.items()},
            {thing: value[:end] for thing, value in self.centre_px.items()},
            self.px_per_m,
            self.emerged[:end],
            self.vanished[:end],
        )


def people_of(scene: SceneSample) -> dict[int, HoiMotion]:
    """Motions by instance."""
    people = {ACTOR_INSTANCE: scene.motion}
    if scene.company is not None:
        people[scene.company.companion_id] = scene.company.motion
    return people


def things_of(scene: SceneSample) -> tuple[int, ...]:
    """Instances of the objects, in the order of the motion's objects."""
    return tuple(sorted(i for i in scene.id_names if i and i not in people_of(scene)))


def hands_m(motion: HoiMotion) -> np.ndarray:  # (T, 2, 3)
    """Middle of left and right hand, in the world: half-way from wrist to the middle finger's knuckle."""
    joints = free_body().vertices_and_joints(motion.pose_rad, motion.transl_m, motion.betas)[1].numpy()
    return np.stack([(joints[:, JOINT[f"{s}_wrist"]] + joints[:, JOINT[f"{s}_middle1"]]) / 2 for s in SIDES], axis=1)


def true_contact(scene: SceneSample) -> dict[tuple[int, int], np.ndarray]:
    """Who touches what, for every pair of a person and a thing; scenes let nobody touch anything by accident."""
    still = np.zeros(len(scene.frames), bool)
    contact = {(person, thing): still for person in people_of(scene) for thing in things_of(scene)}
    for doing in scene.doings:
        contact[doing.subject_id, doing.object_id] = doing.touching
        if doing.recipient_id is not None and scene.company is not None:
            contact[doing.recipient_id, doing.object_id] = scene.company.companion_touching
    return contact


def scene_evidence(scene: SceneSample) -> Evidence:
    """From the tracked masks and contacts of a scene's own clip."""
    camera, ids = scene.motion.camera, scene.instance_ids
    hands = {person: _projected(camera, hands_m(motion)) for person, motion in people_of(scene).items()}
    contact, centres, vanished = true_contact(scene), {}, np.zeros(len(ids), bool)
    for thing in things_of(scene):
        masks = ids == thing
        area = masks.sum((1, 2))
        seen = area > GONE_SHARE * max(area[0], 1)
        centres[thing] = np.array([_centre(m) if s else (np.nan, np.nan) for m, s in zip(masks, seen)])
        held = np.any([contact[person, thing] for person in hands], axis=0)
        # what is in a hand, or hidden by something else where it was last seen, is not gone
        last = masks[0]
        for t in range(len(ids)):
            last = masks[t] if seen[t] else last
            vanished[t] |= not seen[t] and not held[t] and np.isin(ids[t][last], (0, thing)).mean() > 0.5
    return Evidence(contact, hands, centres, _px_per_m(scene), np.zeros(len(ids), bool), vanished)


def seen_evidence(frames: np.ndarray, scene: SceneSample, keypoints: KeypointSource) -> Evidence:
    """From a clip (T, H, W, 3) u8 that begins with the scene's first frame: nothing but its pixels is looked at."""
    first, things = scene.instance_ids[0], things_of(scene)
    tracked = track_things(frames, {thing: first == thing for thing in things})
    hands, contact = {}, {}
    for person in people_of(scene):
        try:
            track = keypoints.detect(frames, actor_mask=first == person)
        except LiftError:
            hands[person] = np.full((len(frames), 2, 2), np.nan)
            contact |= {(person, thing): np.zeros(len(frames), bool) for thing in things}
            continue
        hands[person] = hand_centres_px(track)
        contact |= {(person, thing): _touches(track, tracked.masks[thing]) for thing in things}
    return Evidence(contact, hands, tracked.centre_px, _px_per_m(scene), tracked.emerged, tracked.vanished)


def _touches(track: KeypointTrack, masks: np.ndarray) -> np.ndarray:  # (T, H, W) bool -> (T,) bool
    """Frames in which a hand that has left its first place is on the thing."""
    centres = hand_centres_px(track)
    distances = hand_distances_px(track, lambda t: masks[t])
    near_px = tolerance_px(track, masks[0])
    result = np.zeros(len(masks), bool)
    for number, hand in enumerate(distances):
        seen = np.flatnonzero(np.isfinite(centres[:, number, 0]))
        if not len(seen):
            continue
        away = np.linalg.norm(centres[:, number] - centres[seen[0], number], axis=-1) / track.person_height_px()
        left = np.maximum.accumulate(np.nan_to_num(away) > AWAY_PERSON)
        result |= left & (distances[hand] <= near_px)
    return result


def _projected(camera, points_m: np.ndarray) -> np.ndarray:  # (T, 2, 3) -> (T, 2, 2)
    return camera.project(points_m.reshape(-1, 3)).reshape(*points_m.shape[:2], 2)


def _px_per_m(scene: SceneSample) -> float:
    """Of the camera at the distance of the target in the first frame."""
    camera = scene.motion.camera
    target = next(o for o in scene.motion.objects if o.is_target)
    depth_m = (np.linalg.inv(camera.T_world_camera) @ target.T_world_object[0])[2, 3]
    return float(camera.K[1, 1] / depth_m)


def _centre(mask: np.ndarray) -> np.ndarray:  # (H, W) bool -> (2,) x, y
    return np.argwhere(mask).mean(0)[::-1]
