"""Sources of the object's distance, in order of rank."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.object.distance import (
    SOURCES,
    Scene,
    ahead_of_the_person,
    object_distance,
    on_the_floor,
    on_the_support,
    touching_palm_m,
)
from hoi_motion.lift.object.grip import HandMotion
from hoi_motion.lift.object.shape import fit_primitive
from hoi_motion.lift.object.sight import Sight
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Contact
from hoi_motion.rigid import R_about_z

T = 4
K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])
SIZE_M = np.array([0.12, 0.12, 0.2])
TOUCH = (Contact("right_hand", "target", 0, T),)


def _camera(height_m: float = 1.5):
    return world_camera(K, "assumed", (240, 360), -0.5, [0, 2.0, -height_m])


def _scene(camera, bottom_m: float, hand_off_m: float = 0.0, contacts=TOUCH) -> tuple[Scene, float]:
    """An upright box at `bottom_m` over the floor, a palm beside it moved along the sight, and its true distance."""
    corners = np.array([[x, y, z] for x in (-0.06, 0.06) for y in (-0.06, 0.06) for z in (0, 0.2)])
    corners += [0.1, -0.4, bottom_m]
    low, high = camera.project(corners).min(0), camera.project(corners).max(0)
    rows, columns = np.indices((240, 360))
    mask = (columns >= low[0]) & (columns <= high[0]) & (rows >= low[1]) & (rows <= high[1])
    target = ObjectTrack(mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))
    ahead = camera.T_world_camera[:3, 2]
    palm_m = np.tile(corners.mean(0) + [0.09, 0, 0] + hand_off_m * ahead, (T, 1))
    hands = {hand: HandMotion(palm_m, np.zeros(T, bool)) for hand in ("left_hand", "right_hand")}
    actor = np.zeros((T, 76, 3))
    return Scene(target, Sight(mask, camera), contacts, hands, actor), camera.to_camera(corners.mean(0))[2]


@pytest.mark.parametrize("wrong_m", [-0.2, 0.0, 0.1])
def test_the_sight_meets_the_floor_at_the_true_distance(wrong_m):
    scene, true = _scene(_camera(), 0.0, wrong_m)
    found = on_the_floor(scene)
    # the outline's middle is that of the box within a pixel or two
    assert found.centre_m == pytest.approx(true, rel=0.03)
    assert found.spread_m < 0.2


def test_what_stands_on_a_table_is_not_said_to_stand_on_the_floor():
    assert on_the_floor(_scene(_camera(), 0.5)[0]) is None


@pytest.mark.parametrize("tilt_rad, roll_rad", [(0.0, 0.0), (0.1, 0.0), (-0.1, 0.0), (0.0, 0.1)])
def test_on_a_known_plane_its_distance_is_known_whatever_the_fit_says_of_the_camera(tilt_rad, roll_rad):
    scene, true = _scene(_camera(), 0.7)
    true_pose = scene.sight.camera.T_world_camera
    turn = Rotation.from_euler("xz", [tilt_rad, roll_rad]).as_matrix()
    believed = true_pose.copy()
    believed[:3, :3] = true_pose[:3, :3] @ turn
    wrong = replace(scene.sight, camera=replace(scene.sight.camera, T_world_camera=believed))
    known = KnownScene(T_world_camera=true_pose, support_height_m=0.7)
    found = object_distance(replace(scene, sight=wrong, known=known))
    assert found.source == "support plane"
    assert found.centre_m == pytest.approx(true, rel=0.03)
    assert abs(found.centre_m - true) < 3 * found.spread_m


def test_a_sight_that_grazes_the_plane_tells_nothing():
    scene, _ = _scene(_camera(), 0.7)
    flat = KnownScene(gravity_camera=[0, 1, -0.12], camera_above_support_m=0.05)
    assert on_the_support(replace(scene, known=flat)) is None


def _knowing(bottom_m: float, depth: bool, touched: bool) -> str:
    scene, true = _scene(_camera(), bottom_m, contacts=TOUCH if touched else ())
    depth_m = np.full(scene.target.mask.shape, true) if depth else None
    return object_distance(replace(scene, sight=replace(scene.sight, depth_m=depth_m))).source


def test_the_first_source_that_knows_wins():
    assert list(SOURCES) == ["depth image", "support plane", "known floor", "floor", "hand", "person"]
    assert _knowing(0.0, depth=True, touched=True) == "depth image"
    assert _knowing(0.0, depth=False, touched=True) == "floor"
    assert _knowing(0.8, depth=False, touched=True) == "hand"
    assert _knowing(0.8, depth=False, touched=False) == "person"


@pytest.mark.parametrize("bottom_m, touched", [(0.0, True), (0.8, True), (0.8, False)])
def test_every_source_says_how_sure_it_is_and_why(bottom_m, touched):
    distance = object_distance(_scene(_camera(), bottom_m, contacts=TOUCH if touched else ())[0])
    assert 0 < distance.spread_m < distance.centre_m and " " in distance.why


def test_of_two_hands_before_an_object_that_is_taken_the_one_that_does_not_hang_takes_it():
    scene, _ = _scene(_camera(), 0.8)
    target = replace(scene.target, resting=np.array([True, True, False, False]))
    taker, hanging = scene.hands["right_hand"], HandMotion(scene.hands["left_hand"].palm_m + 0.5, np.ones(T, bool))
    # both are over it in the picture, the hanging one longer
    contacts = (Contact("right_hand", "target", 1, T), Contact("left_hand", "target", 0, T))
    found = replace(scene, target=target, contacts=contacts, hands={"right_hand": taker, "left_hand": hanging})
    np.testing.assert_array_equal(touching_palm_m(found)[0], taker.palm_m[0])


def test_of_two_hands_that_are_there_as_an_object_is_taken_the_one_that_surely_holds_it_tells_where_it_is():
    scene, _ = _scene(_camera(), 0.8)
    target = replace(scene.target, resting=np.array([True, True, False, False]))
    holder, other = scene.hands["right_hand"], HandMotion(scene.hands["left_hand"].palm_m + 0.5, np.zeros(T, bool))
    contacts = (Contact("right_hand", "target", 1, T, 1.0), Contact("left_hand", "target", 0, T, 0.7))
    found = replace(scene, target=target, contacts=contacts, hands={"right_hand": holder, "left_hand": other})
    np.testing.assert_array_equal(touching_palm_m(found)[0], holder.palm_m[0])


@settings(max_examples=15)  # a shape is fitted to the mask for each
@given(st.floats(0.4, 6.0))
def test_a_shape_that_covers_the_mask_grows_with_its_distance(distance_m):
    sight = _scene(_camera(), 0.3)[0].sight
    plain = fit_primitive(sight.mask, K, sight.camera.T_camera_world[:3, :3], distance_m)
    np.testing.assert_allclose(sight.shape_at(distance_m).size_m, plain.size_m, rtol=1e-6)


def _facing(scene: Scene, turned_rad: float) -> Scene:
    """Its actor, standing at the origin, turned about z from facing away from the camera."""
    shoulders = np.array([[-0.2, 0, 1.4], [0.2, 0, 1.4]]) @ R_about_z(turned_rad).T
    actor_m = scene.actor_m.copy()
    actor_m[:, [index_of("left_shoulder"), index_of("right_shoulder")]] = shoulders
    return replace(scene, actor_m=actor_m)


def test_what_nobody_touches_lies_before_the_person_whichever_way_they_face():
    scene, _ = _scene(_camera(), 0.8, contacts=())
    away_m, aside_m, towards_m = (
        ahead_of_the_person(_facing(scene, turned_rad)).centre_m for turned_rad in (0.0, np.pi / 2, np.pi)
    )
    assert away_m - aside_m > 0.25 and aside_m - towards_m > 0.25


def test_how_large_it_looks_hardly_brings_a_large_thing_nearer():
    scene, _ = _scene(_camera(), 0.8, contacts=())
    large = cv2.dilate(scene.sight.mask.astype(np.uint8), np.ones((121, 1), np.uint8)) > 0
    grown = replace(scene, target=replace(scene.target, mask=large), sight=replace(scene.sight, mask=large))
    times_as_high = np.ptp(np.nonzero(large)[0]) / np.ptp(np.nonzero(scene.sight.mask)[0])
    assert times_as_high > 3
    assert ahead_of_the_person(grown).centre_m > 0.85 * ahead_of_the_person(scene).centre_m
