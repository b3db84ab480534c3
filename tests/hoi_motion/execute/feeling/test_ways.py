"""Pieces of a sweep: on from where the arm is, and back the way it came."""

import numpy as np
import pytest

from hoi_motion.execute.feeling.ways import along, back_to_start, between, on_from
from hoi_motion.retarget.arm.unsure import unsure_arm


@pytest.fixture(scope="module")
def sweep(unsure, panda, body):
    return unsure_arm(unsure, panda, body).feeling


@pytest.fixture(scope="module")
def middle_s(sweep):
    return (sweep.facts["sweep_s"] + (len(sweep.positions_rad) - 1) / sweep.fps) / 2


@pytest.fixture(scope="module")
def q(sweep, middle_s):
    """A little off where the sweep is then, as a pushed arm is."""
    return sweep.spline()(middle_s)[:7] + 0.004


def test_the_rest_of_a_sweep_starts_where_the_arm_is_and_ends_as_the_sweep(sweep, middle_s, q):
    rest = on_from(sweep, middle_s, q)
    np.testing.assert_allclose(rest.positions_rad[0, :7], q, atol=1e-12)
    np.testing.assert_allclose(rest.positions_rad[-1], sweep.positions_rad[-1], atol=1e-6)


def test_the_rest_of_a_sweep_is_no_faster_than_the_arm_may_be(sweep, middle_s, q, panda):
    speed, rise = on_from(sweep, middle_s, q).peaks()
    assert (speed[:7] <= panda.velocity_rad_s).all() and (rise[:7] <= panda.acceleration_rad_s2).all()


def test_the_way_back_leads_to_the_start_and_keeps_the_fingers_as_told(sweep, middle_s, q):
    back = back_to_start(sweep, middle_s, q, sweep.gripper[0])
    np.testing.assert_allclose(back.positions_rad[0, :7], q, atol=1e-9)
    np.testing.assert_allclose(back.positions_rad[-1], sweep.positions_rad[0], atol=1e-9)
    assert back.gripper == sweep.gripper[:1]


def test_a_way_between_two_postures_keeps_the_arms_limits(sweep, q, panda):
    way = between(sweep, q, q + np.linspace(-0.8, 0.6, 7), panda)
    speed, rise = way.peaks()
    assert (speed[:7] <= panda.velocity_rad_s).all() and (rise[:7] <= panda.acceleration_rad_s2).all()


def test_going_back_is_told_with_the_sweeps_time_there(sweep, middle_s, q, panda):
    back = along(sweep, middle_s, q, -0.1)
    tip = [panda.forward(back.positions_rad[i, :7])[:3, 3] for i in (0, -1)]
    assert np.linalg.norm(tip[1] - tip[0]) == pytest.approx(0.1, abs=0.01)
    np.testing.assert_allclose(back.positions_rad[-1], sweep.spline()(back.facts["ends_s"]), atol=1e-9)
