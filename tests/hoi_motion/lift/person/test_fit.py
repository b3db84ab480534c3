"""The body fit on keypoints whose body is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hoi_motion.body.anatomy import degrees_over_limits
from hoi_motion.errors import ControlError, ErrorCode, LiftError
from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.fit import fit_body
from hoi_motion.progress import CancelToken
from tests.hoi_motion.conftest import DISTANCE_M, depth_image, reaching_pose

FPS = 8.0


def _camera_points(fit):
    return fit.points_m @ R_level_camera(torch.tensor(fit.pitch_rad)).numpy()


@pytest.fixture(scope="module")
def fitted(body, acted):
    seen = acted(9, noise_px=0.5)
    return seen, fit_body(body, PersonSeen(seen.track, seen.K, FPS))


def test_a_known_motion_is_found_again(fitted):
    seen, fit = fitted
    ours, truth = _camera_points(fit)[:, :22], seen.joints_camera_m[:, :22]
    error = np.linalg.norm((ours - ours[:, :1]) - (truth - truth[:, :1]), axis=-1)
    assert fit.error.mean() < 0.015
    assert error.mean() < 0.06


def test_the_person_is_as_far_away_as_they_are(fitted):
    seen, fit = fitted
    assert np.median(_camera_points(fit)[:, 0, 2]) == pytest.approx(np.median(seen.joints_camera_m[:, 0, 2]), rel=0.12)


def test_the_smplx_parameters_give_the_fitted_points(body, fitted):
    _, fit = fitted
    again = body.joints(fit.pose_rad, fit.transl_m, fit.betas).numpy()
    np.testing.assert_allclose(again, fit.points_m, atol=2e-4)


def test_feet_stand_on_the_floor(body, fitted):
    _, fit = fitted
    toes = fit.points_m[:, [body.keypoint_names.index(f"{s}_big_toe") for s in ("left", "right")], 2]
    assert np.abs(toes.min(1) - fit.floor_m).max() < 0.05


def test_a_depth_image_of_the_first_frame_gives_size_and_distance_in_all_frames(body, acted):
    small = np.r_[-1.8, np.zeros(9)]  # 11% smaller than usual
    seen = acted(6, betas=small)
    vertices, joints = body.vertices_and_joints(reaching_pose(1), np.float32([[0, -0.15, DISTANCE_M]]), small)
    depth = depth_image(vertices[0].numpy())
    depth[170:] = 1.2  # a table hides the legs
    fit = fit_body(body, PersonSeen(seen.track, seen.K, FPS, depth_m=depth))
    assert np.ptp(fit.points_m[0, :22, 2]) == pytest.approx(np.ptp(joints[0, :22, 1].numpy()), rel=0.03)
    assert np.abs(_camera_points(fit)[:, 0, 2] - seen.joints_camera_m[:, 0, 2]).max() < 0.06


@pytest.mark.parametrize("tall", [-4.0, 3.0])
def test_a_camera_of_known_height_over_the_floor_tells_how_large_a_person_is(body, acted, tall):
    seen = acted(6, betas=np.r_[tall, np.zeros(9)])
    known = KnownScene(gravity_camera=[0, 1, 0], camera_above_floor_m=float(seen.joints_camera_m[..., 1].max()))
    true_m = np.median(seen.joints_camera_m[:, 0, 2])
    usual, told = (fit_body(body, PersonSeen(seen.track, seen.K, FPS, known=k)) for k in (KnownScene(), known))
    off_m = [abs(np.median(_camera_points(fit)[:, 0, 2]) - true_m) for fit in (usual, told)]
    assert off_m[1] < 0.4 * off_m[0]
    assert told.floor_m == pytest.approx(-known.camera_above_floor_m)


def test_a_known_pitch_of_the_camera_is_the_fit_s(body, acted):
    seen = acted(4)
    known = KnownScene(gravity_camera=[0, np.cos(0.1), np.sin(0.1)])
    fit = fit_body(body, PersonSeen(seen.track, seen.K, FPS, known=known))
    assert fit.pitch_rad == pytest.approx(-0.1, abs=1e-6)


def test_where_a_measured_detector_draws_keypoints_is_known(body, acted):
    exact = acted(4)
    pose, transl = reaching_pose(4), np.tile(np.float32([0, -0.15, DISTANCE_M]), (4, 1))
    rotations, _ = body.skeleton.world_transforms(torch.tensor(pose), torch.zeros(4, body.num_betas))
    points = np.einsum("kj,tjc->tkc", km.BODY_MATRIX, body.joints(pose, transl, np.zeros(10)).numpy())
    points += (rotations[:, km.CARRIERS].numpy() @ km.drawn_m("mediapipe")[..., None])[..., 0]
    body_px = exact.track.body_px.copy()
    body_px[:, list(km.BODY_KEYPOINTS), :2] = (points @ exact.K.T / points[..., 2:])[..., :2]
    drawn = replace(exact.track, body_px=body_px, detector="mediapipe")

    known, unknown = (fit_body(body, PersonSeen(track, exact.K, FPS)) for track in (drawn, replace(drawn, detector="")))
    assert known.error.mean() < 0.65 * unknown.error.mean()


def test_the_pelvis_of_who_stands_does_not_drift_along_the_line_of_sight(body, acted):
    """Keypoints that shrink by 2% over the clip look like a step back; feet behind a table cannot have made one."""
    seen = acted(9)
    shrunk = seen.track.body_px.copy()
    middle = shrunk[:1, :, :2].mean(1, keepdims=True)
    shrunk[..., :2] = middle + (shrunk[..., :2] - middle) * np.linspace(1, 0.98, 9)[:, None, None]
    shrunk[:, 25:, 2] = 0
    fit = fit_body(body, PersonSeen(replace(seen.track, body_px=shrunk), seen.K, FPS))
    drift_m = _camera_points(fit)[:, 0, 2] - _camera_points(fit)[0, 0, 2]
    true_m = seen.joints_camera_m[:, 0, 2] - seen.joints_camera_m[0, 0, 2]
    assert np.abs(drift_m - true_m).max() < 0.03


def test_no_frame_pays_for_the_others_where_hidden_feet_walk(body, acted):
    """Someone behind a table who walks by is where they are seen, in the first frame as in the last."""
    seen = acted(17)
    walked = seen.track.body_px.copy()
    walked[..., 0] += 3.0 * np.arange(17)[:, None]
    walked[:, 25:, 2] = 0
    hands = {h: getattr(seen.track, h) * [1, 1, 0] for h in ("left_hand_px", "right_hand_px")}
    fit = fit_body(body, PersonSeen(replace(seen.track, body_px=walked, **hands), seen.K, FPS))
    assert fit.error.max() < 0.02


def test_legs_that_are_not_seen_stand(body, acted):
    seen = acted(5)
    cut = seen.track.body_px.copy()
    cut[:, 25:, 2] = 0.0
    fit = fit_body(body, PersonSeen(replace(seen.track, body_px=cut), seen.K, FPS))
    knees = np.linalg.norm(fit.pose_rad[:, 4:6], axis=-1)
    assert np.rad2deg(knees).max() < 35


def test_fingers_of_a_blurred_hand_stay_within_their_range(body, acted):
    seen, rng = acted(4), np.random.default_rng(0)
    blurred = seen.track.right_hand_px.copy()
    blurred[:, 1:, :2] = blurred[:, :1, :2] + rng.normal(0, 12, blurred[:, 1:, :2].shape)
    blurred[..., 2] = 1.0
    fit = fit_body(body, PersonSeen(replace(seen.track, right_hand_px=blurred), seen.K, FPS))
    over, names = degrees_over_limits(fit.pose_rad)
    fingers = [i for i, name in enumerate(names) if name[-1] in "123" and "spine" not in name]
    assert over[:, fingers].max() == 0


def test_points_that_are_no_person_diverge(body, acted):
    track = acted(4).track
    rng = np.random.default_rng(1)
    scattered = np.concatenate([rng.uniform([0, 0], [360, 240], (4, 33, 2)), np.ones((4, 33, 1))], -1)
    with pytest.raises(LiftError) as caught:
        fit_body(
            body,
            PersonSeen(replace(track, body_px=scattered), np.diag([330.0, 330.0, 1]), FPS),
            LiftConfig(iterations=15),
        )
    assert caught.value.code == ErrorCode.FIT_DIVERGED


def test_a_cancelled_fit_stops(body, acted):
    token = CancelToken()
    seen = acted(3)
    with pytest.raises(ControlError) as caught:
        fit_body(body, PersonSeen(seen.track, seen.K, FPS), on_progress=lambda stage, f: token.cancel(), cancel=token)
    assert caught.value.code == ErrorCode.CANCELLED
