"""What the first frame's depth image adds between two stages of a fit: the person's size, and where the floor is."""

from dataclasses import replace

import numpy as np
import torch

from hoi_motion.lift.person.evidence import Evidence, MeasuredSkin
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.measured_surface import grown_betas

# so many points of the measured skin are asked
SKIN_POINTS = 300


@torch.no_grad()
def measured_size(guess: Guess) -> Evidence:
    """Person and distance grow by what the depth image says, about the camera: the picture stays the same.

    Changes distance, floor and betas of the unknowns.
    """
    evidence, unknowns = guess.evidence, guess.unknowns
    if evidence.surface is None:
        return evidence
    skin_m = guess.first_skin_m()
    ids, depth_m = evidence.surface.seen(skin_m)
    if not len(ids):
        return replace(evidence, skin=None)
    some = np.linspace(0, len(ids) - 1, min(len(ids), SKIN_POINTS)).astype(int)
    skin = MeasuredSkin(guess.body.skin(ids[some]), torch.tensor(depth_m[some], dtype=torch.float32))
    ratio = float(np.median(depth_m / skin_m[ids, 2]))
    more = grown_betas(guess.body.skeleton, unknowns.betas, ratio) - unknowns.betas
    unknowns.log_depth.add_(np.log(ratio))
    unknowns.floor.mul_(ratio)
    unknowns.betas.add_(more)
    return replace(evidence, skin=skin, lifted=evidence.lifted.grown(ratio), betas=evidence.betas + more)


@torch.no_grad()
def measured_floor(guess: Guess) -> Evidence:
    """The floor where the depth image shows it near the feet; changes the unknown floor."""
    evidence, unknowns = guess.evidence, guess.unknowns
    if evidence.up is None:
        return evidence
    pelvis_m = guess.first_in_camera(torch.zeros(1, 3))[0].double().numpy()
    floor_m = evidence.room.floor_m(evidence.up, pelvis_m, float(unknowns.floor))
    if floor_m is not None:
        unknowns.floor.fill_(floor_m)
    return replace(evidence, floor_is_measured=floor_m is not None)
