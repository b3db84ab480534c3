"""Rest, hold, rest."""

import numpy as np
import pytest

from hoi_motion.errors import ControlError
from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.object.distance import Scene
from hoi_motion.lift.object.grip import HandMotion
from hoi_motion.lift.object.pose import lifted_object
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact
from hoi_motion.progress import CancelToken

T = 10
TAKEN = 5
FPS = 8.0
K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])
CENTRE_M = np.array([0.3, 0.0, 0.8])


@pytest.fixture
def camera():
    return world_camera(K, "assumed", (240, 360), -0.1, [0, 3.0, -1.2])


@pytest.fixture
def scene(camera):
    """A ball 12 cm across at CENTRE_M, taken by the right hand in frame TAKEN and lifted."""
    return taken(camera, 0.05)


def taken(camera, rise_m: float):
    """The ball rises by so much a frame."""
    lift = np.zeros((T, 3))
    lift[TAKEN:, 2] = rise_m * np.arange(1, T - TAKEN + 1)
    px = camera.project(CENTRE_M + lift)
    rows, columns = np.indices((240, 360))
    mask = np.hypot(columns - px[0, 0], rows - px[0, 1]) < 330 * 0.06 / camera.to_camera(CENTRE_M)[2]
    similarity = np.tile(IDENTITY, (T, 1, 1))
    similarity[:, :, 2] = px - px[0]
    target = ObjectTrack(mask, similarity, np.ones(T), np.arange(T) < TAKEN)
    hand = CENTRE_M + [-0.09, 0, 0] + lift
    still = np.zeros(T, bool)
    hands = {"right_hand": HandMotion(hand, still), "left_hand": HandMotion(hand + [-0.6, 0, 0], still)}
    actor = np.zeros((T, 76, 3))
    actor[..., 2] = np.linspace(0, 1.7, 76)
    return target, hands, actor


def motion_of(target, contacts, hands, actor, camera, depth_m=None):
    return lifted_object(Scene(target, Sight(target.mask, camera, "", depth_m), contacts, hands, actor), FPS)


