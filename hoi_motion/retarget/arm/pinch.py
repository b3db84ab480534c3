"""Fingers on both sides of a part of an object: what is between them, and whether they hold it there."""

from dataclasses import dataclass, replace

import numpy as np

from hoi_motion.retarget.arm.grip import ASSUMED_FRICTION, SLAB_HALF_M, Grasp, GraspTarget, GripperPose, both_ways
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
    """What is between open fingers, in their axes.

    Attributes:
        pose: of the gripper; local_m: (S, 3) all of the object.
        tip_m: where the finger tips are, along z; depth_m: from the nearest point to them.
        low_m, high_m: extent of what is held along y.
        normals: (2, 3) of the surface where each finger presses, object frame, on the side of y first.
    """

    pose: GripperPose
    local_m: np.ndarray
    tip_m: float
    depth_m: float
    low_m: float
    high_m: float
    normals: np.ndarray

    @classmethod
    def of(
        cls,
        target: GraspTarget,
        pose: GripperPose,
        gripper: GripperConfig,
        depth_m: float | None,
        deeper_m: float,
    ) -> "_Between | None":
        """None when there is nothing; `depth_m`, `deeper_m`: as in `pinch`."""
        local = pose.local_m(target.points_m)
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
        held, normals = between[is_held, 1], target.normals[near][is_held]
        ends = held.max(), held.min()
        pressed = np.array([np.median(normals[np.abs(held - end) < PRESSED_BAND_M], axis=0) for end in ends])
        return cls(pose, local, float(tip_m), float(depth_m), float(ends[1]), float(ends[0]), pressed)

    @property
    def width_m(self) -> float:
        return self.high_m - self.low_m

    @property
    def shift_m(self) -> float:
        """Along y, to the middle of what is held."""
        return (self.low_m + self.high_m) / 2

    def lying_flat(self) -> GripperPose | None:
        """The gripper turned until its fingers lie flat on the sides that they press.

        None where they do, or where no turn helps: it would be too far, or the sides are not opposed.
        """
        pose, (one, other) = self.pose, self.normals
        flat = one - other
        flat /= max(float(np.linalg.norm(flat)), 1e-9)
        if not (np.cos(MOST_ASKEW_RAD) < flat @ pose.y < np.cos(ASKEW_RAD) and one @ other < OPPOSED):
            return None
        middle = pose.at_m + pose.y * (self.low_m + self.high_m) / 2 + pose.z * (self.tip_m - self.depth_m / 2)
        ahead = pose.z - (pose.z @ flat) * flat
        ahead /= np.linalg.norm(ahead)
        return GripperPose(middle, flat, ahead)

    def fits_centred(self, open_width_m: float) -> bool:
        """Whether the object passes between open fingers that are centred on what they hold."""
        local = self.local_m
        inside = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (local[:, 2] < self.tip_m + 0.006)][:, 1] - self.shift_m
        reach = np.abs(inside[np.abs(inside) < open_width_m / 2]).max(initial=0.0)
        return bool(2 * reach <= open_width_m - OPENING_SPARE_M)

    def squeezes_out(self) -> bool:
        """Whether fingers on the near side of the widest section drive the object away from the palm."""
        return bool(-self.normals.sum(axis=0) @ self.pose.z / 2 > SQUEEZE_OUT)

    def squeezes_aside(self) -> bool:
        """Whether fingers beside the widest section drive the object off to that side."""
        return bool(abs(self.normals.sum(axis=0) @ self.pose.x) / 2 > SQUEEZE_ASIDE)


def pinch(
    target: GraspTarget,
    pose: GripperPose,
    gripper: GripperConfig,
    deeper_m: float,
    cost: float,
    depth_m: float | None = None,
    as_it_comes: bool = False,
) -> list[Grasp]:
    """The object's part between open fingers that come along z, if it fits; both ways round.

    Fingers are turned until they lie flat on the sides that they press, if they fit then: an edge on the side of a box,
    or a tip on the wall of a bowl, is a hinge.

    Args:
        deeper_m: standard deviation of the object's place along z: fingers reach by so much deeper, if they can.
        depth_m: of the finger tips in the object; None is to beyond its middle.
        as_it_comes: the fingers are not turned.
    """
    found = _Between.of(target, pose, gripper, depth_m, deeper_m)
    if found is None:
        return []
    flat = None if as_it_comes else found.lying_flat()
    if flat is not None:
        turned = _Between.of(target, flat, gripper, depth_m, deeper_m)
        grasps = [] if turned is None else _held(turned, target, gripper, deeper_m, cost, depth_m)
        if grasps:
            return grasps
    return _held(found, target, gripper, deeper_m, cost, depth_m)


def _held(
    found: _Between,
    target: GraspTarget,
    gripper: GripperConfig,
    deeper_m: float,
    cost: float,
    depth_m: float | None,
) -> list[Grasp]:
    """As `pinch`, of which the other arguments are, with the fingers as they come; `found` is between them."""
    if found.width_m > gripper.open_width_m - OPENING_SPARE_M:
        return []
    pose, (one, other), likeness = found.pose, found.normals, cost
    if min(one @ pose.y, -other @ pose.y) < FACING or found.squeezes_out():
        return []
    farther = found
    if depth_m is None:
        farther = _Between.of(target, pose, gripper, found.depth_m - deeper_m - SHORT_M, 0.0)
    if farther is None or farther.squeezes_out() or found.squeezes_aside():
        cost += UNSURE_COST
    if not found.fits_centred(gripper.open_width_m):
        return []
    centred = replace(pose, at_m=pose.at_m + pose.y * found.shift_m + pose.z * (found.tip_m - gripper.tip_m))
    return both_ways(
        centred,
        gripper.open_width_m,
        found.width_m,
        "pinch",
        cost,
        lambda there, as_it_comes: pinch(target, there, gripper, deeper_m, likeness, depth_m, as_it_comes),
        found.depth_m,
    )
