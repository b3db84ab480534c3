"""Which foot stands when, judged in the picture."""

import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.body.joints import index_of
from hoi_motion.keypoints import track as kp

# the fit is trusted to these heights: a body higher than LIFTED_M over the floor is in the air on purpose
LIFTED_M = 0.05

FOOT_POINTS = [
    [index_of(f"{side}_{point}") for point in ("heel", "big_toe", "small_toe", "ankle")] for side in ("left", "right")
]
FOOT_KEYPOINTS = ((kp.L_ANKLE, kp.L_HEEL, kp.L_TOE), (kp.R_ANKLE, kp.R_HEEL, kp.R_TOE))
# the lowest points of a standing foot are that high over its sole
SOLE_M = 0.017
# a standing foot's keypoints move less than this, person heights a second
STILL_SPEED = 0.12
# probability that a hidden foot, or one of which nothing is known, stands
HIDDEN_WEIGHT = 0.7
# how far the hips move over standing feet, in person heights: feet surely stand, and hardly do
NEAR_TRAVEL = 0.06
FAR_TRAVEL = 0.16
# of how far away the person is, as fitted before anything is said of the floor, this share is noise
DISTANCE_NOISE = 0.05
# so long, seconds, they are looked at for whether the person comes nearer or goes away
APPROACH_S = 1.0
# a foot seen with less confidence is a guess; the guess says "still there" within this share of the person's height
SURE = 0.4
STAYS = 0.08


def planted_feet(track: kp.KeypointTrack, height_px: float, fps: float, reached: np.ndarray) -> np.ndarray:
    """How surely each foot (left, right) stands still on the floor.

    A foot that goes out of sight and is still guessed where it was last seen stands there: people who bend down hide
    their feet without stepping. A foot of which nothing is known stands while the hips keep still: a person behind a
    table or cut off by the edge of the image still stands on the floor.

    Args:
        reached: (T, 2) of `hips_reached`.

    Returns:
        (T, 2) 0..1.
    """
    planted = np.zeros((track.num_frames, 2))
    hips = track.body_px[:, [kp.L_HIP, kp.R_HIP]]
    hips_moving = np.hypot(_speed(hips[..., :2].mean(1), fps) / height_px, _approaching(reached, fps))
    resting = HIDDEN_WEIGHT * np.clip(2 - hips_moving / (2 * STILL_SPEED), 0, 1)
    for side, ids in enumerate(FOOT_KEYPOINTS):
        points = _foot(track, ids)
        seen, place = points[..., 2].mean(1), points[..., :2].mean(1)
        moving = _speed(place, fps) / height_px
        sure = seen > SURE
        stays = ~sure & (seen > 0) & (_from_last_place(place, sure) < STAYS * height_px)
        standing = seen * np.clip(2 - moving / STILL_SPEED, 0, 1)
        planted[:, side] = np.where(sure, standing, np.where(stays, HIDDEN_WEIGHT, resting))
    return planted


def standing_through(planted: np.ndarray, reached: np.ndarray, seen: np.ndarray, lag: int) -> np.ndarray:
    """How surely each foot stands from frame t to frame t + lag: as surely as in the least sure frame between.

    For a foot that is not seen throughout it depends on how far the hips moved meanwhile: walking takes it along.

    Args:
        planted: (T, 2) how surely in a frame; reached: (T, 2) of `hips_reached`;
        seen: (T, 2) bool, the foot's keypoints are sure.

    Returns:
        (T - lag, 2).
    """
    window = np.lib.stride_tricks.sliding_window_view
    standing, watched = window(planted, lag + 1, axis=0).min(-1), window(seen, lag + 1, axis=0).all(-1)
    travel = _travel(np.ptp(window(reached, lag + 1, axis=0), axis=-1), reached)
    return standing * np.where(watched, 1.0, _stays_behind(travel)[:, None])


def on_standing_feet(planted: np.ndarray, reached: np.ndarray) -> np.ndarray:  # (T,)
    """How surely the person has stood since the first frame: on feet that stay, and not gone or sat down behind them.

    Arguments as in `standing_through`.
    """
    travel = _travel(np.maximum.accumulate(reached) - np.minimum.accumulate(reached), reached)
    return np.minimum.accumulate(planted, axis=0).min(1) * _stays_behind(travel)


def _travel(span: np.ndarray, reached: np.ndarray) -> np.ndarray:  # (N, 2), (T, 2) -> (N,) person heights
    """How far the hips have gone at least, by how much their places across the picture and along the sight differ."""
    along = np.maximum(span[:, 1] - DISTANCE_NOISE * np.median(reached[:, 1]), 0.0)
    return np.hypot(span[:, 0], along)


def _approaching(reached: np.ndarray, fps: float) -> np.ndarray:  # (T, 2) -> (T,) person heights a second
    """How fast the hips go along the sight at least, to either side."""
    half = max(1, round(APPROACH_S * fps / 2))
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(reached, ((half, half), (0, 0)), mode="edge"), 2 * half + 1, 0
    )
    return _travel(np.ptp(around, axis=-1) * [0, 1], reached) / APPROACH_S


def _stays_behind(travel: np.ndarray) -> np.ndarray:
    return np.clip((FAR_TRAVEL - travel) / (FAR_TRAVEL - NEAR_TRAVEL), 0, 1)


def hips_reached(track: kp.KeypointTrack, height_px: float, focal_px: float, distance_m: np.ndarray) -> np.ndarray:
    """Where the hips are, (T, 2) person heights: across the picture, and along the sight from the camera.

    Across it is a median over three frames, for the detector jumps.

    Args:
        distance_m: (T,) of the person; only ratios count.
    """
    across = median_filter(track.body_px[:, [kp.L_HIP, kp.R_HIP], 0].mean(1), 3, mode="nearest") / height_px
    return np.column_stack([across, distance_m / np.median(distance_m) * focal_px / height_px])


def feet_seen(track: kp.KeypointTrack) -> np.ndarray:  # (T, 2) bool
    return np.stack([_foot(track, ids)[..., 2].mean(1) > SURE for ids in FOOT_KEYPOINTS], 1)


def _foot(track: kp.KeypointTrack, ids) -> np.ndarray:  # (T, P, 3)
    """A foot's keypoints; some sources know no heels and toes."""
    return track.body_px[:, [i for i in ids if track.body_px[:, i, 2].any()] or ids[:1]]


def _from_last_place(xy: np.ndarray, sure: np.ndarray) -> np.ndarray:  # (T, 2), (T,) -> (T,) pixels
    """Distance from where a point was in the last sure frame; infinite before the first."""
    last = np.maximum.accumulate(np.where(sure, np.arange(len(xy)), -1))
    return np.where(last >= 0, np.linalg.norm(xy - xy[last], axis=1), np.inf)


def _speed(xy: np.ndarray, fps: float) -> np.ndarray:  # (T, 2) -> (T,) pixels per second
    """The lower one of before and after each frame: a single frame in which the detector jumps is no motion."""
    if len(xy) < 2:
        return np.zeros(len(xy))
    steps = np.linalg.norm(np.diff(xy, axis=0), axis=1) * fps
    return np.r_[steps[0], np.minimum(steps[1:], steps[:-1]), steps[-1]]


def rise_to_floor(lowest_m: np.ndarray) -> np.ndarray:  # (T,) -> (T,)
    """How far the body must rise in each frame so that it stands on the floor.

    Bodies below the floor always rise; bodies up to LIFTED_M above it come down.

    Args:
        lowest_m: height of the body's lowest point over the floor.
    """
    return np.where(lowest_m < LIFTED_M, -lowest_m, 0.0)
