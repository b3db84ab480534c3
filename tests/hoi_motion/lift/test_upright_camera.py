"""What a camera that rolls saw, as an upright one would have seen it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.camera import Camera
from hoi_motion.ground.still_world import in_still_world
from hoi_motion.lift import Clip, lift_video
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.pipeline import Observation
from hoi_motion.lift.still_camera import TurningCamera
from hoi_motion.lift.straight_lines import StraightLines, upright
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack, Outline
from hoi_motion.lift.upright_camera import UprightCamera, roll_notes, seen_up
from tests.hoi_motion.conftest import SIZE_PX, K
from tests.hoi_motion.lift.test_straight_lines import edges_px

T = 6


def clip_with(box: tuple[int, int, int, int] = (100, 120, 140, 170), **more) -> Clip:
    """A clip whose object covers rows and columns of a box (top, left, bottom, right)."""
    mask = np.zeros(SIZE_PX, bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return Clip(np.zeros((T, *SIZE_PX, 3), np.uint8), 8.0, mask, intrinsics=K, **more)


def camera_of(roll_deg: float, clip: Clip | None = None) -> UprightCamera | None:
    return UprightCamera.of(upright(np.deg2rad(-12), np.deg2rad(roll_deg)), K, clip or clip_with())


def px_of(points: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 2)
    return points[..., :2] / points[..., 2:] @ K[:2, :2].T + K[:2, 2]


def rolled(seen, camera: UprightCamera):
    """Keypoints (of `acted`) as the real camera sees them, which were the upright one's."""
    back = replace(camera, roll_rad=-camera.roll_rad)
    return back.keypoints(seen.track)


@given(roll=st.floats(-19, 19).filter(lambda r: abs(r) > 0.3), pitch=st.floats(-40, 10))
@settings(max_examples=30, deadline=None)
def test_up_has_no_roll_for_the_upright_camera_and_the_real_one_sees_the_same_world(roll, pitch):
    up = upright(np.deg2rad(pitch), np.deg2rad(roll))
    camera = UprightCamera.of(up, K, clip_with())
    assume(camera is not None)  # of a camera that looks down, the roll in the picture may be past MOST_DEG
    there = camera.R_upright_camera @ up
    assert abs(there[0]) < 1e-12 and there[1] < 0 and there[2] == pytest.approx(up[2])
    known = camera.known(KnownScene(gravity_camera=-up))
    assert known.up_camera == pytest.approx(there)
    points = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 4], (20, 3))  # in the real camera's axes
    turned = points @ camera.R_upright_camera.T
    assert camera._points(px_of(points)) == pytest.approx(px_of(turned), abs=1e-9)
    world = Camera(K, np.eye(4), SIZE_PX[1], SIZE_PX[0])  # that of the upright one's axes
    assert camera.real(world).project(turned) == pytest.approx(px_of(points), abs=1e-9)


def test_a_known_pose_tells_the_same_world_of_both_cameras():
    pose = np.eye(4)
    pose[:3] = [[0.1, -0.2, 0.97, 0.3], [-0.99, 0.05, 0.1, -0.4], [0, 0, 0, 1.2]]
    pose[2, :3] = np.cross(pose[0, :3], pose[1, :3])
    u, _, vt = np.linalg.svd(pose[:3, :3])
    pose[:3, :3] = u @ vt
    known = KnownScene(T_world_camera=pose, support_height_m=0.7)
    camera = UprightCamera.of(known.up_camera, K, clip_with())
    there = camera.known(known)
    assert abs(there.up_camera[0]) < 1e-9 and there.camera_over_support_m == known.camera_over_support_m
    assert camera.real(Camera(K, there.T_world_camera, 360, 240)).T_world_camera == pytest.approx(pose)


@pytest.mark.parametrize("roll_deg", [0.1, 25.0, -90.0, 180.0])
def test_a_roll_not_worth_it_or_past_what_the_picture_shows_is_left(roll_deg):
    assert camera_of(roll_deg) is None


@pytest.mark.parametrize(
    ("roll_deg", "box", "noted"),
    [(0.1, None, False), (8.0, None, False), (90.0, None, True), (-90.0, None, True), (8.0, (0, 320, 30, 360), True)],
)
def test_a_roll_that_is_left_in_is_told(roll_deg, box, noted):
    up = upright(np.deg2rad(-12), np.deg2rad(roll_deg))
    notes = roll_notes(up, UprightCamera.of(up, K, clip_with(box) if box else clip_with()))
    assert bool(notes) == noted and all("turn the clip upright" in note for note in notes)


