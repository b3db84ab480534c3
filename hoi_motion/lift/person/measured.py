"""What a given camera and the first frame's depth image add between two stages of a fit: the person's size, and where
the floor is."""

from dataclasses import replace

import numpy as np
import torch

from hoi_motion.lift.person.evidence import DEPTH_IMAGE, GIVEN, Evidence, MeasuredSkin
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.measured_surface import grown_betas
from hoi_motion.lift.person.planted_feet import HIDDEN_WEIGHT, SOLE_M

# points of the measured skin that are used
SKIN_POINTS = 300
# for feet hardly lower than the camera the height of the floor says nothing
LEAST_BELOW_M = 0.4


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
