"""Where a gripper can take hold of an object, nearest to how the person did it first."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import SIDE_OF_HAND, Contact, HoiMotion, ObjectMotion
from hoi_motion.retarget.robots.config import GripperConfig
from hoi_motion.rigid import moved_back

SLAB_HALF_M = 0.011  # half the width of a finger
OPENING_SPARE_M = 0.006  # the gripper opens this much wider than the object
FACING = 0.85  # cosine between a finger and the surface it presses on: within the friction cone of 0.6
TOUCH_GAP_M = 0.003  # between closed finger tips and the surface
SURFACE_SAMPLES = 12000
HEIGHTS = (0.25, 0.5, 0.75)
TURNS_RAD = np.radians([0, 35, -35, 70, -70, 110, -110, 150, -150])
PITCHES_RAD = np.radians([15, 45, 90])
HALF_TURN_COST = 0.01


@dataclass(frozen=True)
class Grasp:
    """Gripper on the object.

    Attributes:
        T_object_tool: (4, 4), z of the tool is the approach, y the opening.
        width_m: opening of the gripper once it holds.
        grip: "pinch" between the fingers, or "touch" with the closed finger tips.
        cost: how far from the person's hand, lower is nearer.
    """

    T_object_tool: np.ndarray
    width_m: float
    grip: str
    cost: float


def acting_contact(motion: HoiMotion) -> Contact:
    """The longest contact with the target, else with any object.

    Raises:
        InputError: FILE_INVALID for a motion with one frame, no object or no contact.
    """
    if motion.num_frames < 2:
        raise InputError(ErrorCode.FILE_INVALID, "the motion has 1 frame", "retargeting needs at least 2")
    if not motion.objects:
        raise InputError(ErrorCode.FILE_INVALID, "the motion has no object", "an arm needs an object to reach for")
    if not motion.contacts:
        raise InputError(
            ErrorCode.FILE_INVALID, "no hand touches an object in this motion", "an arm needs a contact to reach for"
        )
    target = motion.target.name if motion.target else ""
    return max(motion.contacts, key=lambda c: (c.object_name == target, c.end_frame - c.start_frame, -c.start_frame))


def hand_on_object(motion: HoiMotion, contact: Contact, body) -> tuple[np.ndarray, np.ndarray]:  # (3,), (3,)
    """Middle of the hand and direction from wrist to hand, object frame, at the first frame of the contact."""
    t, side = contact.start_frame, SIDE_OF_HAND[contact.hand]
    keypoints = body.joints(motion.pose_rad[t : t + 1], motion.transl_m[t : t + 1], motion.betas)[0].numpy()
    wrist = keypoints[body.keypoint_names.index(f"{side}_wrist")]
    hand = keypoints[body.keypoint_names.index(f"{side}_middle1")]
    T = motion.object_named(contact.object_name).T_world_object[t]
    centre = moved_back(T, hand)
    direction = (hand - wrist) @ T[:3, :3]
    return centre.astype(float), direction.astype(float) / max(np.linalg.norm(direction), 1e-9)


def grasp_candidates(
    thing: ObjectMotion, up: np.ndarray, hand_m: np.ndarray, approach: np.ndarray, gripper: GripperConfig, lifted: bool
) -> Iterator[Grasp]:
    """Grasps of an object, the one most like the person's first; each is worked out when it is asked for.

    Args:
        up: (3,) world z in the object frame at the touch.
        hand_m: (3,) the person's hand; approach: (3,) its direction, both in the object frame.
        lifted: the object leaves its support: a touch cannot carry it.
    """
    points, normals = surface_points(thing.vertices_m, thing.faces)
    level = points @ up
    low, high = level.min(), level.max()
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    middle = middle - up * (middle @ up)
    flat = approach - up * (approach @ up)
    if np.linalg.norm(flat) < 0.2:  # the hand comes from above: from where it is, sideways
        flat = middle - (hand_m - up * (hand_m @ up))
    flat = flat / max(np.linalg.norm(flat), 1e-9) if np.linalg.norm(flat) > 1e-6 else np.cross(up, [0.6, 0.8, 0.1])
    flat /= np.linalg.norm(flat)
    hand_level = float(np.clip(hand_m @ up, low, high))
    levels = sorted((low + share * (high - low) for share in HEIGHTS), key=lambda h: abs(h - hand_level))
    tries = []  # cost, which of two grasps that differ by half a turn, what works them out

    def propose(grip, *place):
        made = cache(partial(grip, *place))
        tries.extend([(place[-1], 0, made), (place[-1] + HALF_TURN_COST, 1, made)])

    for pitch in PITCHES_RAD:
        for turn in TURNS_RAD:
            heading = Rotation.from_rotvec(up * turn).apply(flat)
            z = np.cos(pitch) * heading - np.sin(pitch) * up
            side = np.cross(up, heading)
            rolls = (0.0,) if pitch > 1.5 else (0.0, np.pi / 2)
            for h in [high] if pitch > 1.5 else levels:
                for roll in rolls:
                    y = Rotation.from_rotvec(z * roll).apply(side)
                    cost = abs(np.arccos(np.clip(z @ approach, -1, 1))) + 3 * abs(h - hand_level) + 0.3 * (roll > 0)
                    propose(_pinch, points, normals, middle + h * up, y, z, gripper, cost)
                    if not lifted:
                        propose(_touch, points, middle + h * up, y, z, gripper, cost + 3.0)
    rim = points[level > high - 0.002]
    for turn in TURNS_RAD if len(rim) else ():
        outward = -Rotation.from_rotvec(up * turn).apply(flat)
        edge = rim[np.argmax((rim - middle) @ outward)]
        cost = abs(np.arccos(np.clip(-up @ approach, -1, 1))) + 3 * abs(high - hand_level) + 0.2 * abs(turn) + 0.3
        propose(_pinch, points, normals, edge, outward, -up, gripper, cost)
    for _, which, made in sorted(tries, key=lambda t: t[0]):
        if made():
            yield made()[which]


def _pinch(points, normals, centre, y, z, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """The object's part between open fingers that come along z, if it fits; both ways round."""
    x = np.cross(y, z)
    local = (points - centre) @ np.stack([x, y, z], axis=1)
    near = (np.abs(local[:, 0]) < SLAB_HALF_M) & (np.abs(local[:, 1]) < gripper.open_width_m / 2)
    between = local[near]
    if not len(between):
        return []
    depth = min(gripper.finger_depth_m, 0.6 * max(np.ptp(between[:, 2]), 0.01))
    tip = between[:, 2].min() + depth
    held = between[between[:, 2] < tip + 0.006]
    width = np.ptp(held[:, 1])
    if width > gripper.open_width_m - OPENING_SPARE_M:
        return []
    facing = normals[near][between[:, 2] < tip + 0.006] @ y
    for extreme, sign in ((held[:, 1].max(), 1), (held[:, 1].min(), -1)):
        if np.median(sign * facing[np.abs(held[:, 1] - extreme) < 0.002]) < FACING:
            return []
    shift = (held[:, 1].min() + held[:, 1].max()) / 2
    # the fingers must also fit once they are centred on what they hold
    inside = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (local[:, 2] < tip + 0.006)][:, 1] - shift
    reach = np.abs(inside[np.abs(inside) < gripper.open_width_m / 2]).max(initial=0.0)
    if 2 * reach > gripper.open_width_m - OPENING_SPARE_M:
        return []
    at = centre + y * shift + z * (tip - gripper.tip_m)
    return [Grasp(_frame(s * x, s * y, z, at), float(width), "pinch", cost + HALF_TURN_COST * (s < 0)) for s in (1, -1)]


