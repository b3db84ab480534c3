"""Terms that say what bodies, people and cameras are like."""

import numpy as np
import torch

from hoi_motion.body.joints import index_of
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.priors import PosePrior
from hoi_motion.lift.person.terms.term import Stage, student_t, term

# people stand upright within this; the further the lifter sees them lean, the less they are held upright
LEAN_DEG = 6.0
# a part of the weight of the expected pitch; the rest is in table.py
PITCH = 0.1
PELVIS, NECK = index_of("pelvis"), index_of("neck")
_PRIOR = PosePrior()


@term("of joint angles from their usual ones", "degrees", "priors._NORMAL", "SMPLify-X, section 3.3; angles our own")
def usual_pose(guess: Guess, stage: Stage) -> torch.Tensor:
    return _PRIOR.body(guess.unknowns.body_rad).sum()


@term("over the joint limits", "degrees", "3", "SMPLify-X, section 3.2; angles our own")
def joint_limits(guess: Guess, stage: Stage) -> torch.Tensor:
    return _PRIOR.limits(guess.unknowns.body_rad).sum()


@term("of finger angles from loosely curled ones", "degrees", "22", "SMPLify-X, section 3.2")
def usual_hands(guess: Guess, stage: Stage) -> torch.Tensor:
    return _PRIOR.hands(guess.unknowns.hands_rad).sum()


@term("betas from the mean body's, or the measured one's", "standard deviations", "1", "SMPLify-X, section 3.2")
def usual_shape(guess: Guess, stage: Stage) -> torch.Tensor:
    return len(guess) * 0.5 * (guess.unknowns.betas - guess.evidence.betas).square().sum()


@term("lean of the trunk", "degrees", "6, and the lifter's lean", "training scenes and recorded motion")
def upright_trunk(guess: Guess, stage: Stage) -> torch.Tensor:
    """Student's t. A person who stands tells which way is up better than the lifter does."""
    trunk = torch.nn.functional.normalize(guess.points_m[:, NECK] - guess.points_m[:, PELVIS], dim=-1)
    usual = np.deg2rad(LEAN_DEG) ** 2 + guess.evidence.lifted.lean_rad**2
    return student_t((2 - 2 * trunk[:, 2]) / usual).sum()


@term("the camera's pitch from the expected one", "degrees", "4, by straight lines less", "training scenes")
def expected_pitch(guess: Guess, stage: Stage) -> torch.Tensor:
    miss = (guess.unknowns.pitch - guess.start.pitch_rad) / guess.evidence.pitch_spread_rad
    return len(guess) * PITCH * miss**2
