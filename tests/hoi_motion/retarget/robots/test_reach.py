"""A bound on an arm's reach: never below what joints do reach, and not far above."""

import numpy as np
import pytest

from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config

POSTURES = 3000


@pytest.fixture(scope="module", params=["panda", "iiwa", "xarm6"])
def arm(request) -> Arm:
    return Arm(load_robot_config(request.param))


def poses(arm: Arm) -> np.ndarray:  # (N, 4, 4)
    rng = np.random.default_rng(0)
    joints = rng.uniform(arm.lower_rad, arm.upper_rad, (POSTURES, len(arm.lower_rad)))
    stretched = joints * rng.choice([0.0, 1.0], joints.shape)  # of joints at 0, many arms are straight
    return np.stack([arm.forward(q) for q in np.clip([*joints, *stretched], arm.lower_rad, arm.upper_rad)])


def test_no_posture_is_beyond_reach(arm):
    assert (arm.beyond_m(poses(arm)) <= 0).all()


def test_the_bound_is_near_to_what_an_arm_reaches(arm):
    """Else it would tell nothing."""
    assert arm.beyond_m(poses(arm)).max() > -0.25


def test_what_is_beyond_reach_is_not_solved(arm):
    reached = poses(arm)[::300]
    for T in reached:
        away = T[:3, 3] / np.linalg.norm(T[:3, 3])
        T[:3, 3] += away * (0.01 - arm.beyond_m(T[None])[0])
    beyond = arm.beyond_m(reached)
    assert (beyond > 0).any()
    assert all(arm.solve(arm.home_rad, T, 40) is None for T in reached[beyond > 0])
