"""Poses without data."""

import numpy as np
import torch

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.lift.person import priors

SWAPPED = [
    JOINT_NAMES.index(_other) - 1
    for _other in (n.replace("left", "R").replace("right", "left").replace("R", "right") for n in JOINT_NAMES[1:22])
]


def test_rest_costs_nothing_and_lies_within_the_limits():
    prior = priors.PosePrior()
    rest = torch.tensor(priors.REST_POSE_RAD)[None]
    assert float(prior.body(rest)) == 0 and float(prior.limits(rest)) == 0


def test_mirrored_poses_cost_the_same():
    prior = priors.PosePrior()
    pose = torch.tensor(np.random.default_rng(0).normal(0, 0.6, (8, 21, 3)), dtype=torch.float32)
    mirrored = pose[:, SWAPPED] * torch.tensor([1.0, -1.0, -1.0])
    torch.testing.assert_close(prior.body(pose), prior.body(mirrored))
    torch.testing.assert_close(prior.limits(pose), prior.limits(mirrored))


def test_a_knee_bent_the_wrong_way_is_over_its_limit():
    prior = priors.PosePrior()
    pose = torch.tensor(priors.REST_POSE_RAD)[None].clone()
    knee = JOINT_NAMES.index("left_knee") - 1
    pose[0, knee, 0] = 1.2
    assert float(prior.limits(pose)) == 0
    pose[0, knee, 0] = -0.6
    assert float(prior.limits(pose)) > 50
