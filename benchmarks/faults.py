"""Faults planted into physically possible motions, each named and assigned to the check that must find it.

A fault takes a motion's geometry and a strength, as a multiple of the check's limit, and returns the faulty motion;
None if the motion has no place for it, or too few frames for its strength.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.anatomy import MARGIN_DEG, WRIST_FLEXION_DEG
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.motion import HoiMotion, SupportBox
from hoi_motion.physics import CheckConfig
from hoi_motion.physics.checks.balance import CARRYING_HEIGHT_M, carried_points, resting_offsets
from hoi_motion.physics.checks.ground import foot_slide_m
from hoi_motion.physics.geometry import MotionGeometry

LIMITS = CheckConfig()
APART_M = 0.25  # hand and object, where contact is lost
HAND_FRAMES = 4
NEAREST_POINTS = 100
TIPS, TIPS_RAD = 10, 0.8  # bisection of the angle by which a person tips over
LEAST_PIVOT_M = 0.08  # from the axis to a planted point
PANEL_M = np.array([0.3, 3.0, 5.0])  # high enough to extend above the person and below the floor


@dataclass(frozen=True)
class Fault:
    check: str
    plant: Callable[[MotionGeometry, float], HoiMotion | None]

    def __call__(self, geometry: MotionGeometry, strength: float) -> HoiMotion | None:
        return self.plant(geometry, strength)


def floating(geometry: MotionGeometry, strength: float) -> HoiMotion:
    return _shifted_body(geometry.motion, [0, 0, LIMITS.floating_m * strength])


def sinking(geometry: MotionGeometry, strength: float) -> HoiMotion:
    return _shifted_body(geometry.motion, [0, 0, -LIMITS.floating_m * strength])


def skating(geometry: MotionGeometry, strength: float) -> HoiMotion:
    motion = geometry.motion
    step = LIMITS.skating_m * 30 / motion.fps * strength
    return _shifted_body(motion, np.arange(motion.num_frames)[:, None] * [step, 0, 0])


def dropped_contact(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    """Hand and object separate in the last frames of a contact, for more or less than the allowed share."""
    motion = geometry.motion
    contact = next(iter(motion.contacts), None)
    if contact is None:
        return None
    share = (1 - LIMITS.contact_kept_share) * strength * (contact.end_frame - contact.start_frame)
    lost = int(np.floor(share)) + (strength > 1)
    offsets = np.zeros((motion.num_frames, 3))
    offsets[contact.end_frame - lost : contact.end_frame] = [0, 0, APART_M]
    return _shifted_object(motion, offsets) if lost else None


def hovering_object(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    """The object first hangs in the air for the time in which it would fall by `strength` limits.

    None without furniture: then an unseen table is assumed under an object in the air.
    """
    motion = geometry.motion
    if not motion.supports:
        return None
    seconds = np.sqrt(2 * LIMITS.support_drift_m * strength / 9.81)
    frames = 1 + int(np.ceil(seconds * motion.fps) if strength > 1 else np.floor(seconds * motion.fps))
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:frames] = [1.5, 1.5, 0.5]
    return _shifted_object(motion, offsets)


def object_moves_before_contact(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    motion = geometry.motion
    before = int(min((c.start_frame for c in motion.contacts), default=motion.num_frames) * 0.6)
    if before < 4:
        return None
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:before, 0] = LIMITS.object_still_m * strength * np.linspace(1, 0, before)
    return _shifted_object(motion, offsets)


def teleporting_object(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """The object jumps from one frame to the next, before any hand is near."""
    motion = geometry.motion
    offsets = np.zeros((motion.num_frames, 3))
    offsets[:2, 0] = LIMITS.object_slip_m_s / motion.fps * strength
    return _shifted_object(motion, offsets)


def impossible_joint(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """A knee bends backwards; the unit is the anatomical table's margin of 15 degrees."""
    pose = geometry.motion.pose_rad.copy()
    pose[len(pose) // 2, JOINT_NAMES.index("right_knee")] = [-np.radians(15 * strength), 0, 0]
    return geometry.motion.replace(pose_rad=pose)


def too_fast(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """The jaw opens and closes, by at most half a turn per frame, beyond which the direction is ambiguous."""
    step = min(LIMITS.joint_velocity_rad_s * strength / geometry.motion.fps, 0.99 * np.pi)
    pose = geometry.motion.pose_rad.copy()
    pose[1::2, JOINT_NAMES.index("jaw"), 0] += step
    return geometry.motion.replace(pose_rad=pose)


def body_in_furniture(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """A panel stands behind the person, who is at most `strength` limits deep in it."""
    skin = geometry.vertices_m
    T = np.eye(4)
    back = skin[..., 0].min() + LIMITS.penetration_m * strength
    T[:3, 3] = back - PANEL_M[0] / 2, skin[..., 1].mean(), 0.0
    return geometry.motion.replace(supports=(*geometry.motion.supports, SupportBox("panel", PANEL_M, T)))


def hand_in_object(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    """In part of the contact the object moves towards the hand until skin is `strength` limits deep in it.

    None if its walls are thinner than that.
    """
    motion, item = geometry.motion, geometry.motion.target
    contact = next((c for c in motion.contacts if c.object_name == item.name), None)
    if contact is None:
        return None
    skin = geometry.vertices_m[:, geometry.parts.hand_vertices[contact.hand]]
    offsets = np.zeros((motion.num_frames, 3))
    middle = (contact.start_frame + contact.end_frame) // 2
    for frame in range(middle, min(middle + HAND_FRAMES, contact.end_frame)):
        shift = _towards(geometry, item, frame, skin[frame], LIMITS.penetration_m * strength)
        if shift is None:
            return None
        offsets[frame] = shift
    return _shifted_object(motion, offsets)


def object_in_table(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """The object's support is deeper in it by `strength` limits."""
    down = np.array([0, 0, -LIMITS.penetration_m * strength])
    return _shifted_object(geometry.motion, np.tile(down, (geometry.motion.num_frames, 1)))


def leaning(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    """The whole person tips over their feet and stays so, off balance by `strength` limits or more in every frame.

    Below the limit: by no more than that in any frame. None where a support carries the person, who would leave it, and
    where who walks cannot be tipped like that.
    """
    motion = geometry.motion
    if (carried_points(geometry) & (geometry.vertices_m[..., 2] > 2 * CARRYING_HEIGHT_M)).any():
        return None
    ahead = geometry.T_world_part[motion.num_frames // 2, 0, :2, 2]
    axis = np.array([-ahead[1], ahead[0], 0]) / np.linalg.norm(ahead)
    of_frames, aim_m = np.min if strength > 1 else np.max, LIMITS.balance_m * strength
    low, high = 0.0, TIPS_RAD
    for _ in range(TIPS):
        middle = (low + high) / 2
        tipped = _tipped(geometry, middle * axis)
        off_m = of_frames(np.linalg.norm(resting_offsets(tipped), axis=1)[carried_points(tipped).any(axis=1)])
        low, high = (low, middle) if off_m > aim_m else (middle, high)
    if (low == 0 and strength < 1) or (high == TIPS_RAD and strength > 1):
        return None
    return _tipped(geometry, (high if strength > 1 else low) * axis).motion


def pivoting(geometry: MotionGeometry, strength: float) -> HoiMotion | None:
    """The person turns about the left foot, and the planted points of the feet slide by at most `strength` limits."""
    motion, T = geometry.motion, np.tile(np.eye(4), (geometry.motion.num_frames, 1, 1))
    pivot = geometry.joints_m[motion.num_frames // 2, JOINT_NAMES.index("left_ankle")]
    away = 0.0
    for side, vertices in geometry.parts.foot_vertices.items():
        foot = geometry.vertices_m[1:, vertices]
        planted = np.isfinite(foot_slide_m(geometry, side)[:, 0])
        distance = np.where(foot[..., 2] < LIMITS.floating_m, np.linalg.norm(foot - pivot, axis=-1), np.inf)
        away = max(away, distance.min(axis=1)[planted].max(initial=0.0))
    if away < LEAST_PIVOT_M:
        return None
    turn_rad = LIMITS.skating_m * 30 / motion.fps * strength / away * np.arange(motion.num_frames)
    T[:, :3, :3] = Rotation.from_rotvec(turn_rad[:, None] * [0, 0, 1]).as_matrix()
    T[:, :3, 3] = pivot - T[:, :3, :3] @ pivot
    return _moved_body(geometry, T)


def hanging(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """In the middle third the person hangs in the air, as nobody does who jumps."""
    third = geometry.motion.num_frames // 3
    offsets = np.zeros((geometry.motion.num_frames, 3))
    offsets[third : 2 * third, 2] = LIMITS.floating_m * strength
    return _shifted_body(geometry.motion, offsets)


def folded_wrist(geometry: MotionGeometry, strength: float) -> HoiMotion:
    """A hand folds towards the forearm, beyond the range by `strength` of the table's margin."""
    pose = geometry.motion.pose_rad.copy()
    angle = np.radians(WRIST_FLEXION_DEG[0] - MARGIN_DEG * strength)
    pose[len(pose) // 2, JOINT_NAMES.index("left_wrist")] = [0, 0, angle]
    return geometry.motion.replace(pose_rad=pose)


FAULTS = {
    "body_in_furniture": Fault("penetration_body_scene", body_in_furniture),
    "hand_in_object": Fault("penetration_body_object", hand_in_object),
    "object_in_table": Fault("penetration_object_scene", object_in_table),
    "floating": Fault("floating", floating),
    "sinking": Fault("sinking", sinking),
    "skating": Fault("foot_skating", skating),
    "dropped_contact": Fault("contact_kept", dropped_contact),
    "teleporting_object": Fault("object_jump", teleporting_object),
    "object_moves_before_contact": Fault("object_rest", object_moves_before_contact),
    "hovering_object": Fault("object_support", hovering_object),
    "impossible_joint": Fault("joint_limits", impossible_joint),
    "too_fast": Fault("joint_velocity", too_fast),
    "leaning": Fault("balance", leaning),
    "pivoting": Fault("foot_skating", pivoting),
    "hanging": Fault("floating", hanging),
    "folded_wrist": Fault("joint_limits", folded_wrist),
}
NEED_AN_OBJECT = {
    "hand_in_object",
    "object_in_table",
    "dropped_contact",
    "teleporting_object",
    "object_moves_before_contact",
    "hovering_object",
}


def _towards(geometry: MotionGeometry, item, frame: int, skin_m: np.ndarray, depth_m: float) -> np.ndarray | None:
    """The shift (3,) of an object towards the nearest of the points (P, 3) that puts the deepest `depth_m` inside."""
    surface, T = geometry.surfaces[item.name], item.T_world_object[frame]
    local = (skin_m - T[:3, 3]) @ T[:3, :3]
    distance = surface.signed_distance(local)
    local = local[distance.argsort(kind="stable")[:NEAREST_POINTS]]
    way = local[0] - surface.centre_m
    way /= np.linalg.norm(way)
    shifts = np.arange(-0.03, 0.1, 0.005)
    deep = [surface.signed_distance(local - shift * way).min() < -depth_m for shift in shifts]
    if not any(deep):
        return None
    high = shifts[deep.index(True)]
    low = high - 0.005
    for _ in range(5):
        middle = (low + high) / 2
        deep = surface.signed_distance(local - middle * way).min() < -depth_m
        low, high = (low, middle) if deep else (middle, high)
    return T[:3, :3] @ (high * way)


def _tipped(geometry: MotionGeometry, turn_rad: np.ndarray) -> MotionGeometry:
    """The person turned about the middle of their path and set down on the floor in every frame."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(turn_rad).as_matrix()
    middle = geometry.joints_m[:, 0].mean(axis=0)
    T[:3, 3] = middle - T[:3, :3] @ middle
    moved = _moved_body(geometry, np.tile(T, (geometry.motion.num_frames, 1, 1)))
    other = copy(geometry)
    other.motion, other._near, other._supported = moved, {}, {}
    for name in ("vertices_m", "joints_m"):
        setattr(other, name, getattr(geometry, name) @ T[:3, :3].T + T[:3, 3])
    other.T_world_part = T @ geometry.T_world_part
    down = -other.vertices_m[..., 2].min(axis=1)
    other.motion = _shifted_body(moved, down[:, None] * [0, 0, 1])
    for array in (other.vertices_m, other.joints_m):
        array[..., 2] += down[:, None]
    other.T_world_part[..., 2, 3] += down[:, None]
    return other


def _moved_body(geometry: MotionGeometry, T: np.ndarray) -> HoiMotion:  # (T, 4, 4)
    """The person moved rigidly in every frame."""
    motion, pelvis = geometry.motion, geometry.joints_m[:, 0]
    pose = motion.pose_rad.copy()
    pose[:, 0] = (Rotation.from_matrix(T[:, :3, :3]) * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    moved = np.einsum("tij,tj->ti", T[:, :3, :3], pelvis) + T[:, :3, 3]
    return _shifted_body(motion.replace(pose_rad=pose), moved - pelvis)


def _shifted_body(motion: HoiMotion, offsets_m) -> HoiMotion:
    return motion.replace(transl_m=motion.transl_m + np.asarray(offsets_m, np.float32))


def _shifted_object(motion: HoiMotion, offsets_m: np.ndarray) -> HoiMotion:  # (T, 3)
    T = motion.target.T_world_object.copy()
    T[:, :3, 3] += offsets_m
    shifted = replace(motion.target, T_world_object=T)
    return motion.replace(objects=tuple(shifted if o.name == shifted.name else o for o in motion.objects))
