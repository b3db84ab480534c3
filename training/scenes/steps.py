"""Up a step with one foot and then the other, and down again backwards.

All in the frame of the step's top: the floor is `height_m` below the origin, where the person stands at last.
"""

from dataclasses import replace

import numpy as np

from hoi_motion.rigid import minimum_jerk, standing_at
from training.scenes.limbs import turn_about
from training.scenes.posture import R_WORLD_BODY, SIDES, Skeleton
from training.scenes.walking import Walk, stand

STEP_SIZE_M = np.array([0.40, 0.52])
STEP_AHEAD_M = 0.04
"""The middle of the step, ahead of the ankles of a person who stands on it."""
BEFORE_M = 0.47
"""A person who is about to step up stands this far behind it."""
LIFT_M = 0.07
"""A foot rises by this much more on its way."""
LEADS = 0.42
FOLLOWS = 0.5
"""Shares of the way after which the first foot stands, and at which the other one goes."""
STRETCHED = 0.988
"""Of the length of a standing person's leg."""


def step_block(height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Size and centre (3,) of a step on the floor under a person who stands at the origin, in the world."""
    return np.array([*STEP_SIZE_M, height_m]), np.array([STEP_AHEAD_M, 0.0, height_m / 2])


def stepping_up(skeleton: Skeleton, count: int, height_m: float, first: str) -> Walk:
    """From the floor before the step to its top, in frames whose last one stands there.

    Args:
        first: side of the foot that goes first.
    """
    return _on_the_way(skeleton, (np.arange(count) + 1) / count, height_m, first)


def stepping_down(skeleton: Skeleton, count: int, height_m: float, first: str) -> Walk:
    """The way back, face to the step, in frames whose last one stands on the floor; `first` goes down first."""
    other = next(side for side in SIDES if side != first)
    return _on_the_way(skeleton, 1 - (np.arange(count) + 1) / count, height_m, other)


def _on_the_way(skeleton: Skeleton, time: np.ndarray, height_m: float, first: str) -> Walk:
    """At shares (T,) of the time that stepping up takes."""
    count, ankles = len(time), {}
    path = stand(skeleton, count)
    for side in SIDES:
        share = time / LEADS if side == first else (time - FOLLOWS) / (1 - FOLLOWS)
        # up before across, so that the toes clear the edge
        up, across = minimum_jerk(share / 0.55), minimum_jerk((share - 0.3) / 0.7)
        rise = height_m * (up - 1) + LIFT_M * np.sin(np.pi * np.clip(share, 0, 1))
        ankles[side] = path.ankles_m[side] + np.column_stack([BEFORE_M * (across - 1), np.zeros(count), rise])
    ahead = BEFORE_M * (minimum_jerk((time - 0.2) / 0.65) - 1)
    wanted = height_m * (minimum_jerk((time - 0.3) / 0.6) - 1)
    above = np.minimum(wanted, _legs_allow(skeleton, ahead, ankles))
    T = np.stack([standing_at((x, 0.0, z)) for x, z in zip(ahead, above)])
    return replace(path, T_world_body=T, ankles_m=ankles)


def _legs_allow(skeleton: Skeleton, ahead_m: np.ndarray, ankles_m: dict[str, np.ndarray]) -> np.ndarray:  # (T,)
    """How high the ground under an upright body may be for both legs to get to their feet."""
    pelvis = np.array([0.0, 0.0, skeleton.standing_height_m])
    R_pelvis = turn_about(1, 0.02) @ R_WORLD_BODY
    highest = []
    for side in SIDES:
        hip = pelvis + R_pelvis @ skeleton.bone(f"{side}_hip")
        leg = STRETCHED * (skeleton.length(f"{side}_knee") + skeleton.length(f"{side}_ankle"))
        apart = np.column_stack([ahead_m, np.zeros(len(ahead_m))]) + hip[:2] - ankles_m[side][:, :2]
        reach = np.sqrt(np.maximum(leg**2 - (apart**2).sum(1), 0.0))
        highest.append(ankles_m[side][:, 2] + reach - hip[2])
    return np.min(highest, axis=0)
