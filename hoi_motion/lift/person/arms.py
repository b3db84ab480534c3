"""Arms of the lifter, put as far away as the object that their hands touch.

Along the line of sight the lifter errs, by much where one hand hides the other or a large thing hides it, and for as
long as the arm stays about the same: what is known when the hand takes the object holds on while it is carried. So the
lifter's error is taken to be a Gaussian process in time, and its points are what that leaves, given the object.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from hoi_motion.body.joints import index_of
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.evidence import DEPTH_IMAGE, LiftedPoints, Touch
from hoi_motion.lift.person.guess import Guess

# from the body's points (T, 76, 3) m in the level frame, the camera's pitch and the floor's height there
TouchOf = Callable[[np.ndarray, float, float], Touch | None]

PALMS = [
    [index_of(f"{side}_{joint}") for joint in ("wrist", "index1", "pinky1", "middle2")] for side in ("left", "right")
]
# keypoints of wrist and knuckles, which err as the palm does, and of the elbow, which errs by this share of that; this
# and all below is of 36 touches in training scenes
_ROW = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}
_HANDS = [[_ROW[k + side] for k in (kp.L_WRIST, 17, 19, 21)] for side in (0, 1)]
_ELBOWS = [_ROW[k] for k in (kp.L_ELBOW, kp.R_ELBOW)]
ELBOW_SHARE = 0.6
# of hands that touch the lifter errs by so many times what it says
LIFTED_SPREADS = 2.0
# a palm that touches a thing is as far away as its middle, within this
PALM_M = 0.06
# of the person's distance, which is not the arm's error: where a depth image tells it in the first frame, else a share
MEASURED_PERSON_M = 0.045
PERSON_SHARE = 0.05
# a hand that is on the object in the picture alone is anywhere about
ANYWHERE_M = 0.4
# for how long before and after a touch the lifter errs alike
BEFORE_S, AFTER_S = 0.3, 1.4


@torch.no_grad()
def touching_arms(guess: Guess, touch: Touch) -> LiftedPoints:
    """Lifted points whose arms reach as far as what the hands touch, by what the guess, fitted without that, misses."""
    evidence = guess.evidence
    palms = (guess.points_m[:, PALMS].mean(2) @ R_level_camera(guess.unknowns.pitch)).double().numpy()
    measured = evidence.size_source == DEPTH_IMAGE
    person_m = MEASURED_PERSON_M if measured else PERSON_SHARE * palms[..., 2].mean()
    lifted_m = LIFTED_SPREADS * evidence.lifted.spread_m[:, [hand[0] for hand in _HANDS], 2].double().numpy()
    further_m = further(touch, palms[..., 2], lifted_m, person_m)
    return reaching(evidence.lifted, touch, further_m, palms / palms[..., 2:], evidence.fps)


def further(touch: Touch, palms_m: np.ndarray, lifted_m: np.ndarray, person_m: float) -> np.ndarray:  # (2,)
    """By how much left and right arm reach further along the optical axis, metres; 0 of a hand that does not touch.

    The mean of a Gaussian, given the object's distance, or, where that is unknown, that two hands have the same one. A
    hand much further from it than the spreads allow probably only looks as if it touched.

    Args:
        palms_m: (T, 2) along the optical axis; lifted_m: (T, 2) standard deviations of the arms; person_m: of the
            person's distance.
    """
    on = touch.at.any(0)
    share = touch.at / np.maximum(touch.at.sum(0), 1)
    palm_m, spread_m = (share * palms_m).sum(0), (share * lifted_m).sum(0)
    known = touch.centre_m is not None
    common = person_m**2 + (touch.spread_m**2 if known else ANYWHERE_M**2)
    gap_m = np.where(on, (touch.centre_m if known else palm_m[on].mean()) - palm_m, 0.0)
    near, far = spread_m**2 + PALM_M**2 + common, spread_m**2 + PALM_M**2 + common + ANYWHERE_M**2
    touches, looks_so = (np.exp(-0.5 * gap_m**2 / square) / np.sqrt(square) for square in (near, far))
    sure = on * touch.sure * touches / (touch.sure * touches + (1 - touch.sure) * looks_so)
    noise = (PALM_M / np.maximum(sure, 1e-3)) ** 2
    return sure * spread_m**2 * np.linalg.solve(np.diag(spread_m**2 + noise) + common, gap_m)


def reaching(
    lifted: LiftedPoints,
    touch: Touch,
    further_m: np.ndarray,  # (2,)
    rays: np.ndarray,  # (T, 2, 3), 1 along the optical axis
    fps: float,
) -> LiftedPoints:
    """Lifted points whose arms reach so much further along the rays, about the touch."""
    points, frames = lifted.points_m.clone(), np.arange(len(lifted.points_m))
    for side in np.flatnonzero(touch.at.any(0)):
        on = np.flatnonzero(touch.at[:, side])
        away_s = np.where(frames < on[0], (on[0] - frames) / BEFORE_S, np.maximum(frames - on[-1], 0) / AFTER_S) / fps
        shift = np.exp(-0.5 * away_s**2)[:, None] * further_m[side] * rays[:, side]
        shift = torch.tensor(shift, dtype=torch.float32)
        points[:, _HANDS[side]] += shift[:, None]
        points[:, _ELBOWS[side]] += ELBOW_SHARE * shift
    return replace(lifted, points_m=points)
