import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.lift.object.grip import GRIP_M, into_grip, palm_clearance
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.person.planted_feet import rise_to_floor

CAN = Primitive("cylinder", np.array([0.08, 0.08, 0.12]))


def test_a_sunken_body_rises_and_a_jumping_one_does_not_come_down():
    rise_m = rise_to_floor(np.array([-0.04, 0.02, 0.3]))
    np.testing.assert_allclose(rise_m, [0.04, -0.02, 0.0])


@pytest.mark.parametrize(
    "palm_m, distance", [((0.06, 0, 0), 0.02), ((0, 0, 0.09), 0.03), ((0.01, 0, 0), -0.03), ((0.07, 0, 0.10), 0.05)]
)
def test_clearance_of_known_points(palm_m, distance):
    assert palm_clearance(np.array(palm_m), CAN)[0] == pytest.approx(distance)


@given(st.tuples(*[st.floats(-0.3, 0.3)] * 3))
def test_after_the_move_the_palm_grips_and_is_not_inside(palm_m):
    T = np.eye(4)
    T[:3, 3] += into_grip(T, np.array(palm_m), CAN)
    distance, _ = palm_clearance(np.array(palm_m) - T[:3, 3], CAN)
    assert GRIP_M[0] - 1e-6 <= distance <= GRIP_M[1] + 1e-6
