import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.lift.object.grip import HandMotion, palm_clearance_m, palm_gap_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.person.feet.planted import rise_to_floor
from hoi_motion.rigid import moved, standing_at

CAN = Primitive("cylinder", np.array([0.08, 0.08, 0.12]))


def test_a_sunken_body_rises_and_a_jumping_one_does_not_come_down():
    rise_m = rise_to_floor(np.array([-0.04, 0.02, 0.3]))
    np.testing.assert_allclose(rise_m, [0.04, -0.02, 0.0])


@pytest.mark.parametrize(
    "palm_m, distance", [((0.06, 0, 0), 0.02), ((0, 0, 0.09), 0.03), ((0.01, 0, 0), -0.03), ((0.07, 0, 0.10), 0.05)]
)
def test_clearance_of_known_points(palm_m, distance):
    assert palm_clearance_m(np.array(palm_m), CAN) == pytest.approx(distance)


@given(st.tuples(*[st.floats(-0.3, 0.3)] * 3), st.floats(-3, 3))
def test_the_gap_is_that_in_the_objects_frame_wherever_it_stands(palm_m, yaw_rad):
    T = standing_at([0.4, -0.2, 0.9], yaw_rad)
    hand = HandMotion(moved(T, np.array([palm_m])), np.zeros(1, bool))
    assert palm_gap_m(T, hand.palm_m[0], CAN) == pytest.approx(palm_clearance_m(np.array(palm_m), CAN), abs=1e-9)
