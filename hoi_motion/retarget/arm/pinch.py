"""Fingers on both sides of a part of an object: what is between them, and whether they hold it there."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.retarget.arm.grip import ASSUMED_FRICTION, SLAB_HALF_M, Body, Grasp, both_ways
from hoi_motion.retarget.robots.config import GripperConfig

OPENING_SPARE_M = 0.006  # the gripper opens this much wider than the object
# cosine between finger and surface: well within the friction cone
FACING = float(np.cos(0.75 * np.arctan(ASSUMED_FRICTION)))
SQUEEZE_OUT = 0.1  # share of a finger's push that may drive the object out of the gripper
SQUEEZE_ASIDE = 0.15  # or to a side of the fingers, where friction holds it
# fingers at such an angle to what they hold are turned to lie flat on it, where its sides are opposed
ASKEW_RAD = np.radians(3)
MOST_ASKEW_RAD = np.radians(30)
OPPOSED = -0.95  # cosine between two sides
PRESSED_BAND_M = 0.002  # what lies so near to the outermost point is pressed
BEYOND_M = 0.012  # finger tips reach this far beyond the middle of what they hold
# where an object that stands one standard deviation farther away would be squeezed out, or is driven to a side
UNSURE_COST = 2.0
SHORT_M = 0.006  # or is deeper by twice so much


@dataclass(frozen=True)
class _Between:
    """What is between open fingers, in the frame of the tool about `centre`.

    Attributes:
        local_m: (S, 3) all of the object; tip_m: where the finger tips are, along z; depth_m: from the nearest point.
        low_m, high_m: extent of what is held along y; normals: (2, 3) of the object where each finger presses, world of
            the object, that on the side of y first.
    """

    local_m: np.ndarray
    tip_m: float
    depth_m: float
    low_m: float
    high_m: float
    normals: np.ndarray

    @classmethod
    def of(cls, body: Body, centre, y, z, gripper: GripperConfig, depth_m: float | None, deeper_m: float):
        """None when there is nothing."""
        local = (body.points_m - centre) @ np.stack([np.cross(y, z), y, z], axis=1)
        near = (np.abs(local[:, 0]) < SLAB_HALF_M) & (np.abs(local[:, 1]) < gripper.open_width_m / 2)
        between = local[near]
        if not len(between):
            return None
        if depth_m is None:
            depth_m = 0.5 * np.ptp(between[:, 2]) + BEYOND_M
            # half of what is left of the fingers stays free: the object may as well stand nearer
            depth_m += min(deeper_m, max(0.0, (gripper.finger_depth_m - depth_m) / 2))
        depth_m = min(gripper.finger_depth_m, depth_m)
        tip_m = between[:, 2].min() + depth_m
        is_held = between[:, 2] < tip_m
        if not is_held.any():
            return None
        held, normals = between[is_held, 1], body.normals[near][is_held]
        ends = held.max(), held.min()
        pressed = np.array([np.median(normals[np.abs(held - end) < PRESSED_BAND_M], axis=0) for end in ends])
        return cls(local, float(tip_m), float(depth_m), float(ends[1]), float(ends[0]), pressed)


def pinch(
    body: Body, centre, y, z, gripper: GripperConfig, deeper_m: float, cost: float, depth_m: float | None = None
) -> list[Grasp]:
    """The object's part between open fingers that come along z, if it fits; both ways round.

    Fingers are turned until they lie flat on the sides that they press, if they fit then: an edge on the side of a box,
    or a tip on the wall of a bowl, is a hinge.
    """
    found = _Between.of(body, centre, y, z, gripper, depth_m, deeper_m)
    if found is None:
        return []
    flat = found.normals[0] - found.normals[1]
    flat /= max(float(np.linalg.norm(flat)), 1e-9)
    if np.cos(MOST_ASKEW_RAD) < flat @ y < np.cos(ASKEW_RAD) and found.normals[0] @ found.normals[1] < OPPOSED:
        middle = centre + y * (found.low_m + found.high_m) / 2 + z * (found.tip_m - found.depth_m / 2)
        ahead = z - (z @ flat) * flat
        ahead /= np.linalg.norm(ahead)
        turned = _Between.of(body, middle, flat, ahead, gripper, depth_m, deeper_m)
        grasps = [] if turned is None else _held(turned, body, middle, flat, ahead, gripper, deeper_m, cost, depth_m)
        if grasps:
            return grasps
    return _held(found, body, centre, y, z, gripper, deeper_m, cost, depth_m)


def _held(found: _Between, body: Body, centre, y, z, gripper, deeper_m, cost: float, depth_m) -> list[Grasp]:
    """As `pinch`, of which the other arguments are, with the fingers as they come; `found` is between them."""
    width_m = found.high_m - found.low_m
    if width_m > gripper.open_width_m - OPENING_SPARE_M:
        return []
    x, (one, other) = np.cross(y, z), found.normals
    if min(one @ y, -other @ y) < FACING or _squeezed_out(found, z):
        return []
    farther = found
    if depth_m is None:
        farther = _Between.of(body, centre, y, z, gripper, found.depth_m - deeper_m - SHORT_M, 0.0)
    # beside the widest section, fingers drive the object off to that side
    if farther is None or _squeezed_out(farther, z) or abs((one + other) @ x) / 2 > SQUEEZE_ASIDE:
        cost += UNSURE_COST
    shift = (found.low_m + found.high_m) / 2
    # the fingers must also fit once they are centred on what they hold
    local, tip = found.local_m, found.tip_m
    inside = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (local[:, 2] < tip + 0.006)][:, 1] - shift
    reach = np.abs(inside[np.abs(inside) < gripper.open_width_m / 2]).max(initial=0.0)
    if 2 * reach > gripper.open_width_m - OPENING_SPARE_M:
        return []
    at = centre + y * shift + z * (tip - gripper.tip_m)
    return both_ways(x, y, z, at, gripper.open_width_m, width_m, "pinch", cost, found.depth_m)


def _squeezed_out(held: _Between, z: np.ndarray) -> bool:
    """Whether fingers on the near side of the widest section drive the object away from the palm."""
    return bool(-held.normals.sum(axis=0) @ z / 2 > SQUEEZE_OUT)
