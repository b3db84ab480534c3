"""A known motion, turned and moved, is placed back before the camera that saw it."""

import numpy as np
import pytest

from hoi_motion.body.change import turned_root
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError, LiftError
from hoi_motion.io.smpl_family import R_WORLD_CAMERA
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.given_human import check_human, place_human
from hoi_motion.motion import HoiMotion
from tests.hoi_motion.conftest import DISTANCE_M, reaching_pose

FRAMES = 5
FPS = 8.0


@pytest.fixture(scope="module")
def human(body) -> HoiMotion:
    """The acted motion in a world of its own: z up, heading elsewhere, far from the origin."""
    pose, transl = reaching_pose(FRAMES), np.tile([0, -0.15, DISTANCE_M], (FRAMES, 1))
    c, s = np.cos(2.3), np.sin(2.3)
    elsewhere = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    pose[:, 0], transl = turned_root(pose[:, 0], transl, np.zeros(3), elsewhere @ R_WORLD_CAMERA)
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    return HoiMotion(pose, transl + [7, -3, 1], np.zeros(10), FPS, body.name, camera)


def test_it_comes_back_to_where_it_was_seen(body, human, acted):
    scene = acted(FRAMES)
    fit = place_human(body, human, PersonSeen(scene.track, scene.K, FPS))
    seen = fit.points_m @ _level(fit.pitch_rad)
    assert np.linalg.norm(seen - scene.joints_camera_m, axis=-1).mean() < 0.03
    assert fit.error.max() < 0.01 and abs(np.rad2deg(fit.pitch_rad)) < 1.5


def test_poses_are_kept_and_points_are_those_of_the_parameters(body, human, acted):
    scene = acted(FRAMES)
    fit = place_human(body, human, PersonSeen(scene.track, scene.K, FPS))
    np.testing.assert_array_equal(fit.pose_rad[:, 1:], human.pose_rad[:, 1:])
    np.testing.assert_allclose(body.joints(fit.pose_rad, fit.transl_m, fit.betas).numpy(), fit.points_m, atol=1e-5)
    assert fit.floor_m == pytest.approx(fit.points_m[..., 2].min(), abs=0.03)


def test_a_depth_image_decides_the_distance(body, human, acted):
    scene = acted(FRAMES)
    depth = np.full(scene.size_px, 3.5 - 0.11)  # of the chest, before the pelvis
    fit = place_human(body, human, PersonSeen(scene.track, scene.K, FPS, depth_m=depth))
    distance = (fit.points_m[0, 0] @ _level(fit.pitch_rad))[2]
    assert 3.3 < distance < 3.55


def test_a_given_tilt_of_the_camera_is_kept(body, human, acted):
    scene = acted(FRAMES)
    known = KnownScene(gravity_camera=[0, np.cos(0.05), np.sin(0.05)])
    fit = place_human(body, human, PersonSeen(scene.track, scene.K, FPS, known=known))
    assert fit.pitch_rad == pytest.approx(-0.05, abs=0.01)


def test_another_motion_is_a_named_error(body, human, acted):
    scene = acted(FRAMES)
    pose = human.pose_rad.copy()
    pose[:, 1:22] += np.random.default_rng(0).normal(0, 0.8, (21, 3))
    with pytest.raises(LiftError, match="the given human misses the person.*from this very video") as caught:
        place_human(body, human.replace(pose_rad=pose), PersonSeen(scene.track, scene.K, FPS))
    assert caught.value.code == ErrorCode.FIT_DIVERGED


@pytest.mark.parametrize(
    "frames, fps, words", [(9, 8.0, "5 frames, the video 9"), (FRAMES, 25.0, "8 frames per second, the video 25")]
)
def test_frames_of_another_clip_are_a_named_error(human, frames, fps, words):
    with pytest.raises(InputError, match=words) as caught:
        check_human(human, frames, fps)
    assert caught.value.code == ErrorCode.SIZE_MISMATCH
    check_human(human, FRAMES, 8.0)


def _level(pitch_rad: float) -> np.ndarray:  # camera axes in the level frame
    c, s = np.cos(pitch_rad), np.sin(pitch_rad)
    return np.array([[1, 0, 0], [0, s, c], [0, -c, s]])
