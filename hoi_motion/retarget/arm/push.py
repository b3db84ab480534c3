"""Grips that do not hold: a touch with closed finger tips, and a push from behind with a fork of both fingers."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hoi_motion.retarget.arm.grip import ASSUMED_FRICTION, SLAB_HALF_M, Grasp, GraspTarget, GripperPose, both_ways
from hoi_motion.retarget.robots.config import GripperConfig

PRESS_M = 0.006  # finger tips go this far into where the surface is seen: what is touched is felt
FINGER_M = 0.012  # thickness of a finger
LEAST_HEIGHT_M = 0.03  # of finger tips over what carries the object
TIPPING_SHARE = 0.7  # of the height at which a push would tip the object rather than move it
PUSH_PITCHES_RAD = np.radians([20, 45, 65])
FIRST = -10.0  # in front of all pinches
LAST = 50.0  # behind them
FORK_SHARES = (0.7, 0.5, 0.0)  # opening of the fork over the object's width


def touch(target: GraspTarget, pose: GripperPose, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """Closed finger tips that press on the surface; both ways round."""
    return _tips_against(target, pose, 0.0, gripper, "touch", cost)


def pushes(
    target: GraspTarget, along: np.ndarray, gripper: GripperConfig
) -> Iterator[tuple[GripperPose, float, float]]:
    """Pose with the finger tips' middle, opening in metres and cost of pushes along a direction (3,), cheapest first.

    Low, so that the object moves and does not tip; balls at mid-height. Two finger tips far apart keep a round object
    from turning away. Objects so slender that the lowest push would tip them come after all pinches.
    """
    heading = along - target.up * (along @ target.up)
    heading /= np.linalg.norm(heading)
    side = np.cross(target.up, heading)
    height_m = push_height_m(target, heading)
    first = LAST if height_m > _tipping_m(target, heading) and not target.is_round else FIRST
    width_m = target.width_m(side)
    behind = target.axis_m + (target.low_m + height_m) * target.up - target.width_m(heading) / 2 * heading
    for i, pitch in enumerate(PUSH_PITCHES_RAD):
        for j, share in enumerate(FORK_SHARES):
            opening = min(share * width_m, gripper.open_width_m)
            z = np.cos(pitch) * heading - np.sin(pitch) * target.up
            yield GripperPose(behind, side, z), opening, i + 0.3 * j + first


def push_height_m(target: GraspTarget, heading: np.ndarray) -> float:
    """How high over its foot an object is pushed along a level direction (3,): no higher than where it would tip, but
    finger tips need room over what carries it."""
    tall_m = target.high_m - target.low_m
    return max(min(0.5 * tall_m, _tipping_m(target, heading)), min(LEAST_HEIGHT_M, 0.8 * tall_m))


def _tipping_m(target: GraspTarget, heading: np.ndarray) -> float:
    """Height over its foot from which on a push would tip the object, with a margin."""
    return TIPPING_SHARE * target.base_width_m(heading) / 2 / ASSUMED_FRICTION


def push(target: GraspTarget, pose: GripperPose, opening_m: float, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """Both finger tips, apart by an opening, against the surface behind; both ways round."""
    return _tips_against(target, pose, opening_m, gripper, "push", cost)


def _tips_against(
    target: GraspTarget, pose: GripperPose, opening_m: float, gripper: GripperConfig, grip: str, cost: float
) -> list[Grasp]:
    """Finger tips, apart by an opening, that come along z until they press on the surface; both ways round."""
    local = pose.local_m(target.points_m)
    from_finger = np.abs(local[:, 1]) - opening_m / 2
    ahead = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (from_finger > -0.002) & (from_finger < FINGER_M)]
    if not len(ahead):
        return []
    pressed = replace(pose, at_m=pose.at_m + pose.z * (ahead[:, 2].min() + PRESS_M - gripper.tip_m))
    return both_ways(
        pressed,
        opening_m,
        opening_m,
        grip,
        cost,
        lambda there, as_it_comes: _tips_against(target, there, opening_m, gripper, grip, cost),
    )
