"""Inverse kinematics from wherever it takes."""

import numpy as np
import pytest

POSES = 40


def poses(arm) -> np.ndarray:  # (POSES, 4, 4)
    """That postures of the arm have, anywhere within its limits."""
    rng = np.random.default_rng(0)
    return np.array([arm.forward(rng.uniform(arm.lower_rad, arm.upper_rad)) for _ in range(POSES)])


@pytest.mark.parametrize("name", ["panda", "small_arm"])
def test_a_pose_that_a_posture_has_is_found_where_the_way_from_home_ends_at_a_limit(name, request):
    arm, missed, found = request.getfixturevalue(name), 0, 0
    for T in poses(arm):
        missed += arm.solve(arm.home_rad, T, 40) is None
        q = arm.posture(T, 40)
        if q is not None:
            found += 1
            assert (q >= arm.lower_rad).all() and (q <= arm.upper_rad).all()
            assert np.linalg.norm(arm.forward(q)[:3, 3] - T[:3, 3]) <= 1e-3
    assert missed >= 3 and found >= POSES - 1


def test_what_is_found_from_home_stays_as_it_was(panda):
    """So that plans change only where there was none."""
    T = panda.forward(panda.home_rad)
    T[:3, 3] += [0.05, 0.1, -0.1]
    np.testing.assert_array_equal(panda.posture(T, 40), panda.solve(panda.home_rad, T, 40))


def test_the_same_pose_gets_the_same_posture_whatever_was_solved_before(panda):
    wanted = [T for T in poses(panda) if panda.solve(panda.home_rad, T, 40) is None]
    first = [panda.posture(T, 40) for T in wanted]
    again = [panda.posture(T, 40) for T in reversed(wanted)][::-1]
    assert wanted
    for one, other in zip(first, again):
        np.testing.assert_array_equal(one, other)


def test_a_place_that_was_looked_for_changes_no_pose_that_is_solved_after_it(panda):
    T = panda.forward(panda.home_rad)
    T[:3, 3] += [0.05, 0.1, -0.1]
    before = panda.solve(panda.home_rad, T, 40)
    panda.nearest(panda.home_rad, T, 40)
    np.testing.assert_array_equal(panda.solve(panda.home_rad, T, 40), before)


def test_what_no_posture_reaches_is_found_from_none(panda):
    T = panda.forward(panda.home_rad)
    T[:3, 3] = 0.0, 0.0, 1.6
    assert panda.posture(T, 40) is None and panda.nearest_posture(T, 40) is None
