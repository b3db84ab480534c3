"""Grips that are sampled around a hand: which forces hold, and that what was left behind comes along."""

import numpy as np
import pytest
import trimesh

from hoi_motion.motion import Contact, ObjectMotion
from hoi_motion.physics import CheckConfig, Verdict
from hoi_motion.physics.checks import object_follows
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.hand.carry import carry_objects
from hoi_motion.physics.hand.closing import Hand
from hoi_motion.physics.hand.grips import held_objects, unbalanced

PALM = np.array([True, False, False])
LOAD = np.array([0.0, 0.0, -0.5])


def test_two_fingers_across_from_the_palm_hold_and_beside_it_they_squeeze_out():
    across = np.array([[-1.0, 0, 0], [0.7, 0.7, 0], [0.7, -0.7, 0]])
    beside = np.array([[-1.0, 0, 0], [-0.7, 0.7, 0], [-0.7, -0.7, 0]])
    assert unbalanced(0.04 * across, across, PALM, np.zeros(3), LOAD) < 1e-6
    assert unbalanced(0.04 * beside, beside, PALM, np.zeros(3), LOAD) > 0.1


def test_a_load_beyond_the_friction_limit_is_left_behind():
    across = np.array([[-1.0, 0, 0], [0.7, 0.7, 0], [0.7, -0.7, 0]])
    light, heavy = (unbalanced(0.04 * across, across, PALM, np.zeros(3), k * LOAD) for k in (1, 20))
    assert light < 1e-6 and heavy > 1


@pytest.fixture(scope="module")
def beside_a_can(good_motion, body) -> MotionGeometry:
    """The palm of the good motion's hand lies at an upright can's side, the fingers straight past it."""
    geometry = MotionGeometry(
        good_motion.replace(objects=(), contacts=(), supports=()), CheckConfig(simulate=True), body
    )
    hand = Hand.of(geometry, "right", 0)
    wrist = geometry.T_world_part[:, hand.joints[0]]
    can = trimesh.creation.cylinder(0.035, 0.14, sections=32)
    T = np.eye(4)
    T[:3, :3] = np.stack([hand.fingers_along, hand.palm_normal, np.cross(hand.fingers_along, hand.palm_normal)], axis=1)
    away = (geometry.parts.hulls_m[hand.joints[0]] @ hand.palm_normal).max() + 0.036
    T[:3, 3] = 0.08 * hand.fingers_along + away * hand.palm_normal
    item = ObjectMotion("can", can.vertices, can.faces, wrist @ T)
    contact = Contact("right_hand", "can", 0, good_motion.num_frames)
    return geometry.with_scene(geometry.motion.replace(objects=(item,), contacts=(contact,)))


def test_an_object_touched_from_one_side_is_carried_once_the_hand_closes_around_it(beside_a_can):
    touched, held = carry_objects(beside_a_can)["can"], held_objects(beside_a_can)["can"]
    assert touched.max() > 0.2 and held.off_m.max() < 0.05
    assert 0 < held.palm_moved_m <= CheckConfig().repair_joint_m
    found = object_follows(beside_a_can, None)
    assert found.verdict is Verdict.PASS and "a hand that closes around it" in found.reason


def test_a_hand_that_only_points_at_it_is_moved_within_the_limits_of_a_repair(good_motion, body):
    """Its finger tips touch the box, its palm is a hand's length away."""
    found = held_objects(MotionGeometry(good_motion, CheckConfig(simulate=True), body))["box"]
    assert 0.08 < found.palm_moved_m <= CheckConfig().repair_joint_m and found.off_m.max() < 0.05
