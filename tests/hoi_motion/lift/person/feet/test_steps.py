"""Feet that nobody sees: when each swings, and where it stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.lift.person.feet.steps import SWING_S, glides, stepped, swings_of

AHEAD = np.zeros(1000)


def _gliding(way_m: float, seconds: float, fps: float, rest_s: float = 0.5) -> np.ndarray:  # (T, 2, 3)
    """Both feet, 20 cm apart, glide along y after a rest and before another."""
    rest, T = round(rest_s * fps), round(seconds * fps)
    y = np.r_[np.zeros(rest), np.linspace(0, way_m, T + 1), np.full(rest, way_m)]
    feet = np.zeros((len(y), 2, 3))
    feet[:, :, 1], feet[:, 0, 0], feet[..., 2] = y[:, None], 0.2, 0.08
    return feet


def _steps(feet, fps, yaw=AHEAD):
    ((start, end),) = glides(feet, np.ones(feet.shape[:2], bool), fps)
    swings = swings_of(feet, yaw[: len(feet)], start, end, fps)
    return swings, np.stack([stepped(feet[:, s], swings, s, start, end) for s in (0, 1)], 1), start, end


def test_feet_that_stand_or_creep_take_no_steps():
    feet = _gliding(0.3, 3.0, 10)
    assert glides(feet, np.ones(feet.shape[:2], bool), 10) == []


def test_a_foot_that_is_seen_glides_as_it_is_seen():
    feet = _gliding(1.5, 1.5, 10)
    assert glides(feet, np.zeros(feet.shape[:2], bool), 10) == []


@settings(deadline=None, max_examples=50)
@given(way=st.floats(0.4, 4.0), speed=st.floats(0.4, 1.8), fps=st.sampled_from([8.0, 12.0, 24.0, 30.0]))
def test_one_foot_at_a_time_swings_and_the_other_stands_still(way, speed, fps):
    feet = _gliding(way, way / speed, fps)
    swings, planned, start, end = _steps(feet, fps)
    for before, after in zip(swings, swings[1:]):
        assert before.end <= after.start and before.side != after.side
    for side in (0, 1):
        moving = np.linalg.norm(np.diff(planned[:, side, :2], axis=0), axis=1) > 1e-9
        own = [s for s in swings if s.side == side]
        inside = [any(s.start < t + 1 and s.end > t for s in own) for t in range(start, end)]
        assert not (moving & ~np.array(inside)).any()
    assert planned[0] == pytest.approx(feet[start]) and planned[-1] == pytest.approx(feet[end])


@pytest.mark.parametrize("way_m, seconds, steps", [(0.3, 0.8, 2), (1.3, 1.0, 3), (2.8, 2.0, 5)])
def test_as_many_steps_as_the_speed_asks_for(way_m, seconds, steps):
    swings, *_ = _steps(_gliding(way_m, seconds, 24), 24)
    assert len(swings) == steps  # the last one closes up


def test_who_turns_on_the_spot_steps_round():
    feet = _gliding(0.5, 2.0, 24)
    turning = np.interp(np.arange(1000), [12, 60], [0, np.pi])
    assert len(_steps(feet, 24, turning)[0]) > len(_steps(feet, 24)[0])


def test_a_leap_of_one_frame_becomes_a_step_of_each_foot():
    feet = _gliding(0.1, 0.125, 8, rest_s=2)
    swings, _, start, end = _steps(feet, 8)
    assert [s.side for s in swings] in ([0, 1], [1, 0]) and (end - start) / 8 >= 2 * SWING_S


def test_the_foot_goes_first_that_the_fit_has_ahead():
    feet = _gliding(1.2, 1.2, 12)
    for first in (0, 1):
        ahead = feet.copy()
        ahead[7:13, first, 1] += 0.2
        assert _steps(ahead, 12)[0][0].side == first


def test_a_swinging_foot_rises_and_comes_down():
    _, planned, *_ = _steps(_gliding(1.2, 1.2, 24), 24)
    assert planned[..., 2].min() == pytest.approx(0.08) and 0.12 < planned[..., 2].max() < 0.19
