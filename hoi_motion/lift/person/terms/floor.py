"""Terms of the floor and of who stands on it."""

import torch

from hoi_motion.body import JOINT_NAMES
from hoi_motion.body.mass import mass_weights
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.terms.term import Stage, student_t, term

# the lowest points of a standing foot are that high over its sole
SOLE_M, HEIGHT_M = 0.017, 0.02
STEP_M = 0.01
# how far the centre of mass of who stands gets from where it was over the feet
BALANCE_M = 0.04
_MASS = torch.tensor(mass_weights(), dtype=torch.float32)


@term("height of planted soles, and of any below the floor", "m", "0.02", "SLAHMR, section 3.3")
def soles(guess: Guess, stage: Stage) -> torch.Tensor:
    height = (guess.feet_m[..., 2].amin(-1) - guess.unknowns.floor - SOLE_M) / HEIGHT_M  # (T, 2)
    below = torch.relu(-height)
    return 0.5 * (guess.evidence.feet.planted * height**2).sum() + 0.5 * below.square().sum()


@term("way of a standing foot since 1, 4 and 16 frames", "m", "0.01", "SLAHMR, section 3.3")
def still_feet(guess: Guess, stage: Stage) -> torch.Tensor:
    feet, energy = guess.feet_m, torch.zeros(())
    for lag, standing in guess.evidence.feet.through.items():
        step = (feet[lag:] - feet[:-lag]) / STEP_M
        energy = energy + 0.5 * (standing[..., None, None] * step**2).sum() / 4
    return energy


@term("of the centre of mass from where it was over the feet", "m", "0.04", "training scenes")
def balance(guess: Guess, stage: Stage) -> torch.Tensor:
    """While both feet have stood since the first frame: who leans or crouches moves the hips back; Student's t."""
    centre = torch.einsum("j,tjc->tc", _MASS, guess.points_m[:, : len(JOINT_NAMES)])
    miss = (centre - centre[:1])[:, :2].square().sum(-1) / BALANCE_M**2
    return (guess.evidence.feet.since_start * student_t(miss)).sum()