def test_of_a_camera_that_looks_straight_down_no_roll_is_told():
    up = np.array([0.1, -0.02, -0.99])
    assert roll_notes(up, UprightCamera.of(up, K, clip_with())) == ()


def test_an_object_at_the_corner_is_not_turned_out_of_the_picture():
    corner = clip_with((0, 320, 30, 360))
    assert camera_of(8.0, corner) is None and camera_of(-8.0, clip_with()) is not None


def test_an_object_s_track_is_where_the_upright_camera_sees_it():
    camera, clip = camera_of(7.0), clip_with()
    shift = IDENTITY + [[0, 0, 30.0], [0, 0, -14]]
    outline = Outline(np.ones((20, 30), bool), 150, 90)
    moves = np.stack([IDENTITY, shift])
    track = ObjectTrack(clip.target_mask, moves, np.ones(2), np.array([True, False]), {1: outline}, moves)
    found = camera.object(track)
    for t in range(2):
        assert found.centroid_px[t] == pytest.approx(camera._points(track.centroid_px)[t], abs=0.3)
    drawn = camera._picture(track.mask_at(1))
    assert (found.mask_at(1) == drawn).all() and found.camera == pytest.approx(found.similarity)
    assert np.array_equal(found.similarity[0], IDENTITY) or np.abs(found.similarity[0] - IDENTITY).max() < 1e-12


def test_depth_beside_the_turned_picture_is_unknown_and_no_depth_is_made_up():
    depth = np.full(SIZE_PX, 2.0, np.float32)
    depth[:, 180:] = 3.0
    actor = np.zeros(SIZE_PX, bool)
    actor[60:200, 30:90] = True
    there = camera_of(6.0).first_frame(clip_with(depth_m=depth, actor_mask=actor))
    assert set(np.unique(there.depth_m.round(5))) == {0.0, 2.0, 3.0}
    assert there.actor_mask.sum() == pytest.approx(actor.sum(), rel=0.02)


@pytest.mark.parametrize("roll_deg", [0.3, 1.2, -4.0])
def test_an_even_floor_is_level_and_as_far_below_the_upright_camera(roll_deg):
    """Small turns move whole blocks of pixels alike, so that depth taken from the nearest one leans as before."""
    up, height_m = upright(np.deg2rad(-20.0), np.deg2rad(roll_deg)), 1.6
    rows, columns = np.mgrid[: SIZE_PX[0], : SIZE_PX[1]]
    rays = np.stack([columns, rows, np.ones(SIZE_PX)], -1) @ np.linalg.inv(K).T
    below = -(rays @ up)
    floor = np.where(below > 0.2, height_m / below, np.nan).astype(np.float32)
    camera = UprightCamera.of(up, K, clip_with())
    room = MeasuredRoom(camera.first_frame(clip_with(depth_m=floor)).depth_m, K)
    found = room.up(np.deg2rad(-20.0))
    assert np.rad2deg(np.arctan2(found[0], -found[1])) == pytest.approx(0.0, abs=0.1)
    for at_x in (-1.0, 1.0):
        assert room.floor_m(found, np.array([at_x, 0, 3.0]), -height_m) == pytest.approx(-height_m, abs=0.005)


@pytest.mark.parametrize(("roll_deg", "heading_deg"), [(2.0, 10.0), (-6.0, 30.0), (0.0, -20.0)])
def test_edges_of_a_room_tell_the_roll(roll_deg, heading_deg):
    lines = StraightLines(edges_px(-14.0, roll_deg, heading_deg), K, SIZE_PX[0])
    assert np.rad2deg(lines.roll(np.deg2rad(-10.0))) == pytest.approx(roll_deg, abs=0.5)
    none = StraightLines(np.zeros((0, 4)), K, SIZE_PX[0])
    assert none.roll(np.deg2rad(-10.0)) == pytest.approx(0.0, abs=1e-12)


