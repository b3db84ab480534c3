"""What a moving camera does, taken out of a motion and put back."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.body import load_body
from hoi_motion.camera import Camera
from hoi_motion.errors import InputError
from hoi_motion.ground.still_world import as_filmed, in_still_world
from hoi_motion.motion import HoiMotion, ObjectMotion

T = 5
BOX = np.array([[x, y, z] for x in (0, 0.1) for y in (0, 0.1) for z in (0, 0.1)])
FACES = np.array([[0, 1, 3], [0, 3, 2], [4, 7, 5], [4, 6, 7], [0, 5, 1], [0, 4, 5], [2, 3, 7], [2, 7, 6], [0, 6, 4]])


@pytest.fixture(scope="module")
def body():
    return load_body()


def camera_path(seed):
    rng = np.random.default_rng(seed)
    path = np.tile(np.eye(4), (T, 1, 1))
    path[1:, :3, :3] = Rotation.from_rotvec(rng.normal(0, 0.3, (T - 1, 3))).as_matrix()
    path[1:, :3, 3] = rng.normal(0, 0.2, (T - 1, 3))
    return path


def some_motion(seed):
    rng = np.random.default_rng(seed)
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = Rotation.from_euler("xyz", [-100, 3, 20], degrees=True).as_matrix()
    T_world_camera[:3, 3] = [0.4, -3, 1.4]
    camera = Camera(np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]), T_world_camera, 640, 480)
    places = np.tile(np.eye(4), (T, 1, 1))
    places[:, :3, 3] = rng.normal(0, 0.3, (T, 3)) + [0.3, 0, 0.8]
    thing = ObjectMotion("target", BOX, FACES, places, "box", True)
    pose, transl = rng.normal(0, 0.2, (T, 55, 3)), rng.normal(0, 0.3, (T, 3)) + [0, 0, 0.9]
    return HoiMotion(pose, transl, rng.normal(0, 1, 10), 8.0, "anny-free", camera, objects=(thing,))


@pytest.mark.parametrize("seed", range(3))
def test_a_still_world_seen_by_the_moving_camera_is_what_was_filmed(seed, body):
    filmed = some_motion(seed).replace(T_first_camera=camera_path(seed))
    still, places = in_still_world(filmed, body), {}
    for name, motion in (("still", still), ("filmed", filmed)):
        joints = body.joints(motion.pose_rad.copy(), motion.transl_m.copy(), motion.betas.copy()).numpy()
        things = np.stack([motion.target.vertices_world(t) for t in range(T)])
        places[name] = motion.camera.to_camera(np.concatenate([joints, things], 1))
    for t, T_camera in enumerate(filmed.T_first_camera):
        seen = (places["still"][t] - T_camera[:3, 3]) @ T_camera[:3, :3]  # in that frame's camera
        np.testing.assert_allclose(seen, places["filmed"][t], atol=2e-5)
    assert still.T_first_camera is None


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_is_the_same_motion(seed, body):
    filmed = some_motion(seed).replace(T_first_camera=camera_path(seed))
    again = as_filmed(in_still_world(filmed, body), filmed.T_first_camera, body)
    np.testing.assert_allclose(again.transl_m, filmed.transl_m, atol=1e-5)
    np.testing.assert_allclose(again.target.T_world_object, filmed.target.T_world_object, atol=1e-6)
    turns = [Rotation.from_rotvec(m.pose_rad[:, 0].astype(float)) for m in (again, filmed)]
    assert (turns[0].inv() * turns[1]).magnitude().max() < 1e-5


def test_a_still_camera_s_motion_stays_as_it_is(body):
    motion = some_motion(0)
    assert in_still_world(motion, body) is motion
    assert as_filmed(motion, None, body) is motion


def test_the_camera_s_path_is_kept_in_the_file(tmp_path):
    filmed = some_motion(0).replace(T_first_camera=camera_path(0))
    filmed.save(tmp_path / "motion.npz")
    np.testing.assert_array_equal(HoiMotion.load(tmp_path / "motion.npz").T_first_camera, filmed.T_first_camera)


def test_a_path_of_another_length_is_refused():
    with pytest.raises(InputError, match="T_first_camera"):
        some_motion(0).replace(T_first_camera=camera_path(0)[1:])
