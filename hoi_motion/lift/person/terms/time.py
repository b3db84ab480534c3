"""Terms that say how a body moves."""

import torch

from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.terms.term import Stage, term

# usual accelerations and speeds; the distance from the camera changes by this share of itself a second
ACCELERATION_M_S2 = 6.0
ANGULAR_STEP_RAD_S = 6.0
DEPTH_STEP_S = 0.3
# and the speed at which it does changes by this share a second
DEPTH_BEND_S2 = 0.24
# and what the fit may jitter by from frame to frame, however high the frame rate
JITTER_M = 0.004
JITTER_RAD = 0.02
JITTER_SHARE = 0.002
JITTER_BEND = 0.0015


@term("acceleration of the body's points", "m/s2", "6", "SLAHMR, section 3.3")
def acceleration(guess: Guess, stage: Stage) -> torch.Tensor:
    points = guess.points_m
    scale = ACCELERATION_M_S2 / guess.evidence.fps**2 + JITTER_M
    bend = (points[2:] - 2 * points[1:-1] + points[:-2]) / scale
    return bend.square().sum()


@term("speed of joint angles", "rad/s", "6", "SLAHMR, section 3.3")
def turning(guess: Guess, stage: Stage) -> torch.Tensor:
    pose = torch.cat([guess.unknowns.body_rad, guess.unknowns.hands_rad], 1)
    return ((pose[1:] - pose[:-1]) / (ANGULAR_STEP_RAD_S / guess.evidence.fps + JITTER_RAD)).square().sum()


@term("speed along the line of sight", "distances a second", "0.3", "training scenes")
def nearing(guess: Guess, stage: Stage) -> torch.Tensor:
    log_depth = guess.unknowns.log_depth
    return ((log_depth[1:] - log_depth[:-1]) / (DEPTH_STEP_S / guess.evidence.fps + JITTER_SHARE)).square().sum()


@term("change of the speed along the sight, from a measured place on", "distances/s2", "0.24", "training scenes")
def steady(guess: Guess, stage: Stage) -> torch.Tensor:
    """A depth image measures where the person is in the first frame; in the next they are not suddenly where keypoints
    alone would put them."""
    if guess.evidence.skin is None:
        return torch.zeros(())
    log_depth = guess.unknowns.log_depth
    bend = log_depth[2:] - 2 * log_depth[1:-1] + log_depth[:-2]
    return (bend / (DEPTH_BEND_S2 / guess.evidence.fps**2 + JITTER_BEND)).square().sum()
