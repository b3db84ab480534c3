"""Geometry of the SMPL bodies: turned roots, joint orders, shapes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import SMPLX_PELVIS_M, on_body, turned_root
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.errors import InputError
from hoi_motion.io import smpl_family as family


def joints(body, pose, transl, pelvis):
    """Joints of the free body with its rest pelvis moved to `pelvis`."""
    return body.joints(pose, transl + pelvis, np.zeros(10)).numpy()[:, :55]


@given(seed=st.integers(0, 10**6), pelvis=st.tuples(*[st.floats(-1, 1)] * 3))
@settings(max_examples=15)
def test_joints_after_turning_equal_turned_joints(body, seed, pelvis):
    rng = np.random.default_rng(seed)
    pose, transl, R = (
        rng.normal(0, 0.5, (2, 55, 3)),
        rng.normal(0, 2, (2, 3)),
        Rotation.random(random_state=seed).as_matrix(),
    )
    before = joints(body, pose, transl, pelvis)
    pose[:, 0], transl = turned_root(pose[:, 0], transl, np.array(pelvis), R)
    assert np.allclose(joints(body, pose, transl, pelvis), before @ R.T, atol=2e-5)


def test_turning_there_and_back_changes_nothing():
    rng = np.random.default_rng(0)
    orient, transl = rng.normal(0, 0.5, (4, 3)), rng.normal(0, 1, (4, 3))
    there = turned_root(orient, transl, SMPLX_PELVIS_M, family.R_WORLD_Y_UP)
    back = turned_root(*there, SMPLX_PELVIS_M, family.R_WORLD_Y_UP.T)
    assert np.allclose(back[0], orient) and np.allclose(back[1], transl)


@pytest.mark.parametrize(
    "R, up, ahead",
    [(family.R_WORLD_Y_UP, (0, 1, 0), (0, 0, -1)), (family.R_WORLD_CAMERA, (0, -1, 0), (0, 0, 1))],
)
def test_the_axes_end_where_they_should(R, up, ahead):
    assert np.array_equal(R @ up, [0, 0, 1]) and np.array_equal(R @ ahead, [0, 1, 0]) and np.linalg.det(R) == 1


@pytest.mark.parametrize("count", [55, 52, 24, 22])
def test_joints_go_where_smplx_has_them(count):
    pose = np.arange(1.0, count + 1)[None, :, None] * np.full(3, 0.01)
    found = {name: round(100 * row[0]) for name, row in zip(JOINT_NAMES, family.smplx_pose(pose, "pose")[0])}
    assert found["pelvis"] == 1 and found["right_wrist"] == 22
    hands = {55: (26, 41), 52: (23, 38), 24: (0, 0), 22: (0, 0)}[count]
    assert (found["left_index1"], found["right_index1"]) == hands
    assert found["jaw"] == (23 if count == 55 else 0)


@pytest.mark.parametrize(
    "pose, words",
    [
        (np.zeros((3, 45 * 3)), "45 joints.*24 .SMPL."),
        (np.zeros((3, 70)), "expected"),
        (np.zeros((0, 165)), "no frames"),
        (np.full((2, 165), np.nan), "finite"),
    ],
)
def test_a_pose_of_no_known_body_is_named(pose, words):
    with pytest.raises(InputError, match=f"FILE_INVALID.*file.npz.*{words}"):
        family.smplx_pose(pose, "file.npz: poses")


def test_a_shape_of_another_body_is_left_out_and_said_so():
    betas, notes = family.kept_betas(np.ones(10), "SMPL", "neutral", 3, "file")
    assert not betas.any() and "betas of SMPL are left out" in notes[0]
    betas, notes = family.kept_betas(np.ones(10), "SMPL-X", "female", 3, "file")
    assert not betas.any() and "female SMPL-X" in notes[0]
    betas, notes = family.kept_betas(np.ones((3, 10)), "SMPL-X", "neutral", 3, "file")
    assert betas.all() and not notes


def test_another_body_keeps_pose_and_pelvis(body, motion):
    moved = on_body(motion.replace(body_model="smplx-neutral"), body)
    pelvis = body.joints(moved.pose_rad, moved.transl_m, moved.betas)[:, 0].numpy()
    assert np.allclose(pelvis, motion.transl_m + SMPLX_PELVIS_M, atol=1e-6)
    assert np.array_equal(moved.pose_rad, motion.pose_rad) and not moved.betas.any() and "anny-free" in moved.notes[-1]
    assert on_body(motion, body) is motion


def test_a_shape_that_another_body_loses_may_leave_the_floor_which_is_said(body, motion):
    shaped = motion.replace(body_model="smplx-neutral", betas=np.ones(10))
    assert "leave the floor" in on_body(shaped, body).notes[-1]
    assert "floor" not in on_body(shaped.replace(betas=np.zeros(10)), body).notes[-1]
