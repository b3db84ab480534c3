"""Feet that keep still off the floor: on a stool, or on the other knee of a person who sits."""

from dataclasses import replace

import numpy as np

from hoi_motion.rigid import minimum_jerk
from training.scenes.limbs import turn_about
from training.scenes.posture import SIDES, Skeleton, Trunk, knee_ahead, knee_of
from training.scenes.walking import Walk

STOOL_SIZE_M = np.array([0.34, 0.32])
STOOL_ASIDE_M = 0.40
STOOL_BEHIND_M = 0.02
LIFT_M = 0.06
"""A foot rises by this much more on its way."""
SHIFT_M = 0.06
"""The pelvis, over the leg that stands."""
ON_KNEE_M = np.array([-0.04, 0.02, 0.12])
AROUND_KNEE_M = np.array([0.10, 0.04, 0.04])
"""An ankle on the other knee, from that knee's joint, y outwards to the ankle's own side; and on its way there."""
KNEE_OUT = np.array([0.5, 1.0, 0.2])
SOLE_RAD = 1.3


def stool(side: str, height_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Size and centre (3,) of a stool beside a person who stands at the origin."""
    return np.array([*STOOL_SIZE_M, height_m]), np.array([-STOOL_BEHIND_M, SIDES[side] * STOOL_ASIDE_M, height_m / 2])


def foot_on_stool(path: Walk, side: str, height_m: float, shares: np.ndarray) -> Walk:  # shares (T,) 0..1
    """The same stand at the origin with one foot put on the stool: up, then across."""
    up, across = minimum_jerk(shares / 0.6), minimum_jerk((shares - 0.25) / 0.75)
    ankle = path.ankles_m[side].copy()
    place_m = stool(side, height_m)[1][:2]
    ankle[:, :2] += across[:, None] * (place_m - ankle[:, :2])
    ankle[:, 2] += height_m * up + LIFT_M * np.sin(np.pi * np.clip(shares, 0, 1))
    return replace(path, ankles_m=path.ankles_m | {side: ankle})


def over_standing_leg(trunk: Trunk, lifted: str, shares: np.ndarray) -> Trunk:
    """The trunk above the leg that stands."""
    aside = np.outer(minimum_jerk(shares / 0.5), [0.0, -SHIFT_M * SIDES[lifted], 0.0])
    return replace(trunk, pelvis_m=trunk.pelvis_m + aside, gaze_m=trunk.gaze_m + aside)


def leg_crossed(skeleton: Skeleton, trunk: Trunk, side: str, shares: np.ndarray) -> Skeleton:
    """The skeleton with one ankle laid on the other knee, by shares (T,) of the way, in the body's own frame."""
    sign, other = SIDES[side], next(name for name in SIDES if name != side)
    way = np.clip(shares, 0, 1)[:, None]
    knee = knee_of(skeleton, trunk, other)
    around = np.sin(np.pi * way) * AROUND_KNEE_M * [1, sign, 1]
    ankle = (1 - way) * skeleton.ankles_m[side] + way * (knee + ON_KNEE_M * [1, sign, 1]) + around
    pole = (1 - way) * knee_ahead(side) + way * KNEE_OUT * [1, sign, 1]
    # the sole stays square to the shin, which lies across
    foot = turn_about(0, -sign * SOLE_RAD * way[:, 0]) @ skeleton.feet_rotation[side]
    return replace(
        skeleton,
        ankles_m=skeleton.ankles_m | {side: ankle},
        feet_rotation=skeleton.feet_rotation | {side: foot},
        knee_pole=skeleton.knee_pole | {side: pole},
    )
