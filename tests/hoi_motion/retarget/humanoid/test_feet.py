"""Planted feet: when they are, and that they then stay."""

import numpy as np
import pytest

from hoi_motion.retarget.humanoid.feet import FADE_S, above_floor, intervals, nearness, planted_frames, planted_track


def test_a_foot_is_planted_while_it_is_low_and_slow():
    heel = np.zeros((30, 1, 3))
    heel[10:15, 0, 2] = 0.1  # in the air
    heel[20:, 0, 0] = np.arange(10) * 0.05  # pushed along the floor
    planted = planted_frames(heel, np.array([0.02]), 30.0)
    assert planted[:10].all() and not planted[10:15].any() and planted[15:20].all() and not planted[22:].any()


def test_a_runner_stands_for_a_moment_on_each_step():
    """The foot comes down at 6 m/s, rests for three frames at 0.3 m/s, and goes up again."""
    speed = np.r_[np.linspace(6, 0.3, 8), [0.3] * 3, np.linspace(0.3, 6, 8)]
    sole = np.zeros((2 * len(speed) + 1, 1, 3))
    sole[1:, 0, 0] = np.cumsum(np.tile(speed, 2)) / 30
    sole[:, 0, 2] = np.r_[0, np.tile(np.clip((speed - 0.3) / 10, 0, 0.4), 2)] + 0.06
    planted = planted_frames(sole, np.zeros(1), 30.0)
    assert [last - first + 1 for first, last in intervals(planted)] == pytest.approx([4, 4], abs=1)


def test_the_top_of_a_jump_is_no_stand():
    at = np.linspace(-0.3, 0.3, 19)
    sole = np.zeros((19, 1, 3))
    sole[:, 0, 2] = 0.45 - 4.9 * at**2  # 45 cm high, still for a moment
    assert not planted_frames(sole, np.zeros(1), 30.0)[6:13].any()


def test_intervals_of_true():
    assert intervals(np.array([1, 1, 0, 0, 1], bool)) == [(0, 1), (4, 4)]


def test_a_planted_track_stands_still_and_moves_on_without_a_jump():
    rng = np.random.default_rng(0)
    position = np.cumsum(rng.normal(0, 0.004, (40, 3)), axis=0) + [0, 0, 0.1]
    planted = np.zeros(40, bool)
    planted[:12] = planted[25:] = True
    track, turned = planted_track(position, np.tile(np.eye(3), (40, 1, 1)), planted, np.eye(3), 0.05, 30.0)
    assert np.ptp(track[:12], axis=0) == pytest.approx(0, abs=1e-9) and track[30, 2] == pytest.approx(0.05)
    assert np.abs(np.diff(track - position, axis=0)[12:25]).max() < 0.03
    assert turned[3] == pytest.approx(np.eye(3))


def test_a_stand_changes_nothing_far_from_it():
    rng = np.random.default_rng(1)
    position, turn = np.cumsum(rng.normal(0, 0.01, (90, 3)), axis=0), np.tile(np.eye(3), (90, 1, 1))
    planted = np.zeros(90, bool)
    planted[:20] = planted[70:] = True
    whole = planted_track(position, turn, planted, np.eye(3), 0.05, 30.0)[0]
    later = planted_track(position[5:], turn[5:], planted[5:], np.eye(3), 0.05, 30.0)[0]
    far = slice(20 + round(FADE_S * 30), 70)
    assert later[far.start - 5 :][:20] == pytest.approx(whole[far][:20], abs=1e-12)
    assert np.abs(whole[5:20] - later[:15]).max() > 1e-4  # the stand itself has another middle now
    assert whole[far.start] == pytest.approx(position[far.start], abs=1e-12)


def test_a_foot_counts_as_standing_for_a_moment_more():
    planted = np.zeros(30, bool)
    planted[10:15] = True
    near = nearness(planted, 30.0)
    assert (near[10:15] == 1).all() and (np.diff(near[14:20]) <= 0).all() and near[20] == near[4] == 0


def test_a_sole_under_the_floor_is_raised_to_it():
    position = np.array([[0, 0, 0.02], [0, 0, 0.3]])
    position = above_floor(position, np.tile(np.eye(3), (2, 1, 1)), np.array([[0, 0, -0.05]]))
    assert position[:, 2] == pytest.approx([0.05, 0.3])
