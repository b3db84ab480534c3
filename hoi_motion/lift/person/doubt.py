"""How far a lift trusts itself: how probably each frame is off, by keypoints, fit and lifter."""

from importlib.util import find_spec

import numpy as np
from scipy.stats import norm

from hoi_motion.errors import counted
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import ARM, TOO_LARGE, palm_times, palms_px
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.progress import CancelToken

# a frame is off where its joints are further from the truth than this share of the person's height, on average: in the
# picture, and in space from the pelvis
OFF_IN_PICTURE = 0.05
OFF_IN_SPACE = 0.10
# keypoints that a detector doubts once it has lost the person; hidden legs are no sign of that
JUDGED = (kp.NOSE, *range(kp.L_SHOULDER, kp.R_WRIST + 1), kp.L_HIP, kp.R_HIP)
# the body's distance from the keypoints counts in units of ERROR, up to twice that
ERROR = 0.05
# logistic regression (constant, distance, unsureness) on 72 frames of real clips with truth by eye, lifted well and
# badly: AUC .89, each clip judged by the others .86
_PICTURE = np.array([-3.9, 2.9, 4.4])
# the logarithm of the mean error in space, in person heights, is normal: its mean (constant, distance, unsureness, the
# logarithm of the lifter's spread in metres) and spread, by regression on 323 frames of figures of the development half
# of recorded motion and of training scenes
_SPACE = np.array([-1.83, 1.41, 0.6, 0.71])
_SPACE_SPREAD = 0.37
# for a pose that is not the lifter's: all that is known is that it is about as good
USUAL_SPREAD_M = 0.08


def off_probability(track: kp.KeypointTrack, error: np.ndarray, spread_m: np.ndarray | float) -> np.ndarray:  # (T, 2)
    """How probably each frame is off by OFF_IN_PICTURE in the picture, and by OFF_IN_SPACE in space.

    Args:
        error: (T,) mean distance of the body from the keypoints that are believed, in person heights.
        spread_m: (T,) or one number; the scatter along the sight that the lifter expects, mean of its points.
    """
    unsure = 1 - np.clip(track.body_px[:, JUDGED, 2], 0, 1).mean(1)
    signs = np.stack([np.ones(len(error)), np.minimum(error / ERROR, 2), unsure], 1)
    log_spread = np.broadcast_to(np.log(spread_m), len(error))
    log_error = np.column_stack([signs, log_spread]) @ _SPACE
    in_space = norm.sf((np.log(OFF_IN_SPACE) - log_error) / _SPACE_SPREAD)
    return np.stack([1 / (1 + np.exp(-signs @ _PICTURE)), in_space], 1)


def doubt_notes(off: np.ndarray) -> tuple[str, ...]:  # (T, 2)
    """Note of the motion on frames that are more probably off in space than not."""
    wrong = np.flatnonzero(off[:, 1] > 0.5)
    if not len(wrong):
        return ()
    worst = int(off[:, 1].argmax())
    return (
        f"the person is probably off by more than {100 * OFF_IN_SPACE:.0f}% of their height in {len(wrong)} of "
        f"{counted(len(off), 'frame')}, most probably in frame {worst}",
    )


def actor_notes(track: kp.KeypointTrack, target: ObjectTrack) -> tuple[str, ...]:
    """Note of the motion on a person who stays out of the object's reach: whoever acts, it is not them."""
    sure = track.body_px[..., 2] > kp.SURE
    if not sure.any():
        return ()
    rows, columns = np.nonzero(target.mask)
    edge_px = np.hypot(np.ptp(rows), np.ptp(columns)) / 2  # from its centre, at most
    away_px = np.linalg.norm(track.body_px[..., :2] - target.centroid_px[:, None], axis=-1)[sure].min() - edge_px
    height_px = track.person_height_px()
    if away_px <= ARM * height_px:
        return ()
    return (
        f"doubtful: actor: in the whole clip the person stays {away_px / height_px:.1f} of their own height or more "
        "away from the object: if somebody else acts, mark them (--actor-mask)",
    )


def hand_notes(
    frames: np.ndarray,  # (T, H, W, 3) u8
    height_px: float,
    cancel: CancelToken | None = None,
) -> tuple[str, ...]:
    """`size_notes` of the hands that MediaPipe finds in the pictures; without it, that they were not looked at."""
    if find_spec("mediapipe") is None:
        return ("the figure's size was not compared with hands in the picture: mediapipe is not installed",)
    return size_notes(palms_px(frames, cancel), height_px)


def size_notes(palms_px: np.ndarray, height_px: float) -> tuple[str, ...]:
    """Note of the motion on hands in the picture that cannot be those of the figure that was found.

    Args:
        palms_px: (N,) lengths, `palms_px` of the keypoints; height_px: the figure's.
    """
    times = palm_times(palms_px, height_px)
    if times is None or times < TOO_LARGE:
        return ()
    return (
        f"doubtful: person_size: hands in the picture are {times:.1f} times as large as this figure's would be: it is "
        "no person, or not the one who acts; its size and distance and the object's are off as much",
    )
