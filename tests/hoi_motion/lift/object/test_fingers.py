"""Fingers open where the object is."""

import numpy as np
import pytest

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import ControlError
from hoi_motion.lift.object.fingers import FINGER_JOINTS, YIELDS_M, Fingers
from hoi_motion.lift.object.inside import signed_distance_m
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.progress import CancelToken
from hoi_motion.rigid import moved_back, standing_at

T = 4
BALL = Primitive("sphere", np.full(3, 0.05))
BENT_RAD = 1.2
# of the left hand: its four fingers bend about -z
BENT = FINGER_JOINTS[:4]


@pytest.fixture(scope="module")
def fist(body):
    """A left hand whose fingers are bent."""
    pose = np.zeros((T, 55, 3))
    pose[:, BENT.flat, 2] = -BENT_RAD
    return Fingers(body, pose, np.zeros((T, 3)), np.zeros(10))


def _skin_m(person: Fingers) -> np.ndarray:  # (T, V, 3)
    return person.body.vertices_and_joints(person.pose_rad, person.transl_m, person.betas)[0].numpy()


@pytest.fixture(scope="module")
def in_the_fist(fist):
    """A ball where the middle finger's tip is."""
    tip = fist.body.vertex_joint == JOINT_NAMES.index("left_middle3")
    return np.stack([standing_at(points[tip].mean(0)) for points in _skin_m(fist)])


def _deepest_m(person: Fingers, T_world_object) -> float:
    fingers = np.isin(person.body.vertex_joint, BENT)
    return max(
        -signed_distance_m(BALL, moved_back(T, p[fingers])).min() for T, p in zip(T_world_object, _skin_m(person))
    )


def test_they_open_until_they_are_out(fist, in_the_fist):
    assert _deepest_m(fist, in_the_fist) > 2 * YIELDS_M
    assert _deepest_m(fist.opened(BALL, in_the_fist), in_the_fist) <= YIELDS_M


def test_only_fingers_change(fist, in_the_fist):
    others = np.setdiff1d(np.arange(55), FINGER_JOINTS[:5])
    opened = fist.opened(BALL, in_the_fist)
    np.testing.assert_array_equal(opened.pose_rad[:, others], fist.pose_rad[:, others])


def test_a_hand_beside_the_object_stays_as_it_is(fist, in_the_fist):
    away = in_the_fist.copy()
    away[:, 0, 3] += 0.5
    assert fist.opened(BALL, away) is fist


def test_a_cancel_ends_it(fist, in_the_fist):
    cancelled = CancelToken()
    cancelled.cancel()
    with pytest.raises(ControlError):
        fist.opened(BALL, in_the_fist, cancelled)


def test_frames_worked_out_apart_give_what_they_give_together(fist, in_the_fist, monkeypatch):
    together = fist.opened(BALL, in_the_fist).pose_rad
    monkeypatch.setattr("hoi_motion.lift.object.fingers.AT_ONCE", 1)
    np.testing.assert_allclose(fist.opened(BALL, in_the_fist).pose_rad, together, atol=1e-6)
