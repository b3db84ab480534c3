import dataclasses

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body import load_body
from hoi_motion.body.change import in_world
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import InputError
from hoi_motion.ground import ground_motion
from hoi_motion.ground.path import _Banded, grounded_path
from hoi_motion.ground.soles import sole_vertices
from hoi_motion.ground.still_world import as_filmed
from hoi_motion.io.smpl_family import camera_in_front
from hoi_motion.motion import HoiMotion, ObjectMotion

FPS = 20.0
FRAMES = 50


@pytest.fixture(scope="module")
def body():
    return load_body()


@pytest.fixture(scope="module")
def walk(body) -> HoiMotion:
    """Four steps: the standing foot stays exactly where it is, on a floor at 0; the person looks along -y."""
    phase = np.linspace(0, 4 * np.pi, FRAMES)
    pose = np.zeros((FRAMES, 55, 3))
    pose[:, 0, 0] = np.pi / 2
    for side, sign in (("left", 1), ("right", -1)):
        swing = sign * np.sin(phase)
        bend = 0.15 + 0.7 * np.maximum(sign * np.cos(phase), 0) ** 2
        hip, knee, ankle = (JOINT_NAMES.index(f"{side}_{name}") for name in ("hip", "knee", "ankle"))
        pose[:, hip, 0] = -0.35 * swing - 0.5 * bend
        pose[:, knee, 0] = bend
        pose[:, ankle, 0] = 0.35 * swing - 0.5 * bend  # the soles stay level
    rest_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.zeros(10))[0, 0].numpy()
    soles = body.joints(pose, np.zeros((FRAMES, 3)), np.zeros(10), body.skin(sole_vertices(body))).numpy()[:, 55:]
    soles = soles.reshape(FRAMES, 2, -1, 3)
    path = np.zeros((FRAMES, 3))
    path[:, 2] = -soles[..., 2].min((1, 2))
    for t in range(1, FRAMES):
        standing = int(soles[t, 0, :, 2].mean() > soles[t, 1, :, 2].mean())
        path[t, :2] = path[t - 1, :2] - (soles[t, standing] - soles[t - 1, standing]).mean(0)[:2]
    path[:, :2] -= path[0, :2] + rest_m[:2]
    return HoiMotion(pose, path, np.zeros(10), FPS, body.name, camera_in_front(path[0]))


