"""Terms of the floor and of a person standing on it."""

import torch

from hoi_motion.body import JOINT_NAMES
from hoi_motion.body.mass import mass_weights
from hoi_motion.lift.person.feet.planted import SOLE_M
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.terms.term import Stage, student_t, term

# how far standing soles are off the floor, and move
HEIGHT_M = 0.02
STEP_M = 0.01
# how far a standing person's centre of mass moves relative to the feet
BALANCE_M = 0.04
_MASS = torch.tensor(mass_weights(), dtype=torch.float32)


@term("height of planted soles over the floor", "m", "0.02", "SLAHMR, section 3.3")
def soles(guess: Guess, stage: Stage) -> torch.Tensor:
    """Student's t: a foot may stand still on a step or rest on the other knee."""
    return (guess.evidence.feet.planted * student_t(_height(guess) ** 2)).sum()


@term("depth of soles under the floor", "m", "0.02", "SLAHMR, section 3.3")
def sunk_soles(guess: Guess, stage: Stage) -> torch.Tensor:
    """Squared: nothing is under the floor; without a depth image it is the floor that gives way."""
    return 0.5 * torch.relu(-_height(guess)).square().sum()


def _height(guess: Guess) -> torch.Tensor:  # (T, 2)
    return (guess.feet_m[..., 2].amin(-1) - guess.unknowns.floor - SOLE_M) / HEIGHT_M


@term("way of a standing foot since 1, 4 and 16 frames", "m", "0.01", "SLAHMR, section 3.3")
def still_feet(guess: Guess, stage: Stage) -> torch.Tensor:
    """Student's t, so that a foot wrongly thought to stand does not hold a body that is seen elsewhere."""
    feet, energy = guess.feet_m, torch.zeros(())
    for lag, standing in guess.evidence.feet.through.items():
        step = ((feet[lag:] - feet[:-lag]) / STEP_M).square().sum(-1)  # (T - lag, 2, 4)
        energy = energy + (standing[..., None] * student_t(step)).sum() / 4
    return energy


@term("of the centre of mass from its mean place over the feet", "m", "0.04", "training scenes")
def balance(guess: Guess, stage: Stage) -> torch.Tensor:
    """While both feet have stood since the first frame: leaning or crouching, people move their hips back for balance.

    Student's t.
    """
    stood = guess.evidence.feet.since_start
    centre = torch.einsum("j,tjc->tc", _MASS, guess.points_m[:, : len(JOINT_NAMES)])[:, :2]
    mean = (stood[:, None] * centre).sum(0) / stood.sum().clamp(min=1e-3)
    return (stood * student_t((centre - mean).square().sum(-1) / BALANCE_M**2)).sum()
