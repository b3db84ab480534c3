"""Terms that say how a body moves."""

import torch

from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.terms.term import Stage, term

ACCELERATION_M_S2 = 6.0
ANGULAR_STEP_RAD_S = 6.0
# relative, of the distance from the camera
DEPTH_STEP_S = 0.3


@term("acceleration of the body's points", "m/s2", "6", "SLAHMR, section 3.3")
def acceleration(guess: Guess, stage: Stage) -> torch.Tensor:
    points = guess.points_m
    scale = ACCELERATION_M_S2 / guess.evidence.fps**2 + 0.004
    bend = (points[2:] - 2 * points[1:-1] + points[:-2]) / scale
    return bend.square().sum()


@term("speed of joint angles", "rad/s", "6", "SLAHMR, section 3.3")
def turning(guess: Guess, stage: Stage) -> torch.Tensor:
    pose = torch.cat([guess.unknowns.body_rad, guess.unknowns.hands_rad], 1)
    return ((pose[1:] - pose[:-1]) / (ANGULAR_STEP_RAD_S / guess.evidence.fps + 0.02)).square().sum()


@term("speed along the line of sight", "distances a second", "0.3", "training scenes")
def nearing(guess: Guess, stage: Stage) -> torch.Tensor:
    log_depth = guess.unknowns.log_depth
    return ((log_depth[1:] - log_depth[:-1]) / (DEPTH_STEP_S / guess.evidence.fps + 0.002)).square().sum()
