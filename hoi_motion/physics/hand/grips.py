"""Holding grips, found by sampling around the hand of a motion and tested in simulation.

Hands in lifted motions and in many recordings touch an object in the right place, but close too little or beside it. A
grip is a slightly moved palm with fingers that close around the object until they touch. Of many such grips those are
tested whose contacts could press against each other and carry the weight; while the hand closes, a fading force assists
the object (after SPIDER, Pan et al. 2025, where whole motions are sampled in this way).
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HANDS, SIDE_OF_HAND, Contact, ObjectMotion
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.hand.carry import (
    PALM_N,
    PRESS_M,
    SEGMENT_N,
    SKIN_FRICTION,
    HandPath,
    carried_objects,
    carry_objects,
)
from hoi_motion.physics.hand.closing import OPENED_RAD, TOUCHED_M, Hand, Planes, close_around, gaps, palm_on
from hoi_motion.physics.world import FRICTION, GRAVITY_M_S2, object_mass_kg
from hoi_motion.rigid import minimum_jerk

SAMPLES = 320
TRIED = 8
# spread of the samples along the fingers, across them and out of the palm, which is then moved into contact
ALONG_M = 0.025
SHIFT_M = 0.015
TURN_RAD = 0.25
BESIDE_M = 0.06  # and the largest distance by which a hand is moved up or down for it
AHEAD_M = 0.09  # distance from the wrist of what fits between fingers and thumb
MOVED_COST = 2.0  # cost per metre, relative to the remaining force
LOAD = 1.5  # in weights: a lifted object is accelerated
CONE_EDGES = 8
IN_IT_M = 0.003  # a hand whose open fingers are deeper in the object must have approached differently
STILL_M = 0.005
CLOSING_FRAMES = 2
SETTLE_S = 0.1


@dataclass(frozen=True)
class Held:
    """How an object followed its hand.

    Attributes:
        off_m: (F,) distance from its place in frames of the second half.
        palm_moved_m: largest distance of the palm from the motion's; 0 for the motion's own hand.
    """

    off_m: np.ndarray
    palm_moved_m: float


@dataclass(frozen=True)
class Grip:
    """A hand closed around an object.

    Attributes:
        T_object_palm: (4, 4) the palm on the object; bend: (5, 3) rad, of the three joints of each finger.
        press_m: (16, 3) shift of each part into what it touches, palm frame.
        cost: lower is a better hold, nearer the motion.
    """

    T_object_palm: np.ndarray
    bend: np.ndarray
    press_m: np.ndarray
    cost: float


def held_objects(geometry: MotionGeometry) -> dict[str, Held]:
    """How objects follow the hands that touch them in the second half, with the motion's hands or the best grip."""
    found = {name: Held(off, 0.0) for name, off in carry_objects(geometry).items()}
    limit_m = geometry.config.object_follow_m
    for item in carried_objects(geometry):
        if found[item.name].off_m.max() <= limit_m:
            continue
        contact = _holding(geometry, item)
        frame = _grip_frame(geometry, item, contact)
        hand = Hand.of(geometry, SIDE_OF_HAND[contact.hand], frame)
        left = TRIED
        for grip in sampled_grips(geometry, item, hand, frame):
            if found[item.name].off_m.max() <= limit_m or not left:
                break
            path, moved_m = _path(geometry, item, contact, hand, frame, grip)
            if moved_m > geometry.config.repair_joint_m:
                continue  # the object does not move with the hand: another motion
            left -= 1
            off = carry_objects(geometry, (path,))[item.name]
            if off.max() < found[item.name].off_m.max():
                found[item.name] = Held(off, moved_m)
    return found


def _holding(geometry: MotionGeometry, item: ObjectMotion) -> Contact:
    """The longest contact with an object that extends into the second half."""
    half = geometry.motion.num_frames // 2
    contacts = [c for c in geometry.motion.contacts if c.object_name == item.name and c.end_frame > half]
    return max(contacts, key=lambda c: (c.end_frame - max(c.start_frame, half), -HANDS.index(c.hand)))


