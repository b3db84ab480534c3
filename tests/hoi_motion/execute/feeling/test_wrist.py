"""A noisy wrist: what it feels, how soon, and that it feels nothing where nothing is."""

import numpy as np
import pytest

from hoi_motion.execute.feeling.wrist import BUMP_N, QUIET_READINGS, ForceChange, WristSensor

LOOKS = 900  # of a long sweep


def felt_at(forces_n: np.ndarray, noise_n: float, skip: int = 0) -> int | None:  # (N, 3)
    """The number of the reading at which a change is heard; skip: readings of the sensor before the first."""
    sensor, change = WristSensor(noise_n), ForceChange()
    for _ in range(skip):
        sensor.reading_n(np.zeros(3))
    return next((i for i, force in enumerate(forces_n) if change.is_felt(sensor.reading_n(force))), None)


@pytest.mark.parametrize("noise_n", [0.0, 0.5, 1.0])
def test_nothing_is_felt_where_nothing_is_whatever_noise_and_weight(noise_n):
    weight_n = np.array([0.3, -2.0, 9.0])
    for start in range(4):
        assert felt_at(np.tile(weight_n, (LOOKS, 1)), noise_n, start * LOOKS) is None


@pytest.mark.parametrize("push_n, within", [(0.5, 45), (1.0, 12), (5.0, 2)])
@pytest.mark.parametrize("axis", [[1, 0, 0], [0, -1, 0], [0, 0.6, -0.8]])
def test_a_push_is_felt_the_sooner_the_stronger_in_any_direction(push_n, within, axis):
    forces = np.zeros((400, 3))
    forces[200:] = push_n * np.array(axis)
    heard = felt_at(forces, 0.5)
    assert heard is not None and 200 <= heard < 200 + within


def test_a_hand_that_slowly_turns_feels_nothing():
    forces = np.zeros((LOOKS, 3))
    forces[:, 2] = np.linspace(0, 0.2, LOOKS)
    assert felt_at(forces, 0.5) is None


def test_what_is_hit_before_the_noise_is_known_is_felt_at_once():
    forces = np.zeros((QUIET_READINGS, 3))
    forces[5:, 0] = 2 * BUMP_N
    assert felt_at(forces, 0.5) == 5


def test_a_sensor_says_the_same_every_time():
    first, second = (WristSensor().reading_n(np.ones(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