def spoilt(motion, body, seed=0):
    """Tilted by 15 degrees, drifting by 30 cm and jittering along y."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("xz", [15, 40], degrees=True).as_matrix()
    seconds = np.arange(FRAMES) / FPS
    drift = 0.3 * np.sin(2 * seconds) + np.random.default_rng(seed).normal(0, 0.01, FRAMES)
    moved = in_world(motion, T, body)
    return moved.replace(transl_m=moved.transl_m + drift[:, None] * [0.1, 1.0, 0.1])


def test_tilt_and_drift_that_were_added_are_taken_out(walk, body):
    given_motion = spoilt(walk, body)
    done = ground_motion(given_motion, body)
    up = done.motion.pose_rad[:, 0] - walk.pose_rad[:, 0]
    assert np.rad2deg(np.abs(up[:, [0, 2]]).max()) < 2
    assert np.rad2deg(done.tilt_rad) == pytest.approx(15, abs=2)
    assert np.abs(done.motion.transl_m - walk.transl_m).max() < 0.08  # of a way of 2.3 m
    assert np.abs(given_motion.transl_m - given_motion.transl_m[0] - (walk.transl_m - walk.transl_m[0])).max() > 0.3
    assert done.slide_after_m_s < 0.1 < done.slide_before_m_s
    soles = body.joints(done.motion.pose_rad, done.motion.transl_m, np.zeros(10), body.skin(sole_vertices(body)))
    assert np.abs(soles[:, 55:, 2].min(1).values.numpy()).max() < 0.02


@settings(max_examples=5, deadline=None)
@given(st.tuples(*[st.floats(-3, 3)] * 3), st.tuples(*[st.floats(-20, 20)] * 3))
def test_the_frame_in_which_a_motion_is_given_does_not_change_the_result(walk, body, turn, shift):
    given_motion = spoilt(walk, body)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_rotvec(turn).as_matrix(), shift
    one, other = (ground_motion(m, body).motion for m in (given_motion, in_world(given_motion, T, body)))
    assert np.allclose(one.transl_m, other.transl_m, atol=2e-3)
    R = [Rotation.from_rotvec(m.pose_rad[:, 0].astype(float)) for m in (one, other)]
    assert (R[0].inv() * R[1]).magnitude().max() < 2e-3
    assert np.allclose(one.camera.T_world_camera, other.camera.T_world_camera, atol=5e-3)


def test_the_camera_sees_the_first_frame_as_before(walk, body):
    given_motion = spoilt(walk, body)
    done = ground_motion(given_motion, body).motion
    seen = [
        m.camera.to_camera(body.joints(m.pose_rad[:1], m.transl_m[:1], m.betas).numpy()[0])
        for m in (given_motion, done)
    ]
    assert np.allclose(seen[0], seen[1], atol=1e-3)


def test_one_frame_is_set_on_the_floor(walk, body):
    one = walk.replace(pose_rad=walk.pose_rad[:1], transl_m=walk.transl_m[:1] + [0, 0, 7])
    done = ground_motion(one, body)
    assert done.motion.transl_m[0, 2] == pytest.approx(walk.transl_m[0, 2], abs=0.02) and done.slide_after_m_s == 0


def test_a_motion_with_objects_is_refused_with_what_to_do(walk, body):
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    box = ObjectMotion("cup", box.vertices, box.faces, np.tile(np.eye(4), (FRAMES, 1, 1)), "box")
    with pytest.raises(InputError, match="1 object, .*hoi-lift --human"):
        ground_motion(dataclasses.replace(walk, objects=(box,)), body)


def test_the_banded_solver_is_the_dense_one():
    rng = np.random.default_rng(1)
    weights, steps, bends, place = rng.uniform(0.5, 2, 6), rng.normal(0, 1, 6), rng.normal(0, 1, 5), 3.0
    banded = _Banded(7)
    banded.add_steps(weights, weights * steps)
    banded.add_bends(0.7, bends)
    banded.add_place(2, 1.5, 1.5 * place)
    first, second = np.diff(np.eye(7), axis=0), np.diff(np.eye(7), 2, axis=0)
    rows = np.concatenate([np.sqrt(weights)[:, None] * first, np.sqrt(0.7) * second, np.sqrt(1.5) * np.eye(7)[2:3]])
    right = np.concatenate([np.sqrt(weights) * steps, np.sqrt(0.7) * bends, [np.sqrt(1.5) * place]])
    assert np.allclose(banded.solved(), np.linalg.lstsq(rows, right, rcond=None)[0])


def test_who_is_seen_to_rise_is_in_the_air():
    """A body of two stiff feet that jumps 30 cm high."""
    soles = np.tile(np.array([[0.1, 0, -0.9], [-0.1, 0, -0.9]]), (FRAMES, 1, 1))
    height = 0.9 + np.maximum(0, 0.3 - 4.9 * ((np.arange(FRAMES) - 25) / FPS) ** 2)
    path = np.stack([np.zeros(FRAMES), np.zeros(FRAMES), height + 5.0], 1)
    found = grounded_path(path, soles, FPS)
    assert np.abs(found.path_m[:, 2] - height).max() < 0.1


def test_what_the_camera_does_is_taken_out_once(walk, body):
    turning = np.tile(np.eye(4), (FRAMES, 1, 1))
    turning[:, :3, :3] = Rotation.from_rotvec(np.outer(np.linspace(0, 0.5, FRAMES), [0, 1, 0])).as_matrix()
    filmed = as_filmed(walk, turning, body)
    done, plain = ground_motion(filmed, body).motion, ground_motion(walk, body).motion
    assert done.T_first_camera is None
    assert np.allclose(done.transl_m, plain.transl_m, atol=1e-3)
