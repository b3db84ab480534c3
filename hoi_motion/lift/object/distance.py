"""How far away the object is: sources in order of rank, each giving distance, spread and why, or nothing.

A new source is a function of a `Scene` and a row of `SOURCES`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.body.joints import index_of
from hoi_motion.errors import counted
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.object.grip import GRIP_M, HandMotion, palm_gap_m
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact

USUAL_HEIGHT_M = 0.15
# no source puts anything nearer to the camera than this
NEAREST_M = 0.2
# what is acted on lies so far before the actor, give or take; set on 40 training scenes
AHEAD_M = 0.45
AHEAD_SPREAD_M = 0.2
# what rests lower than this stands on the floor, if its distance changes by at most this factor
NEAR_FLOOR_M = 0.3
LANDING = 1.5
# the front of a measured object is this percentile of its depths, so many radii ahead of its centre; a line of sight
# steeper than acos(LEVEL_SIGHT) sees its top instead
FRONT_PERCENT = 20
FRONT_RADIUS = 0.95
LEVEL_SIGHT = 0.4
# smaller depths are none, and fewer pixels that have one are noise
LEAST_DEPTH_M = 0.05
LEAST_DEPTH_PIXELS = 4
# how many of the last frames before a hand takes an object are looked at
TAKING_FRAMES = 3
# how far, in metres, the object may be moved along the line of sight to lie beside the hand that touches it
SIGHT_SHIFTS_M = np.array(sorted(np.arange(-0.15, 0.151, 0.01), key=abs))
# what is known of the camera: how exact its height and its tilt are; a sight that grazes a plane tells less than a hand
KNOWN_HEIGHT_SPREAD_M = 0.005
KNOWN_TILT_SPREAD_RAD = np.deg2rad(0.5)
FOOT_SPREAD_PX = 1.5
# spreads: of a depth image's surface; of the hand's distance along the sight; of the logarithm of usual sizes; of what
# the fit says about the camera's height over the floor, and its tilt
DEPTH_SPREAD_M = 0.01
HAND_SPREAD_M = 0.10
SIZE_SPREAD = 0.7
HEIGHT_SPREAD_M = 0.05
TILT_SPREAD_RAD = np.deg2rad(1.5)


@dataclass(frozen=True)
class Scene:
    """The object as it is seen, and the person beside it: all from which its distance, poses and contacts are found.

    Attributes:
        target: track of the object; contacts: of the hands with it, in the image.
        sight: of the object in the first frame, through the clip's camera.
        hands: palms of both hands; actor_m: (T, 76, 3) m, the actor's points in the world.
        known: what is known of camera and planes.
    """

    target: ObjectTrack
    sight: Sight
    contacts: tuple[Contact, ...]
    hands: dict[str, HandMotion]
    actor_m: np.ndarray
    known: KnownScene = KnownScene()

    @property
    def depth_known(self) -> np.ndarray:  # (H, W) bool
        """Pixels of the object of which the depth image knows the depth; none without one."""
        depth_m = self.sight.depth_m
        if depth_m is None:
            return np.zeros(self.target.mask.shape, bool)
        return self.target.mask & np.isfinite(depth_m) & (depth_m > LEAST_DEPTH_M)


@dataclass(frozen=True)
class Distance:
    """How far away the object is.

    Attributes:
        centre_m: of its centre, along the optical axis.
        spread_m: standard deviation of that.
        why: what tells it, in words.
        outline_m: of the part whose outline the mask shows, from which its size follows.
        source: name of the source.
    """

    centre_m: float
    spread_m: float
    why: str
    outline_m: float
    source: str = ""


def measured(scene: Scene) -> Distance | None:
    """By the depth image: a radius, level, behind the front that it shows.

    Of an open bowl mostly the far inside is seen; from high above, the top.
    """
    camera, depth_m, known = scene.sight.camera, scene.sight.depth_m, scene.depth_known
    if known.sum() < LEAST_DEPTH_PIXELS:
        return None
    rows, columns = np.nonzero(known)
    surface_m = float(np.median(depth_m[known]))
    shape = scene.sight.shape_at(surface_m)
    why = f"the depth image knows {counted(len(rows), 'pixel')} of it"
    R_world_camera = camera.T_world_camera[:3, :3]
    ahead = np.append(R_world_camera[:2, 2], 0.0)
    if np.linalg.norm(ahead) < LEVEL_SIGHT:
        return Distance(surface_m + shape.half_height_m, DEPTH_SPREAD_M, f"{why}, from above", surface_m)
    ahead /= np.linalg.norm(ahead)
    rays = np.linalg.inv(camera.K) @ np.stack([columns, rows, np.ones(len(rows))])
    front = np.percentile(ahead @ R_world_camera @ (rays * depth_m[known]), FRONT_PERCENT)
    centre_m = float((front + FRONT_RADIUS * shape.radius_m) / (ahead @ scene.sight.ray))
    return Distance(centre_m, DEPTH_SPREAD_M, why, surface_m)


def on_the_support(scene: Scene) -> Distance | None:
    """Where its foot stands on a plane whose height under the camera is known."""
    return _on_plane(scene, scene.known.camera_over_support_m, "what it stands on")


def on_the_known_floor(scene: Scene) -> Distance | None:
    """Where its foot stands on a floor of known height, if nothing else is said to carry it."""
    landed = _on_plane(scene, scene.known.camera_over_floor_m, "the floor")
    if landed is None or scene.known.camera_over_support_m is not None:
        return None
    guess = at_the_hand(scene) or ahead_of_the_person(scene)
    return landed if 1 / LANDING < landed.centre_m / guess.centre_m < LANDING else None


def _on_plane(scene: Scene, camera_above_m: float | None, plane: str) -> Distance | None:
    """Where the object's foot stands on a level plane; None where the camera's height over it is not known, the line of
    sight does not come down to it, or grazes it so that a hand tells more.

    Args:
        plane: what it is called in the reason.
    """
    if camera_above_m is None:
        return None
    rise, half = scene.sight.rise_and_half(scene.known.up_camera)
    if half <= rise:
        return None
    landed_m = camera_above_m / (half - rise)
    tilt_rad = TILT_SPREAD_RAD if scene.known.up_camera is None else KNOWN_TILT_SPREAD_RAD
    slope = np.hypot(tilt_rad, FOOT_SPREAD_PX / scene.sight.camera.K[1, 1]) / (half - rise)
    spread_m = float(landed_m * np.hypot(KNOWN_HEIGHT_SPREAD_M / camera_above_m, slope))
    if spread_m > HAND_SPREAD_M:
        return None
    return Distance(landed_m, spread_m, f"the camera is {camera_above_m:.2f} m over {plane}", landed_m)


def on_the_floor(scene: Scene) -> Distance | None:
    """Where the line of sight meets the floor, for what the hand or its size says rests about there.

    That is known better than how far the hand reaches.
    """
    guess = at_the_hand(scene) or ahead_of_the_person(scene)
    sight, camera_height_m = scene.sight, scene.sight.camera.T_world_camera[2, 3]
    # along the sight, height of the centre and half the object's height both grow linearly with the distance
    rise, half = sight.rise_and_half()
    bottom_m = camera_height_m + (rise - half) * guess.centre_m
    if bottom_m > NEAR_FLOOR_M or half <= rise:
        return None
    landed_m = float(camera_height_m / (half - rise))
    if not 1 / LANDING < landed_m / guess.centre_m < LANDING:
        return None
    spread_m = landed_m * np.hypot(HEIGHT_SPREAD_M / camera_height_m, TILT_SPREAD_RAD / (half - rise))
    return Distance(landed_m, float(spread_m), "it seems to rest about on the floor, so it rests on it", landed_m)


def at_the_hand(scene: Scene) -> Distance | None:
    """As far as the palm that touches it, moved along the line of sight until the palm lies beside it, not in it."""
    touch_m = touching_palm_m(scene)
    if touch_m is None:
        return None
    T, sight = scene.sight.camera.T_camera_world, scene.sight
    first_m = max(NEAREST_M, float(np.median(touch_m @ T[2, :3] + T[2, 3])))
    palm_m, best = np.median(touch_m, axis=0), None
    for shift_m in SIGHT_SHIFTS_M:
        moved_m = max(NEAREST_M, first_m + shift_m)
        shape = sight.shape_at(moved_m)
        clearance_m = palm_gap_m(sight.resting_pose(moved_m, shape), palm_m, shape)
        violation_m = abs(clearance_m - np.clip(clearance_m, *GRIP_M))
        if best is None or violation_m < best[0] - 1e-3:
            best = violation_m, moved_m
    return Distance(float(best[1]), HAND_SPREAD_M, "it lies beside the palm that touches it", float(best[1]))


def ahead_of_the_person(scene: Scene) -> Distance:
    """At AHEAD_M before the actor, to the side that they face, and where one of USUAL_HEIGHT_M would look as high: the
    mean of both, weighed by what they are good for. Things differ far more in size than in how far ahead they are.
    """
    camera, rows = scene.sight.camera, np.nonzero(scene.target.mask)[0]
    ahead_m = scene.actor_m[:, 0] + AHEAD_M * _facing(scene.actor_m)
    before_actor_m = max(NEAREST_M, float(np.median(camera.to_camera(ahead_m)[:, 2])))
    by_size_m = max(NEAREST_M, camera.K[1, 1] * USUAL_HEIGHT_M / (np.ptp(rows) + 1))
    spreads = np.array([AHEAD_SPREAD_M / before_actor_m, SIZE_SPREAD])  # of the logarithms
    weights = spreads**-2 / (spreads**-2).sum()
    distance_m = float(np.exp(weights @ np.log([before_actor_m, by_size_m])))
    why = f"things are before the person, and about {100 * USUAL_HEIGHT_M:.0f} cm tall; nothing touches it"
    return Distance(distance_m, float(distance_m / np.sqrt((spreads**-2).sum())), why, distance_m)


def _facing(actor_m: np.ndarray) -> np.ndarray:  # (T, 76, 3) -> (T, 3)
    """Level directions that the trunk faces."""
    across = actor_m[:, index_of("left_shoulder")] - actor_m[:, index_of("right_shoulder")]
    facing = np.cross(across, [0.0, 0.0, 1.0])
    return facing / np.maximum(np.linalg.norm(facing, axis=1, keepdims=True), 1e-9)


# in order of rank: the first that has an answer wins
SOURCES: dict[str, Callable[[Scene], Distance | None]] = {
    "depth image": measured,
    "support plane": on_the_support,
    "known floor": on_the_known_floor,
    "floor": on_the_floor,
    "hand": at_the_hand,
    "person": ahead_of_the_person,
}


def object_distance(scene: Scene) -> Distance:
    """The answer of the first source of `SOURCES` that has one."""
    for name, source in SOURCES.items():
        distance = source(scene)
        if distance is not None:
            return replace(distance, source=name)
    raise AssertionError("there is always a person")


def touching_palm_m(scene: Scene) -> np.ndarray | None:  # (N, 3)
    """Palm of the hand that takes the object, or touches it longest, while it touches and the object rests; None where
    no hand does."""
    target, contacts = scene.target, scene.contacts
    if not contacts:
        return None
    # a hand that hangs in front of the object in the image touches first, and may do so all the while, but is not the
    # one that takes it away
    taken = int(np.argmin(target.resting)) if target.moved else None

    # of two that take it, the one that the image says it goes along with
    def takes_reaches_then_holds(c: Contact):
        frames = slice(c.start_frame, c.end_frame)
        hangs = scene.hands[c.hand].hangs[frames].mean() > 0.5
        takes = taken is not None and c.start_frame <= taken < c.end_frame
        return takes, not hangs, c.confidence if takes else 0.0, c.end_frame - c.start_frame

    contact = max(contacts, key=takes_reaches_then_holds)
    frames = [t for t in range(contact.start_frame, contact.end_frame) if target.resting[t]]
    if target.moved:
        # a hand passes by before it touches, and after it has put back; it surely touches just before it takes
        frames = [t for t in frames if t < taken][-TAKING_FRAMES:] or frames[:1] or [contact.start_frame]
    return scene.hands[contact.hand].palm_m[frames]
