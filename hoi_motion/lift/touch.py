"""Hands on the object while it rests, and how far away it is then: what the fit of the person is told of it."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.clip import Clip
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.object.distance import TAKING_FRAMES, Scene, object_distance
from hoi_motion.lift.object.grip import hand_motion
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.person.evidence import Touch
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import HANDS, Contact

# sources of the object's distance that take it neither from the hand nor from the fit's own floor
MEASURED = ("depth image", "support plane", "known floor")
# how surely a hand touches that is on the object in the picture: one that is there for at least this share of the time
# in which the object moves, and any other
GOES_ALONG = 0.8
SURE_ALONG, SURE = 0.98, 0.8


@dataclass(frozen=True)
class TouchSeen:
    """Called with a body's points (T, 76, 3) m in the level frame (camera.py), the camera's pitch and the floor's
    height there: the touch as far as it is known then."""

    clip: Clip
    K: np.ndarray  # (3, 3)
    focal_source: str
    known: KnownScene
    target: ObjectTrack
    contacts: tuple[Contact, ...]

    def __call__(self, points_m: np.ndarray, pitch_rad: float, floor_m: float) -> Touch | None:
        """None where nobody touches, or nothing but the person says how far away the object is."""
        at = taking(self.contacts, self.target)
        if not at.any():
            return None
        origin_m = np.array([*points_m[0, 0, :2], floor_m])
        camera = world_camera(self.K, self.focal_source, self.clip.size_px, pitch_rad, origin_m)
        points_m = points_m - origin_m
        hands = {hand: hand_motion(points_m, hand) for hand in HANDS}
        sight = Sight(self.target.mask, camera, self.clip.target_noun, self.clip.depth_m)
        scene = Scene(self.target, sight, self.contacts, hands, points_m, self.known)
        distance = object_distance(scene)
        if distance.source not in MEASURED:
            return None
        return Touch(at, how_sure(self.contacts, self.target), distance.centre_m, distance.spread_m)


def taking(contacts: tuple[Contact, ...], target: ObjectTrack) -> np.ndarray:  # (T, 2) bool
    """When left and right hand surely touch the object where it first rests: right before they take it, as a hand
    passes by in the picture before it touches; where nobody takes it, all the while."""
    at = np.zeros((target.num_frames, 2), bool)
    taken = int(np.argmin(target.resting)) if target.moved else target.num_frames
    for c in contacts:
        first = c.start_frame + 1
        if target.moved:
            first = max(c.start_frame, taken - TAKING_FRAMES) if c.end_frame > taken else c.end_frame
        at[first : min(c.end_frame, taken + 1), HANDS.index(c.hand)] = True
    return at


def how_sure(contacts: tuple[Contact, ...], target: ObjectTrack) -> np.ndarray:  # (2,)
    """How probably each hand touches, by the picture."""
    moving, along = ~target.resting, np.zeros(2)
    for c in contacts:
        along[HANDS.index(c.hand)] += moving[c.start_frame : c.end_frame].sum()
    return np.where(along >= max(1, GOES_ALONG * moving.sum()), SURE_ALONG, SURE)
