"""Which contacts seen in the picture are within the hand's reach in space."""

from dataclasses import replace

import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.lift.contact import least_frames
from hoi_motion.lift.object.distance import Distance
from hoi_motion.lift.object.grip import HandMotion, palm_gap_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact, ObjectMotion

# a palm's middle this far from a surface can touch it with the fingers
TOUCH_REACH_M = 0.06
# a hand that is over the object and slower than this across the line of sight has come to rest on it, unless its depth
# is so many spreads off: the spread of a palm's depth, and that of a shape's front as a share of its radius
STILL_M_S = 0.15
APART_SPREADS = 1.5
PALM_SPREAD_M = 0.10
SHAPE_SPREAD = 0.5
# a second hand on a moving object is seen there for at least this long: in less it passes in front of it or behind
JOINS_S = 0.5


def contacts_in_reach(
    contacts: tuple[Contact, ...],
    hands: dict[str, HandMotion],
    thing: ObjectMotion,
    primitive: Primitive,
    target: ObjectTrack,
    reach_m: dict[str, np.ndarray],
    fps: float,
) -> tuple[Contact, ...]:
    """Contacts without the frames at their ends in which the palm is out of reach in 3D.

    In the image a hand is over an object from a little before it touches until a little after. A contact that is
    nowhere within reach is dropped when another one is: that hand only passed in front of the object. When none is
    within reach all stay: the image showed them, and the check will say that 3D disagrees. Of the hand that an object
    moves with the image says more than the depths of hand and object; another one must be within reach, and for
    longer. A hand that is within reach for too short a time only passed.

    Args:
        reach_m: (T,) of each hand, `reach_of`.
    """
    kept, in_reach, holder = [], [], _holder(contacts, target)
    for contact in contacts:
        frames = np.arange(contact.start_frame, contact.end_frame)
        gaps = [palm_gap_m(thing.T_world_object[t], hands[contact.hand].palm_m[t], primitive) for t in frames]
        held = ~target.resting[frames] & (contact.hand == holder)
        near = frames[(np.array(gaps) <= reach_m[contact.hand][frames]) | held]
        least = least_frames(fps) if holder in (None, contact.hand) else max(least_frames(fps), round(JOINS_S * fps))
        if len(near) and (near[-1] + 1 - near[0] >= least or held.any()):
            contact = replace(contact, start_frame=int(near[0]), end_frame=int(near[-1]) + 1)
            in_reach.append(contact)
        kept.append(contact)
    return tuple(in_reach or kept)


def _holder(contacts: tuple[Contact, ...], target: ObjectTrack) -> str | None:
    """The hand that is at the object in most of the frames in which it moves; None where it never does."""
    moving = {c.hand: 0 for c in contacts}
    for c in contacts:
        moving[c.hand] += int((~target.resting[c.start_frame : c.end_frame]).sum())
    return max(moving, key=moving.get) if any(moving.values()) else None


def reach_of(
    hand: HandMotion,
    T_world_object: np.ndarray,  # (T, 4, 4)
    primitive: Primitive,
    camera: Camera,
    fps: float,
    distance: Distance,
) -> np.ndarray:  # (T,)
    """How far from the surface a palm over the object may be and still touch it, metres.

    A hand that moves against the object only passes, or is on its way, and one that hangs is at nothing. Of a hand that
    keeps still on it elsewhere the image says more than the depths do.
    """
    apart = (camera.to_camera(hand.palm_m) - camera.to_camera(T_world_object[:, :3, 3]))[:, :2]
    speed = np.linalg.norm(np.diff(apart, axis=0), axis=1) * fps
    still = np.minimum(np.append(speed, np.inf), np.append(np.inf, speed)) < STILL_M_S
    spread_m = np.linalg.norm([PALM_SPREAD_M, distance.spread_m, SHAPE_SPREAD * primitive.radius_m])
    return TOUCH_REACH_M + np.where(still & ~hand.hangs, APART_SPREADS * spread_m, 0.0)
