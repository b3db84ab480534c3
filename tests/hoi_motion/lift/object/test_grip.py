import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.lift.object.grip import GRIP_M, LASTS_S, HandMotion, carried_m, palm_clearance_m, palm_gap_m
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


EYE_M = np.array([0.0, -2.0, 0.9])
FPS = 8.0


def test_what_is_held_comes_along_to_the_side_to_which_the_arm_turns():
    palm_m = np.tile([0.0, 0.5, 0.9], (11, 1))
    hand = HandMotion(palm_m, np.zeros(11, bool), np.linspace(0, np.pi, 11))
    there_m = carried_m(hand, standing_at([0.07, 0.5, 0.9], 0.0), CAN, 0, np.arange(1, 11), FPS, EYE_M)
    np.testing.assert_allclose(there_m[4], [0.0, 0.57, 0.9], atol=1e-9)
    np.testing.assert_allclose(there_m[9], [-0.07, 0.5, 0.9], atol=1e-9)


def test_a_hand_that_takes_from_too_far_away_has_it_within_its_grip_a_while_later():
    T, frames = standing_at([0.0, 0.5, 0.9], 0.0), np.arange(1, 20)
    hand = HandMotion(np.tile([0.07, 0.7, 0.9], (20, 1)), np.zeros(20, bool))
    there_m = carried_m(hand, T, CAN, 0, frames, FPS, EYE_M)
    assert np.linalg.norm(there_m[0] - T[:3, 3]) < 0.03  # it starts from where it rests
    gaps_m = [palm_gap_m(standing_at(place, 0.0), hand.palm_m[0], CAN) for place in there_m]
    late = frames >= LASTS_S * FPS
    assert gaps_m[0] > 0.1 and np.array(gaps_m)[late].max() <= GRIP_M[1] + 0.01


def test_a_hand_that_takes_it_as_hands_do_keeps_it_where_it_is_in_the_hand():
    hand = HandMotion(np.linspace([0.07, 0.5, 0.9], [0.4, 0.2, 1.2], 20), np.zeros(20, bool))
    there_m = carried_m(hand, standing_at([0.0, 0.5, 0.9], 0.0), CAN, 0, np.arange(1, 20), FPS, EYE_M)
    np.testing.assert_allclose(there_m, hand.palm_m[1:] - [0.07, 0, 0], atol=1e-9)