def _grip_frame(geometry: MotionGeometry, item: ObjectMotion, contact: Contact) -> int:
    """The last frame at the start of a contact, in the second half, in which the object rests."""
    first = max(contact.start_frame, geometry.motion.num_frames // 2)
    centres = geometry.centres_world(item)
    away = np.linalg.norm(centres[first : contact.end_frame] - centres[first], axis=1)
    moves = np.flatnonzero(away > STILL_M)
    frame = first + (int(moves[0]) - 1 if len(moves) else CLOSING_FRAMES)
    return min(max(frame, first), geometry.motion.num_frames - 1)


def sampled_grips(geometry: MotionGeometry, item: ObjectMotion, hand: Hand, frame: int) -> list[Grip]:
    """Grips around the hand in a frame, the most promising first; deterministic."""
    surface = geometry.surfaces[item.name]
    planes = Planes.of(surface.hull_m)
    T_object_palm = np.linalg.inv(item.T_world_object[frame]) @ geometry.T_world_part[frame, hand.joints[0]]
    T = T_object_palm @ _samples(hand, np.linalg.inv(T_object_palm)[:3] @ np.append(surface.centre_m, 1.0))
    T, touches = palm_on(hand, T, planes)
    opened = np.tile(OPENED_RAD, (len(T), 1, 1))
    clear = gaps(hand, T, opened, planes)[0].min(axis=1) > -IN_IT_M
    T = T[touches & clear]
    bend = close_around(hand, T, planes)
    distance, places, normals = gaps(hand, T, bend, planes)
    weight_n = GRAVITY_M_S2 * object_mass_kg(item.name, surface.volume_m3)
    load = -LOAD * weight_n / SEGMENT_N * item.T_world_object[frame, 2, :3]
    is_palm = np.arange(len(hand.joints)) == 0
    moved_m = np.linalg.norm(T[:, :3, 3] - T_object_palm[:3, 3], axis=1)
    found = []
    for k in range(len(T)):
        touching = distance[k] < TOUCHED_M
        if moved_m[k] > geometry.config.repair_joint_m or touching.sum() < 2:
            continue
        cost = unbalanced(places[k][touching], normals[k][touching], is_palm[touching], surface.centre_m, load)
        press = np.where((touching & ~is_palm)[:, None], -PRESS_M * normals[k], 0.0) @ T[k, :3, :3]
        found.append(Grip(T[k], bend[k], press, cost + MOVED_COST * float(moved_m[k])))
    return sorted(found, key=lambda grip: grip.cost)


def _samples(hand: Hand, centre_m: np.ndarray) -> np.ndarray:  # (3,) -> (N, 4, 4)
    """Palms in the frame of the motion's palm: itself, then around it, and around where the object lies ahead.

    Args:
        centre_m: the object's centre, in that frame.
    """
    rng, count = np.random.default_rng(0), SAMPLES - 1
    T = np.tile(np.eye(4), (SAMPLES, 1, 1))
    T[1:, :3, :3] = Rotation.from_rotvec(TURN_RAD * rng.standard_normal((count, 3))).as_matrix()
    along, across = hand.fingers_along, np.cross(hand.fingers_along, hand.palm_normal)
    to_the_middle = (centre_m @ along - AHEAD_M) * along
    beside = np.clip(centre_m @ across, -BESIDE_M, BESIDE_M) * across
    share = np.linspace(0, 1, count)[:, None]  # fraction of the way there
    T[1:, :3, 3] = share * (to_the_middle + beside) + SHIFT_M * rng.standard_normal((count, 3))
    T[1:, :3, 3] += ALONG_M * rng.standard_normal((count, 1)) * along
    return T


def unbalanced(
    places_m: np.ndarray, normals: np.ndarray, palm: np.ndarray, centre_m: np.ndarray, load: np.ndarray
) -> float:
    """The residual force, in units of a segment's force, when segments press, the palm pushes back and friction helps.

    Each segment presses with a force of one unit, whether or not that holds the object. Torques are taken about the
    centre of mass and divided by the contacts' mean distance from it.

    Args:
        places_m, normals: (C, 3) contacts and outward normals; palm: (C,) bool, those of the palm.
        load: (3,) external force on the object, in that unit.
    """
    friction = SKIN_FRICTION * FRICTION
    side = np.cross(normals, np.eye(3)[np.abs(normals).argmin(axis=1)])
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(normals, side)
    arms = places_m - centre_m
    size_m = max(float(np.linalg.norm(arms, axis=1).mean()), 1e-3)

    def wrenches(forces: np.ndarray, at: np.ndarray) -> np.ndarray:  # (K, 3), (K, 3) -> (6, K)
        return np.concatenate([forces, np.cross(at, forces) / size_m], axis=1).T

    pressed = wrenches(-normals[~palm], arms[~palm]).sum(axis=1) + np.r_[load, np.zeros(3)]
    angles = np.arange(CONE_EDGES) * 2 * np.pi / CONE_EDGES
    edges = np.cos(angles)[:, None, None] * side[palm] + np.sin(angles)[:, None, None] * other[palm]
    cone = (friction * edges - normals[palm]).reshape(-1, 3)
    rubbing = np.concatenate([side[~palm], other[~palm]])
    columns = np.concatenate(
        [wrenches(cone, np.tile(arms[palm], (CONE_EDGES, 1))), wrenches(rubbing, np.tile(arms[~palm], (2, 1)))], axis=1
    )
    low = np.r_[np.zeros(len(cone)), np.full(len(rubbing), -friction)]
    high = np.r_[np.full(len(cone), PALM_N / SEGMENT_N), np.full(len(rubbing), friction)]
    return float(np.linalg.norm(lsq_linear(columns, -pressed, (low, high)).fun))


def _path(
    geometry: MotionGeometry, item: ObjectMotion, contact: Contact, hand: Hand, frame: int, grip: Grip
) -> tuple[HandPath, float]:
    """The hand that goes from where the motion has it to the grip, and then with the object; its distance from the
    motion's palm at most.
    """
    motion, half = geometry.motion, geometry.motion.num_frames // 2
    frames = np.arange(half, motion.num_frames)
    opens = min(contact.start_frame, frame - CLOSING_FRAMES)
    share = minimum_jerk((frames - opens) / max(frame - opens, 1))
    T_motion = geometry.T_world_part[half:, hand.joints[0]]
    T_grip = item.T_world_object[half:] @ grip.T_object_palm
    T_palm = T_motion.copy()
    way_m = T_grip[:, :3, 3] - T_motion[:, :3, 3]
    T_palm[:, :3, 3] += share[:, None] * way_m
    turn = Rotation.from_matrix(T_grip[:, :3, :3]) * Rotation.from_matrix(T_motion[:, :3, :3]).inv()
    turned = Rotation.from_rotvec(share[:, None] * turn.as_rotvec())
    T_palm[:, :3, :3] = (turned * Rotation.from_matrix(T_motion[:, :3, :3])).as_matrix()
    bend = share[:, None, None] * grip.bend + (1 - share)[:, None, None] * OPENED_RAD
    T = hand.parts(T_palm, bend)
    T[..., :3, 3] += share[:, None, None] * np.einsum("tij,kj->tki", T_palm[:, :3, :3], grip.press_m)
    held_from_s = max(frame - half, 0) / motion.fps + SETTLE_S
    kept = [k for k, joint in enumerate(hand.joints) if joint in geometry.parts.hulls_m]
    path = HandPath(contact.hand, tuple(hand.joints[k] for k in kept), T[:, kept], item.name, held_from_s)
    return path, float((share * np.linalg.norm(way_m, axis=1)).max())
