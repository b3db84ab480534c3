"""Terms that compare the body with what is seen or measured of it."""

import torch

from hoi_motion.body import JOINT_NAMES
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.evidence import SeenPoints
from hoi_motion.lift.person.guess import Guess
from hoi_motion.lift.person.lifter import HIPS
from hoi_motion.lift.person.terms.term import Stage, geman_mcclure, student_t, term

# a lean that the lifter got wrong puts the legs 7 cm off
SKIN_ROBUST_M = 0.12
# how far from its usual place a keypoint is drawn throughout a clip
BESIDE_M = 0.01
# of the person's height: how far inside the edge what is drawn outside of it may be
BEYOND_SPREAD = 0.02


@term("from the drawn keypoint", "share of the person's height", "model_points.BODY_SPREAD", "SMPLify-X, section 3.2")
def keypoints(guess: Guess, stage: Stage) -> torch.Tensor:
    return _reprojection(guess.drawn_px, guess.evidence.body, guess.evidence.height_px, stage.robust)


@term("from the drawn keypoint", "share of the person's height", "0.012", "SMPLify-X, section 3.2")
def hand_keypoints(guess: Guess, stage: Stage) -> torch.Tensor:
    return sum(
        _reprojection(
            guess.project(torch.einsum("kj,tjc->tkc", hand.matrix, guess.points_m)),
            hand,
            guess.evidence.height_px,
            stage.robust,
        )
        for hand in guess.evidence.hands
    )


@term("of where this clip's keypoints are drawn from where they usually are", "m", "0.01", "training scenes")
def drawn_beside(guess: Guess, stage: Stage) -> torch.Tensor:
    """Once for the clip, not for each frame: a detector errs alike about one person in one dress.

    Only beside a depth image. Without one lifts of rendered scenes gain as well, but on real clips the body then leaves
    the keypoints for what the lifter makes of them.
    """
    return 0.5 * (guess.unknowns.drawn_m / BESIDE_M).square().sum()


def _reprojection(xy_px: torch.Tensor, seen: SeenPoints, height_px: float, robust: float) -> torch.Tensor:
    square = ((xy_px - seen.px) / height_px).square().sum(-1)
    return (seen.weight * geman_mcclure(square, robust) / (2 * seen.spread**2)).sum()


@term("of arms drawn beyond an edge, into the picture", "share of the person's height", "0.02", "our own")
def beyond_edges(guess: Guess, stage: Stage) -> torch.Tensor:
    """A hand that has left the picture is not in it, wherever else it may be."""
    beyond = guess.evidence.beyond
    if beyond is None:
        return torch.zeros(())
    inside = beyond.inside_px(guess.drawn_px) / guess.evidence.height_px
    return geman_mcclure(inside.square(), stage.robust).sum() / (2 * BEYOND_SPREAD**2)


@term("from the lifter's point, both from the hips", "m", "the lifter's spread", "trained, training/networks/lifter.py")
def lifted_points(guess: Guess, stage: Stage) -> torch.Tensor:
    """Student's t. With a depth image the person's size is measured and the lifter's points may scale as a whole."""
    lifted, seen = guess.evidence.lifted, guess.keypoints_m
    hips = seen[:, HIPS].mean(1, keepdim=True)
    in_camera = (seen - hips) @ R_level_camera(guess.unknowns.pitch)
    miss = (in_camera - guess.unknowns.lifted_growth.exp() * lifted.points_m) @ lifted.axes.T / lifted.spread_m
    return student_t(miss.square()).sum()


@term(
    "from the depth image, along the optical axis", "m", "0.02 for each of 1000 points", "measured on training scenes"
)
def measured_skin(guess: Guess, stage: Stage) -> torch.Tensor:
    """Geman-McClure of the first frame's skin; a body of which nothing is seen there is as bad as any."""
    evidence = guess.evidence
    if evidence.surface is None:
        return torch.zeros(())
    if evidence.skin is None:
        return torch.tensor(SKIN_ROBUST_M**2)
    nowhere = guess.unknowns.turn.new_zeros(1, 3)
    points = evidence.skin.skeleton.keypoints(guess.pose_rad()[:1], nowhere, guess.unknowns.betas[None])[0]
    miss = guess.first_in_camera(points[len(JOINT_NAMES) :] - points[0])[:, 2] - evidence.skin.depth_m
    return geman_mcclure(miss.square(), SKIN_ROBUST_M).mean()