def test_before_the_touch_it_rests_then_it_goes_with_the_hand(scene, camera):
    target, hands, actor = scene
    motion = motion_of(target, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    poses = motion.T_world_object
    np.testing.assert_array_equal(poses[:TAKEN], np.tile(poses[0], (TAKEN, 1, 1)))
    np.testing.assert_allclose(poses[0, :3, 3], CENTRE_M, atol=0.03)
    np.testing.assert_allclose(np.diff(poses[TAKEN:, 2, 3]), 0.05, atol=0.012)
    in_hand = poses[TAKEN:, :3, 3] - hands["right_hand"].palm_m[TAKEN:]
    np.testing.assert_allclose(in_hand, np.tile(in_hand[0], (T - TAKEN, 1)), atol=0.012)


def test_what_a_hand_lowers_does_not_slide_on_where_it_stood(camera):
    target, hands, actor = taken(camera, -0.05)
    motion = motion_of(target, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    np.testing.assert_allclose(motion.T_world_object[-1, :3, 3], CENTRE_M + [0, 0, -0.25], atol=0.04)


def test_a_table_top_is_put_under_it(scene, camera):
    target, hands, actor = scene
    found = motion_of(target, (Contact("right_hand", "target", 4, T),), hands, actor, camera)
    motion, support = found.thing, found.support
    bottom = motion.vertices_world(0)[:, 2].min()
    assert support is not None and support.top_height_m == pytest.approx(bottom, abs=1e-3)


def test_a_depth_image_sets_the_distance(scene, camera):
    target, hands, actor = scene
    true = camera.to_camera(CENTRE_M)[2]
    depth = np.full((240, 360), 5.0)
    depth[target.mask] = true - 0.05
    wrong = {name: HandMotion(hand.palm_m + [0, 0.5, 0], hand.hangs) for name, hand in hands.items()}
    motion = motion_of(target, (Contact("right_hand", "target", 4, T),), wrong, actor, camera, depth).thing
    assert np.linalg.norm(motion.T_world_object[0, :3, 3] - CENTRE_M) < 0.03


def test_without_a_contact_what_rests_stays_and_lies_within_reach(scene, camera):
    target, hands, actor = scene
    target = ObjectTrack(target.mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))
    found = motion_of(target, (), hands, actor, camera)
    motion, distance = found.thing, found.distance
    np.testing.assert_array_equal(motion.T_world_object[-1], motion.T_world_object[0])
    assert abs(distance.centre_m - camera.to_camera(actor[0, 0])[2]) <= 0.81


def test_a_held_object_that_is_not_seen_is_within_the_hands_reach(scene, camera):
    target, hands, actor = scene
    unseen = ObjectTrack(target.mask, np.tile(IDENTITY, (T, 1, 1)), np.where(target.resting, 1.0, 0.1), target.resting)
    motion = motion_of(unseen, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    gap = np.linalg.norm(motion.T_world_object[TAKEN + 2 :, :3, 3] - hands["right_hand"].palm_m[TAKEN + 2 :], axis=1)
    assert gap.max() < 0.06 + 0.06


def test_where_it_is_seen_it_is_not_where_a_wrong_hand_would_have_it(scene, camera):
    target, hands, actor = scene
    far = {name: HandMotion(hand.palm_m + [0.4, 0, 0], hand.hangs) for name, hand in hands.items()}
    motion = motion_of(target, (Contact("right_hand", "target", 4, T),), far, actor, camera).thing
    drawn = camera.project(motion.T_world_object[:, :3, 3])
    assert np.linalg.norm(drawn - target.centroid_px, axis=1).max() < 4


def test_one_frame_in_which_the_track_jumps_does_not_move_the_object(scene, camera):
    target, hands, actor = scene
    similarity = target.similarity.copy()
    similarity[7, :, 2] += [60, 20]
    jumping = ObjectTrack(target.mask, similarity, target.visibility, target.resting)
    straight = motion_of(target, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    motion = motion_of(jumping, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    off = np.linalg.norm(motion.T_world_object[:, :3, 3] - straight.T_world_object[:, :3, 3], axis=1)
    assert off.max() < 0.02


def test_what_rests_before_a_camera_that_moves_goes_with_the_picture(scene, camera):
    target, hands, actor = scene
    similarity = np.tile(IDENTITY, (T, 1, 1))
    similarity[:, 0, 2] = 4.0 * np.arange(T)
    panned = ObjectTrack(target.mask, similarity, np.ones(T), np.ones(T, bool))
    motion = motion_of(panned, (), hands, actor, camera).thing
    drawn = camera.project(motion.T_world_object[:, :3, 3])
    np.testing.assert_allclose(drawn - drawn[0], panned.centroid_px - panned.centroid_px[0], atol=0.5)


def test_of_two_hands_over_it_in_the_picture_the_one_within_reach_takes_it(scene, camera):
    target, hands, actor = scene
    sight = CENTRE_M - camera.T_world_camera[:3, 3]
    behind = CENTRE_M + 0.4 * sight / np.linalg.norm(sight)
    hands["left_hand"] = HandMotion(np.tile(behind, (T, 1)), np.zeros(T, bool))
    depth = np.full((240, 360), 5.0)
    depth[target.mask] = camera.to_camera(CENTRE_M)[2] - 0.05
    contacts = Contact("left_hand", "target", 3, T), Contact("right_hand", "target", 4, T - 1)
    motion = motion_of(target, contacts, hands, actor, camera, depth).thing
    np.testing.assert_allclose(np.diff(motion.T_world_object[TAKEN:, :3, 3], axis=0)[:, 2], 0.05, atol=0.004)
    assert np.linalg.norm(motion.T_world_object[-1, :3, 3] - hands["right_hand"].palm_m[-1]) < 0.12


def test_frames_out_of_reach_are_no_contact(scene, camera):
    target, hands, actor = scene
    late = hands["right_hand"].palm_m.copy()
    late[:4] += [-0.3, 0, 0]
    hands = {**hands, "right_hand": HandMotion(late, hands["right_hand"].hangs)}
    contacts = motion_of(target, (Contact("right_hand", "target", 2, T),), hands, actor, camera).contacts
    assert [(c.start_frame, c.end_frame) for c in contacts] == [(4, T)]


def test_the_touching_palm_is_beside_the_object_not_in_it(scene, camera):
    target, hands, actor = scene
    towards_camera = camera.T_world_camera[:3, 3] - CENTRE_M
    inside = CENTRE_M + 0.03 * towards_camera / np.linalg.norm(towards_camera)
    hands = {name: HandMotion(np.tile(inside, (T, 1)), hand.hangs) for name, hand in hands.items()}
    still = ObjectTrack(target.mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))
    motion = motion_of(still, (Contact("right_hand", "target", 4, T),), hands, actor, camera).thing
    radius = np.linalg.norm(motion.vertices_m, axis=1).max()
    assert np.linalg.norm(motion.T_world_object[0, :3, 3] - inside) > 0.9 * radius


def test_the_hand_that_takes_it_sets_the_distance_not_one_that_hung_before_it(scene, camera):
    target, hands, actor = scene
    right = hands["right_hand"].palm_m.copy()
    right[:2] += [0, 0.5, 0]  # half a metre behind, seen over the object
    hands = {**hands, "right_hand": HandMotion(right, hands["right_hand"].hangs)}
    contacts = (Contact("right_hand", "target", 0, 2), Contact("right_hand", "target", 4, T))
    found = motion_of(target, contacts, hands, actor, camera)
    motion, contacts = found.thing, found.contacts
    np.testing.assert_allclose(motion.T_world_object[0, :3, 3], CENTRE_M, atol=0.05)
    assert [(c.start_frame, c.end_frame) for c in contacts] == [(4, T)]


def test_where_it_is_put_back_the_hand_that_hangs_over_it_afterwards_does_not_set_its_distance(scene, camera):
    target, hands, actor = scene
    resting = target.resting.copy()
    resting[-3:] = True
    similarity = np.where(resting[:, None, None], IDENTITY, target.similarity)
    returned = ObjectTrack(target.mask, similarity, target.visibility, resting)
    palm = hands["right_hand"].palm_m.copy()
    palm[-3:] = CENTRE_M + [0, 0.5, 0]
    hands = {**hands, "right_hand": HandMotion(palm, hands["right_hand"].hangs)}
    contact = Contact("right_hand", "target", 3, T)
    motion = motion_of(returned, (contact,), hands, actor, camera).thing
    np.testing.assert_allclose(motion.T_world_object[0, :3, 3], CENTRE_M, atol=0.05)


def test_an_open_bowl_of_which_a_depth_image_sees_the_inside_stands_behind_its_rim():
    camera = world_camera(K, "assumed", (240, 360), -0.5, [0, 3.0, -2.4])
    around, down = np.meshgrid(np.linspace(0, 2 * np.pi, 900), np.linspace(0, np.pi / 2, 300))
    shell = 0.08 * np.stack([np.cos(around) * np.cos(down), np.sin(around) * np.cos(down), -np.sin(down)], -1)
    points = camera.to_camera((CENTRE_M + shell).reshape(-1, 3))
    column, row = np.round((points @ K.T)[:, :2] / points[:, 2:]).astype(int).T
    depth = np.full((240, 360), np.inf)
    np.minimum.at(depth, (row, column), points[:, 2])
    mask = np.isfinite(depth)
    target = ObjectTrack(mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))
    hands = {hand: HandMotion(np.zeros((T, 3)), np.zeros(T, bool)) for hand in ("left_hand", "right_hand")}
    motion = motion_of(target, (), hands, np.zeros((T, 76, 3)), camera, np.nan_to_num(depth, posinf=5.0)).thing
    assert abs(motion.T_world_object[0, 1, 3] - CENTRE_M[1]) < 0.02


def test_a_cancel_ends_it(scene, camera):
    target, hands, actor = scene
    cancelled = CancelToken()
    cancelled.cancel()
    where = Scene(target, Sight(target.mask, camera, "", None), (Contact("right_hand", "target", 4, T),), hands, actor)
    with pytest.raises(ControlError):
        lifted_object(where, FPS, cancel=cancelled)
