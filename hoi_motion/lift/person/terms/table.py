"""The weights of all terms of the fit, stage by stage."""

from dataclasses import dataclass

import torch

from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.terms import floor, picture, posture, time
from hoi_motion.lift.person.terms.term import Stage, Term

STAGES = (
    Stage("orient", rate=0.05, robust=0.5),
    Stage("body", rate=0.03, robust=0.2),
    Stage("hands and feet", rate=0.015, robust=0.1),
)


@dataclass(frozen=True)
class Row:
    """A term, its weight, and the share of it in each of STAGES; `option`: an option of the lift that multiplies it."""

    term: Term
    whole: float
    shares: tuple[float, float, float]
    option: str = ""

    def energy(self, guess: Guess, stage: Stage, config: LiftConfig) -> torch.Tensor | float:
        share = self.shares[STAGES.index(stage)] * (getattr(config, self.option) if self.option else 1.0)
        return share * (self.whole * self.term(guess, stage)) if share else 0.0


# fmt: off
TERMS = (
    #                            weight    orient  body  hands and feet
    Row(picture.keypoints,       4.0,      (1.0,   1.0,  1.0)),
    Row(picture.hand_keypoints,  0.5,      (0.0,   0.3,  1.0)),
    Row(picture.beyond_edges,    1.2,      (1.0,   1.0,  1.0)),
    Row(picture.lifted_points,   5.0,      (1.0,   1.0,  1.0)),
    Row(posture.usual_pose,      1.0,      (1.0,   1.0,  1.0)),
    Row(posture.joint_limits,    1.0,      (1.0,   1.0,  1.0)),
    Row(posture.usual_hands,     0.2,      (1.0,   1.0,  1.0)),
    Row(posture.usual_shape,     1.0,      (1.0,   1.0,  1.0)),
    Row(posture.upright_trunk,   2.0,      (1.0,   1.0,  1.0)),
    Row(posture.expected_pitch,  1.0,      (1.0,   1.0,  1.0)),
    Row(time.acceleration,       0.15,     (0.3,   1.0,  1.0), option="smoothness"),
    Row(time.turning,            0.3,      (0.3,   1.0,  1.0), option="smoothness"),
    Row(time.nearing,            0.5,      (0.3,   1.0,  1.0), option="smoothness"),
    Row(time.steady,             2.0,      (0.0,   1.0,  1.0), option="smoothness"),
    Row(picture.drawn_beside,    1.0,      (1.0,   1.0,  1.0)),
    Row(picture.measured_skin,   1.25e6,   (0.0,   1.0,  1.0)),
    Row(floor.soles,             2.5,      (0.0,   0.3,  1.0)),
    Row(floor.sunk_soles,        1.0,      (0.0,   0.3,  1.0)),
    Row(floor.still_feet,        2.5,      (0.0,   0.3,  1.0)),
    Row(floor.balance,           60.0,     (0.0,   0.3,  1.0)),
)
# fmt: on