def _touch(points, centre, y, z, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """Closed finger tips just before the surface."""
    x = np.cross(y, z)
    local = (points - centre) @ np.stack([x, y, z], axis=1)
    ahead = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (np.abs(local[:, 1]) < 0.015)]
    if not len(ahead):
        return []
    at = centre + z * (ahead[:, 2].min() - TOUCH_GAP_M - gripper.tip_m)
    return [Grasp(_frame(s * x, s * y, z, at), 0.0, "touch", cost + HALF_TURN_COST * (s < 0)) for s in (1, -1)]


def _frame(x, y, z, origin) -> np.ndarray:
    T = np.eye(4)
    T[:3] = np.stack([x, y, z, origin], axis=1)
    return T


def least_width_m(thing: ObjectMotion, up: np.ndarray) -> float:
    """Least horizontal width of an object's middle half; up: (3,) world z in the object frame."""
    points, _ = surface_points(thing.vertices_m, thing.faces)
    level = points @ up
    low, high = level.min(), level.max()
    middle = points[np.abs(level - (low + high) / 2) <= (high - low) / 4]
    side = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    side /= np.linalg.norm(side)
    sides = [Rotation.from_rotvec(up * angle).apply(side) for angle in np.linspace(0, np.pi, 36, endpoint=False)]
    return float(min(np.ptp(middle @ s) for s in sides))


def surface_points(vertices_m: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (S, 3), (S, 3)
    """Points evenly spread over a surface and its outward normals there; always the same ones."""
    triangles = np.asarray(vertices_m, float)[faces]
    edges = triangles[:, 1:] - triangles[:, :1]
    normals = np.cross(edges[:, 0], edges[:, 1])
    area = np.linalg.norm(normals, axis=1)
    rng = np.random.default_rng(0)
    which = rng.choice(len(faces), SURFACE_SAMPLES, p=area / area.sum())
    u, v = rng.random((2, SURFACE_SAMPLES, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    samples = triangles[which, 0] + u * edges[which, 0] + v * edges[which, 1]
    return samples, normals[which] / area[which, None]
