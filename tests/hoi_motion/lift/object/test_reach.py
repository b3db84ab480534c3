"""How near a palm must be, in space, to touch what it is over in the picture."""

import numpy as np
import pytest

from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.object.distance import Distance
from hoi_motion.lift.object.grip import HandMotion, hand_motion
from hoi_motion.lift.object.reach import TOUCH_REACH_M, contacts_in_reach, reach_of
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact, ObjectMotion
from hoi_motion.rigid import standing_at

T = 8
FPS = 8.0
CAN = Primitive("cylinder", np.array([0.08, 0.08, 0.12]))
BY_HAND = Distance(3.0, 0.10, "it lies beside the palm", 3.0, "hand")
CAMERA = world_camera(np.array([[330.0, 0, 180], [0, 330, 120], [0, 0, 1]]), "assumed", (240, 360), 0.0, [0, 3.0, -1.0])
POSES = np.tile(standing_at([0.0, 0.0, 1.0]), (T, 1, 1))


def _hand(off_m: float, step_m: float = 0.0, hangs: bool = False) -> HandMotion:
    """So far behind the can, seen from the camera, and moving by a step a frame across the sight."""
    ahead, across = CAMERA.T_world_camera[:3, 2], CAMERA.T_world_camera[:3, 0]
    palm_m = POSES[:, :3, 3] + (0.04 + off_m) * ahead + step_m * np.arange(T)[:, None] * across
    return HandMotion(palm_m, np.full(T, hangs))


@pytest.mark.parametrize("step_m, hangs, touches", [(0.0, False, True), (0.05, False, False), (0.0, True, False)])
def test_only_a_hand_that_keeps_still_without_hanging_may_touch_from_further_than_a_fingers_length(
    step_m, hangs, touches
):
    reach_m = reach_of(_hand(0.15, step_m, hangs), POSES, CAN, CAMERA, FPS, BY_HAND)
    assert (reach_m > 0.15).all() == touches and (reach_m == TOUCH_REACH_M).all() != touches


def test_a_well_known_distance_leaves_less_doubt():
    known, by_hand = (
        reach_of(_hand(0), POSES, CAN, CAMERA, FPS, Distance(3.0, spread_m, "", 3.0)) for spread_m in (0.01, 0.1)
    )
    assert (known < by_hand).all()


def _kept(resting: np.ndarray, *hands: tuple[str, np.ndarray]) -> list[tuple[str, int, int]]:
    """Contacts of hands that are so far away (T,) beside the can, and over it in the picture in all frames."""
    palms = {
        name: HandMotion(POSES[:, :3, 3] + (0.04 + off)[:, None] * [1.0, 0, 0], np.zeros(T, bool))
        for name, off in hands
    }
    vertices, faces = CAN.surface()
    thing = ObjectMotion("target", vertices, faces, POSES, shape="cylinder", is_target=True)
    track = ObjectTrack(np.ones((4, 4), bool), np.tile(IDENTITY, (T, 1, 1)), np.ones(T), resting)
    reach_m = {hand: np.full(T, TOUCH_REACH_M) for hand in palms}
    # the first hand is there from the start, and moves what moves
    contacts = tuple(Contact(name, "target", i, T) for i, (name, _) in enumerate(hands))
    kept = contacts_in_reach(contacts, palms, thing, CAN, track, reach_m, FPS)
    return [(c.hand, c.start_frame, c.end_frame) for c in kept]


def _near_in(frames: slice) -> np.ndarray:  # (T,)
    off_m = np.full(T, 0.5)
    off_m[frames] = 0.03
    return off_m


def test_a_hand_that_is_in_reach_of_what_rests_for_one_frame_only_passed():
    rests = np.ones(T, bool)
    kept = _kept(rests, ("right_hand", _near_in(slice(3, 4))), ("left_hand", _near_in(slice(4, 6))))
    assert kept == [("left_hand", 4, 6)]


@pytest.mark.parametrize("frames, joins", [(3, False), (4, True)])
def test_of_the_hand_that_moves_it_the_picture_says_more_than_depths_and_another_one_joins_for_half_a_second(
    frames, joins
):
    kept = _kept(np.arange(T) < 1, ("right_hand", _near_in(slice(0))), ("left_hand", _near_in(slice(2, 2 + frames))))
    assert kept == [("right_hand", 1, T), ("left_hand", 2, 2 + frames)][: 1 + joins]


def test_an_arm_hangs_at_rest_and_does_not_when_its_elbow_bends(body):
    pose = np.zeros((3, 55, 3))
    pose[:, 16], pose[:, 17] = [0, 0, -1.3], [0, 0, 1.3]  # upper arms down
    pose[1, 18] = [0, -1.4, 0]  # left elbow
    pose[2, 17] = 0.0  # right arm to the side
    points_m = body.joints(pose, np.zeros((3, 3)), np.zeros(10)).numpy()
    np.testing.assert_array_equal(hand_motion(points_m, "left_hand").hangs, [True, False, True])
    np.testing.assert_array_equal(hand_motion(points_m, "right_hand").hangs, [True, True, False])
