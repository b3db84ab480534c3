"""What is measured only against a guess, between two stages of a fit: by a given camera and the first frame's depth
image the person's size and where the floor is, by what the hands touch how far the arms reach."""

from dataclasses import replace

import numpy as np
import torch

from hoi_motion.body.joints import palm_points
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import BODY_HAND
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.evidence import DEPTH_IMAGE, GIVEN, Evidence, LiftedPoints, MeasuredSkin, Touch
from hoi_motion.lift.person.feet.planted import HIDDEN_WEIGHT, SOLE_M
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.measured_surface import grown_betas
from hoi_motion.motion import HANDS

# points of the measured skin that are used
SKIN_POINTS = 300
# for feet hardly lower than the camera the height of the floor says nothing
LEAST_BELOW_M = 0.4

PALMS = [palm_points("left"), palm_points("right")]
# keypoints of wrist and knuckles, which err as the palm does, and of the elbow, which errs by this share of that; this
# and all below is of 36 touches in training scenes
_ROW = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}
_HANDS = [[_ROW[k] for k in BODY_HAND[hand]] for hand in HANDS]
_ELBOWS = [_ROW[k] for k in (kp.L_ELBOW, kp.R_ELBOW)]
ELBOW_SHARE = 0.6
# of hands that touch the lifter errs by so many times what it says
LIFTED_SPREADS = 2.0
# a palm that touches a thing is as far away as its middle, within this
PALM_M = 0.06
# spread of the person's own distance, which is not the arm's error: where a depth image tells it in the first frame,
# and else, as a share of it
MEASURED_PERSON_M = 0.045
PERSON_SHARE = 0.05
# spread of the distance of a hand that is on the object only in the picture
ANYWHERE_M = 0.4
# for about how long before and after a touch the lifter errs by the same amount
BEFORE_S, AFTER_S = 0.3, 1.4


@torch.no_grad()
def measured_size(guess: Guess) -> Evidence:
    """Scale person and distance about the camera, by the depth image or else by feet on a given floor: the projection
    stays the same.

    Changes distance, floor and betas of the unknowns.
    """
    if guess.evidence.surface is not None:
        return _by_the_skin(guess)
    ratio = _by_the_feet(guess)
    return guess.evidence if ratio is None else replace(_grown(guess, ratio), size_source=GIVEN)


def _by_the_skin(guess: Guess) -> Evidence:
    skin_m = guess.first_skin_m()
    ids, depth_m = guess.evidence.surface.seen(skin_m)
    if not len(ids):
        return replace(guess.evidence, skin=None)
    some = np.linspace(0, len(ids) - 1, min(len(ids), SKIN_POINTS)).astype(int)
    skin = MeasuredSkin(guess.body.skin(ids[some]), torch.tensor(depth_m[some], dtype=torch.float32))
    grown = _grown(guess, float(np.median(depth_m / skin_m[ids, 2])))
    return replace(grown, skin=skin, size_source=DEPTH_IMAGE)


def _by_the_feet(guess: Guess) -> float | None:
    """The ratio at which feet that are seen to stand do so on the given floor; None without such a foot or floor."""
    floor_m = _given_floor_m(guess)
    sure = guess.evidence.feet.planted > HIDDEN_WEIGHT
    soles_m = guess.feet_m[..., 2].amin(-1)[sure] - SOLE_M
    if floor_m is None or not len(soles_m) or soles_m.median() > -LEAST_BELOW_M:
        return None
    return floor_m / float(soles_m.median())


def _grown(guess: Guess, ratio: float) -> Evidence:
    evidence, unknowns = guess.evidence, guess.unknowns
    more = grown_betas(guess.body.skeleton, unknowns.betas, ratio) - unknowns.betas
    unknowns.log_depth.add_(np.log(ratio))
    unknowns.floor.mul_(ratio)
    unknowns.betas.add_(more)
    return replace(evidence, lifted=evidence.lifted.grown(ratio), betas=evidence.betas + more)


def _given_floor_m(guess: Guess) -> float | None:
    """Height over the camera of a given floor under the person's first place; in a frame without roll (camera.py) a
    level floor has a slope."""
    evidence = guess.evidence
    if evidence.up is None or evidence.camera_over_floor_m is None:
        return None
    return -evidence.camera_over_floor_m - evidence.up[0] * float(guess.first_in_camera(torch.zeros(1, 3))[0, 0])


@torch.no_grad()
def measured_floor(guess: Guess) -> Evidence:
    """The floor where it is given, else where the depth image shows it near the feet; changes the unknown floor."""
    evidence, unknowns = guess.evidence, guess.unknowns
    floor_m, source = _given_floor_m(guess), GIVEN
    if floor_m is None and evidence.up is not None and evidence.room is not None:
        pelvis_m = guess.first_in_camera(torch.zeros(1, 3))[0].double().numpy()
        floor_m, source = evidence.room.floor_m(evidence.up, pelvis_m, float(unknowns.floor)), DEPTH_IMAGE
    if floor_m is None:
        return replace(evidence, floor_source="")
    unknowns.floor.fill_(floor_m)
    return replace(evidence, floor_source=source)


@torch.no_grad()
def touching_arms(guess: Guess, touch: Touch) -> LiftedPoints:
    """Lifted points whose arms reach as far as what the hands touch, by what the guess, fitted without that, misses.

    Along the line of sight the lifter errs, by much where one hand or a large thing hides the other, and for as long as
    the arm stays about the same: what is known when a hand takes the object holds on while it carries it. So the error
    is taken to be a Gaussian process in time, and these are the points that it leaves, given the object.
    """
    evidence = guess.evidence
    palms = (guess.points_m[:, PALMS].mean(2) @ R_level_camera(guess.unknowns.pitch)).double().numpy()
    measured = evidence.size_source == DEPTH_IMAGE
    person_m = MEASURED_PERSON_M if measured else PERSON_SHARE * palms[..., 2].mean()
    lifted_m = LIFTED_SPREADS * evidence.lifted.spread_m[:, [hand[0] for hand in _HANDS], 2].double().numpy()
    further_m = further(touch, palms[..., 2], lifted_m, person_m)
    return reaching(evidence.lifted, touch, further_m, palms / palms[..., 2:], evidence.fps)


def further(touch: Touch, palms_m: np.ndarray, lifted_m: np.ndarray, person_m: float) -> np.ndarray:  # (2,)
    """By how much left and right arm reach further along the optical axis, metres; 0 of a hand that does not touch.

    The mean of a Gaussian, given the object's distance. A hand much further from it than the spreads allow probably
    only looks as if it touched.

    Args:
        palms_m: (T, 2) along the optical axis; lifted_m: (T, 2) standard deviations of the arms; person_m: of the
            person's distance.
    """
    on = touch.at.any(0)
    share = touch.at / np.maximum(touch.at.sum(0), 1)
    palm_m, spread_m = (share * palms_m).sum(0), (share * lifted_m).sum(0)
    common = person_m**2 + touch.spread_m**2
    gap_m = np.where(on, touch.centre_m - palm_m, 0.0)
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
