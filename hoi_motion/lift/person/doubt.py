"""What a lift thinks of itself: how probably a frame is off, from its keypoints and how the body fits them."""

import numpy as np

from hoi_motion.keypoints import track as kp

# a frame is off where its joints are further from the truth than this share of the person's height, on average
OFF_BY = (0.05, 0.10)
# what a detector that has lost a person is unsure of; hidden legs are no sign of it
JUDGED = (kp.NOSE, *range(kp.L_SHOULDER, kp.R_WRIST + 1), kp.L_HIP, kp.R_HIP)
# the body's distance from the keypoints counts in units of ERROR, up to twice that
ERROR = 0.05
# logistic regression (constant, distance, unsureness) for each of OFF_BY on 72 frames of real clips with truth by eye,
# lifted well and badly: AUC .89 and .95; each clip judged by the others: .86 and .72
_WEIGHTS = np.array([(-3.9, 2.9, 4.4), (-5.9, 3.1, 4.6)])


def off_probability(track: kp.KeypointTrack, error: np.ndarray) -> np.ndarray:  # (T, 2)
    """How probably each frame is off by each of OFF_BY.

    Args:
        error: (T,) mean distance of the body from the keypoints that are believed, in person heights.
    """
    unsure = 1 - np.clip(track.body_px[:, JUDGED, 2], 0, 1).mean(1)
    signs = np.stack([np.ones(len(error)), np.minimum(error / ERROR, 2), unsure], 1)
    return 1 / (1 + np.exp(-signs @ _WEIGHTS.T))


def doubt_notes(off: np.ndarray) -> tuple[str, ...]:  # (T, 2)
    """What a reader of the motion is told of frames that are more probably off by the larger of OFF_BY than not."""
    wrong = np.flatnonzero(off[:, 1] > 0.5)
    if not len(wrong):
        return ()
    worst = int(off[:, 1].argmax())
    return (
        f"the person is probably off by more than {100 * OFF_BY[1]:.0f}% of their height in {len(wrong)} of {len(off)} "
        f"frames, most probably in frame {worst}",
    )
