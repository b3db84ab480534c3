"""Fingers that close around things: they touch, they are not in it, and they come from both sides."""

import numpy as np
import pytest
import trimesh

from hoi_motion.physics import CheckConfig
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.hand.closing import OPENED_RAD, Hand, Planes, close_around, gaps, palm_on
from hoi_motion.physics.surface import ObjectSurface


@pytest.fixture(scope="module", params=["left", "right"])
def hand(request, good_motion, body) -> Hand:
    return Hand.of(MotionGeometry(good_motion, CheckConfig(), body), request.param, 0)


def can(radius_m: float = 0.035) -> Planes:
    """Upright along the palm's z, which lies across the fingers."""
    return Planes.of(trimesh.creation.cylinder(radius_m, 0.2, sections=48).vertices)


def before(hand: Hand, ahead_m: float) -> np.ndarray:
    """The palm beside the can's middle, facing it, the can so far ahead of the wrist."""
    T = np.eye(4)
    T[:3, 3] = -ahead_m * hand.fingers_along - 0.06 * hand.palm_normal
    return T[None]


def test_a_finger_bends_towards_what_the_palm_faces(hand):
    """Of both hands, and the thumb bends towards the fingers."""
    opened, bent = (hand.parts(np.eye(4)[None], b[None])[0] for b in (OPENED_RAD, OPENED_RAD + 0.5))
    tips = [3, 6, 9, 12]
    assert ((bent - opened)[tips, :3, 3] @ hand.palm_normal > 0.005).all()
    assert (bent - opened)[15, :3, 3] @ hand.fingers_along > 0.005


def test_closed_fingers_touch_and_are_not_in_it(hand):
    planes = can()
    T, touches = palm_on(hand, before(hand, 0.09), planes)
    assert touches.all()
    distance, _, normals = gaps(hand, T, close_around(hand, T, planes), planes)
    assert distance.min() > -0.003
    touching = normals[0][distance[0] < 0.002]
    # something across from something: a hand that holds, not one that leans
    assert (touching @ touching.T).min() < -0.5


def test_planes_tell_inside_from_outside_as_the_surface_does():
    box = trimesh.creation.box((0.06, 0.1, 0.14))
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (400, 3))
    exact = ObjectSurface(box.vertices, box.faces).signed_distance(points)
    found = Planes.of(box.vertices).distance(points)[0]
    np.testing.assert_allclose(found[exact <= 0], exact[exact <= 0], atol=1e-6)
    assert (found[exact > 0] > 0).all() and (found <= exact + 1e-6).all()


def test_a_sphere_of_many_faces_is_as_round_with_fewer_planes():
    ball = trimesh.creation.icosphere(4, 0.05)
    ways = np.random.default_rng(1).standard_normal((200, 3))
    on_it = 0.05 * ways / np.linalg.norm(ways, axis=1, keepdims=True)
    assert np.abs(Planes.of(ball.vertices).distance(on_it)[0]).max() < 2e-3
