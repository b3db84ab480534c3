"""The one table of what every term of the fit weighs in every stage."""

from dataclasses import dataclass

from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.terms import floor, picture, posture, time
from hoi_motion.lift.person.terms.term import Stage, Term

STAGES = (
    Stage("orient", rate=0.05, robust=0.5),
    Stage("body", rate=0.03, robust=0.2),
    Stage("hands and feet", rate=0.015, robust=0.1),
)


@dataclass(frozen=True)
class Row:
    """A term and what it weighs in each of STAGES; `option`: times this option of the lift's."""

    term: Term
    weights: tuple[float, float, float]
    option: str = ""

    def weight(self, stage: Stage, config: LiftConfig) -> float:
        weight = self.weights[STAGES.index(stage)]
        return weight * getattr(config, self.option) if self.option else weight


# fmt: off
TERMS = (
    #                            orient  body    hands and feet
    Row(picture.keypoints,       (1.0,   1.0,    1.0)),
    Row(picture.hand_keypoints,  (0.0,   0.15,   0.5)),
    Row(picture.lifted_points,   (2.0,   2.0,    2.0)),
    Row(posture.usual_pose,      (1.0,   1.0,    1.0)),
    Row(posture.joint_limits,    (1.0,   1.0,    1.0)),
    Row(posture.usual_hands,     (0.2,   0.2,    0.2)),
    Row(posture.usual_shape,     (1.0,   1.0,    1.0)),
    Row(posture.upright_trunk,   (2.0,   2.0,    2.0)),
    Row(posture.lifted_pitch,    (0.1,   0.1,    0.1)),
    Row(time.acceleration,       (0.045, 0.15,   0.15), option="smoothness"),
    Row(time.turning,            (0.09,  0.3,    0.3), option="smoothness"),
    Row(time.nearing,            (0.15,  0.5,    0.5), option="smoothness"),
    Row(picture.measured_skin,   (0.0,   1000.0, 1000.0)),
    Row(floor.soles,             (0.0,   0.3,    1.0)),
    Row(floor.still_feet,        (0.0,   0.3,    1.0)),
    Row(floor.balance,           (0.0,   7.2,    24.0)),
)
# fmt: on