def test_up_is_what_is_given_else_what_level_surfaces_show(acted):
    seen, lines = acted(T), StraightLines(np.zeros((0, 4)), K, SIZE_PX[0])
    given_up = upright(-0.2, 0.1)
    rows, columns = np.mgrid[: SIZE_PX[0], : SIZE_PX[1]]
    rays = np.stack([columns, rows, np.ones(SIZE_PX)], -1) @ np.linalg.inv(K).T
    height = rays @ upright(np.deg2rad(-15), np.deg2rad(4))
    floor = np.where(height < -0.05, -1.5 / np.minimum(height, -0.05), 0)
    clip = clip_with(depth_m=np.where(floor < 8, floor, 0).astype(np.float32))
    assert seen_up(clip, seen.track, K, KnownScene(gravity_camera=-given_up), lines, 0.1) == pytest.approx(given_up)
    up = seen_up(clip, seen.track, K, KnownScene(), lines, 0.1)
    assert up == pytest.approx(upright(np.deg2rad(-15), np.deg2rad(4)), abs=0.01)
    up = seen_up(clip_with(), seen.track, K, KnownScene(), lines, 0.1)
    assert up[0] == pytest.approx(0, abs=1e-12)


def test_a_person_filmed_by_a_rolling_camera_stands_as_one_filmed_by_an_upright_one(body, acted):
    seen, camera = acted(T), camera_of(6.0)
    level = KnownScene(gravity_camera=-upright(0.0))
    leans = KnownScene(gravity_camera=camera.R_upright_camera.T @ level.gravity_camera)
    found = {}
    for name, track, known in (("upright", seen.track, level), ("real", rolled(seen, camera), leans)):
        clip = clip_with()
        thing = ObjectTrack(clip.target_mask, np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T, bool))
        found[name] = lift_video(clip, known=known, observation=Observation(track, thing, (), {}), body=body)
    assert found["real"].diagnostics["camera_roll_deg"] == pytest.approx(6.0, abs=0.3)
    assert found["upright"].diagnostics["camera_roll_deg"] == 0.0
    assert np.abs(found["real"].transl_m - found["upright"].transl_m).max() < 0.01
    assert np.abs(found["real"].pose_rad[:, 0] - found["upright"].pose_rad[:, 0]).max() < 0.05
    # through its own camera it is seen where the clip shows it
    motion = found["real"]
    joints = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    shoulders = motion.camera.project(joints[:, 16:18])
    assert np.abs(shoulders - rolled(seen, camera).body_px[:, 11:13, :2]).max() < 6


def test_a_camera_that_rolls_and_turns_is_taken_out_in_that_order_and_put_back(body, acted):
    seen, camera = acted(T), camera_of(6.0)
    first, path = rolled(seen, camera), np.tile(np.eye(4), (T, 1, 1))
    path[:, :3, :3] = Rotation.from_euler("y", np.linspace(0, 5, T)[:, None], degrees=True).as_matrix()
    turning = TurningCamera(K, path)
    back = replace(turning, T_first_camera=np.linalg.inv(path))
    clip, level = clip_with(), upright(0.0)
    background = np.tile(IDENTITY, (T, 1, 1))
    background[:, :, 2] = [px_of(path[t, :3, :3].T @ [0, 0, 1.0]) - K[:2, 2] for t in range(T)]
    found = {}
    for name, track, moves, up in (
        ("upright", seen.track, None, level),
        ("real", back.keypoints(first), background, camera.R_upright_camera.T @ level),
    ):
        where = np.tile(IDENTITY, (T, 1, 1)) if moves is None else moves
        thing = ObjectTrack(clip.target_mask, where, np.ones(T), np.ones(T, bool), camera=moves)
        known, observation = KnownScene(gravity_camera=-up), Observation(track, thing, (), {})
        found[name] = lift_video(clip, known=known, observation=observation, body=body)
    still = in_still_world(found["real"], body)
    assert np.abs(still.transl_m - found["upright"].transl_m).max() < 0.04
    motion = found["real"]
    joints = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
    filmed = back.keypoints(first).body_px[:, 11:13, :2]
    assert np.abs(motion.camera.project(joints[:, 16:18]) - filmed).max() < 6


def test_a_picture_turned_back_is_the_picture():
    camera = camera_of(5.0)
    mask = np.zeros(SIZE_PX, np.uint8)
    cv2.circle(mask, (150, 110), 40, 1, -1)
    back = replace(camera, roll_rad=-camera.roll_rad)._picture(camera._picture(mask > 0))
    assert (back == (mask > 0)).mean() > 0.999
