"""Grips that do not hold: a touch with closed finger tips, and a push from behind with a fork of both fingers."""

from collections.abc import Iterator

import numpy as np

from hoi_motion.retarget.arm.grip import ASSUMED_FRICTION, SLAB_HALF_M, Body, Grasp, both_ways
from hoi_motion.retarget.robots.config import GripperConfig

PRESS_M = 0.006  # finger tips go this far into where the surface is seen: what is touched is felt
FINGER_M = 0.012  # thickness of a finger
LEAST_HEIGHT_M = 0.03  # of finger tips over what carries the object
TIPPING_SHARE = 0.7  # of the height at which a push would tip the object rather than move it
PUSH_PITCHES_RAD = np.radians([20, 45, 65])
FIRST = -10.0  # in front of all pinches
LAST = 50.0  # behind them
FORK_SHARES = (0.7, 0.5, 0.0)  # opening of the fork over the object's width


def touch(body: Body, centre, y, z, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """Closed finger tips that press on the surface; both ways round."""
    x = np.cross(y, z)
    local = (body.points_m - centre) @ np.stack([x, y, z], axis=1)
    ahead = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (np.abs(local[:, 1]) < FINGER_M)]
    if not len(ahead):
        return []
    at = centre + z * (ahead[:, 2].min() + PRESS_M - gripper.tip_m)
    return both_ways(x, y, z, at, 0.0, 0.0, "touch", cost)


def pushes(
    body: Body, along: np.ndarray, gripper: GripperConfig
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, float, float]]:
    """Middle of the finger tips, y and z of the tool, opening and cost of pushes along a direction, in order of cost.

    Low, so that the object moves and does not tip; balls at mid-height. Two finger tips far apart keep a round object
    from turning away. Objects so slender that the lowest push would tip them come after all pinches.
    """
    heading = along - body.up * (along @ body.up)
    heading /= np.linalg.norm(heading)
    side = np.cross(body.up, heading)
    half_width_m, half_base_m = body.width_m(heading) / 2, body.base_width_m(heading) / 2
    tall_m = body.high_m - body.low_m
    tipping_m = TIPPING_SHARE * half_base_m / ASSUMED_FRICTION
    height_m = max(min(0.5 * tall_m, tipping_m), min(LEAST_HEIGHT_M, 0.8 * tall_m))
    first = LAST if height_m > tipping_m and not body.is_round else FIRST
    width_m = body.width_m(side)
    behind = body.axis_m + (body.low_m + height_m) * body.up - half_width_m * heading
    for i, pitch in enumerate(PUSH_PITCHES_RAD):
        for j, share in enumerate(FORK_SHARES):
            opening = min(share * width_m, gripper.open_width_m)
            z = np.cos(pitch) * heading - np.sin(pitch) * body.up
            yield behind, side, z, opening, i + 0.3 * j + first


def push(body: Body, centre, y, z, opening_m: float, gripper: GripperConfig, cost: float) -> list[Grasp]:
    """Both finger tips, apart by an opening, against the surface behind; both ways round."""
    x = np.cross(y, z)
    local = (body.points_m - centre) @ np.stack([x, y, z], axis=1)
    from_middle = np.abs(local[:, 1]) - opening_m / 2
    ahead = local[(np.abs(local[:, 0]) < SLAB_HALF_M) & (from_middle > -0.002) & (from_middle < FINGER_M)]
    if not len(ahead):
        return []
    at = centre + z * (ahead[:, 2].min() + PRESS_M - gripper.tip_m)
    return both_ways(x, y, z, at, opening_m, opening_m, "push", cost)
