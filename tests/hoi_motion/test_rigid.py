"""Rigid transforms: inverses, compositions and slow references."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from hoi_motion.rigid import R_about_z, minimum_jerk, moved, moved_back, moved_each, standing_at

angles = st.floats(-10, 10)
points = arrays(float, (5, 3), elements=st.floats(-10, 10))
places = arrays(float, 3, elements=st.floats(-10, 10))


@given(angles)
def test_a_turn_about_z_is_scipys(yaw_rad):
    assert np.allclose(R_about_z(yaw_rad), Rotation.from_euler("z", yaw_rad).as_matrix())


@given(points, places, angles)
def test_back_is_the_inverse_of_there(points_m, place_m, yaw_rad):
    T = standing_at(place_m, yaw_rad)
    assert np.allclose(moved_back(T, moved(T, points_m)), points_m)
    assert np.allclose(moved_back(T, points_m), moved(np.linalg.inv(T), points_m))


@given(points, places, angles)
def test_each_is_one_after_the_other(points_m, place_m, yaw_rad):
    T = np.stack([standing_at(place_m, yaw_rad), standing_at(-place_m, 2 * yaw_rad)])
    assert np.allclose(moved_each(T, points_m), [moved(one, points_m) for one in T])


@given(arrays(float, 20, elements=st.floats(-2, 3)))
def test_minimum_jerk_rises_from_0_to_1_and_stays_there(x):
    x = np.sort(x)
    share = minimum_jerk(x)
    assert (np.diff(share) >= -1e-12).all() and (share >= 0).all() and (share <= 1).all()
    assert (share[x <= 0] == 0).all() and np.allclose(share[x >= 1], 1)


def test_minimum_jerk_starts_and_ends_without_speed_and_acceleration():
    h = 1e-4
    for end in (0.0, 1.0):
        at = minimum_jerk(end + h * np.array([-1, 0, 1]))
        assert abs(at[2] - at[0]) / (2 * h) < 1e-6 and abs(at[2] - 2 * at[1] + at[0]) / h**2 < 0.1
