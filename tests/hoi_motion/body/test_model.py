from pathlib import Path

import numpy as np
import pytest
import torch

from hoi_motion.body import JOINT_NAMES, PARENTS, SURFACE_POINTS, load_body
from hoi_motion.body.free_body_file import read_free_body, smplx_arrays
from hoi_motion.body.model import OFFICIAL_BODY
from hoi_motion.body.posed import vertex_normals
from hoi_motion.errors import ErrorCode, LiftError

GOLDEN = Path(__file__).with_name("anny_posed_skeletons.npz")
"""Random poses with the joints of Anny's own posed skeleton, written by body.from_anny.free_body --golden."""


def still(body, betas=None):
    out = body.vertices_and_joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.zeros(10) if betas is None else betas)
    return (tensor[0].numpy() for tensor in out)


def test_joints_follow_annys_own_skeleton_within_a_centimetre(body):
    golden = np.load(GOLDEN)
    anny_has = [j for j, name in enumerate(JOINT_NAMES) if name != "jaw"]  # Anny has no jaw bone
    for pose, betas, wanted in zip(golden["pose_rad"], golden["betas"], golden["joints_m"]):
        _, joints = body.vertices_and_joints(pose[None], np.zeros((1, 3)), betas)
        joints = (joints[0] - joints[0, 0]).numpy()
        assert np.linalg.norm(joints - wanted, axis=1)[anny_has].max() < 0.01


def test_zero_pose_is_a_t_pose_facing_plus_z(body):
    vertices, joints = still(body)
    at = dict(zip(JOINT_NAMES, joints))
    arm = at["left_wrist"] - at["left_shoulder"]
    assert arm[0] > 0.4 and np.abs(arm[1:]).max() < 0.02 * arm[0] + 0.01
    assert at["head"][1] > at["pelvis"][1] > at["left_ankle"][1]
    assert vertices[SURFACE_POINTS["nose"], 2] > at["head"][2] + 0.08
    normals = vertex_normals(vertices, body.faces)
    assert (normals[body.part_vertices["left_palm"], 1] < 0).all()


def test_left_and_right_mirror_each_other(body):
    mirror = body.free.arrays["mirror_vertices"].astype(int)
    rng = np.random.default_rng(0)
    vertices, joints = still(body, rng.uniform(-2, 2, 10))
    assert np.abs(vertices[mirror] * [-1, 1, 1] - vertices).max() < 1e-3
    swap = [
        JOINT_NAMES.index(n.replace("left", "tmp").replace("right", "left").replace("tmp", "right"))
        for n in JOINT_NAMES
    ]
    assert np.abs(joints[swap] * [-1, 1, 1] - joints).max() < 1e-3


def test_height_stays_human_over_two_standard_deviations(body):
    rng = np.random.default_rng(0)
    betas = [*(2 * np.eye(10)), *(-2 * np.eye(10)), *rng.uniform(-2, 2, (100, 10))]
    shapes = body.v_template_m[:, 1, None] + body.shapedirs_m[:, 1] @ np.transpose(betas)
    heights = np.ptp(shapes, axis=0)
    assert 1.4 < heights.min() and heights.max() < 2.0


@pytest.mark.parametrize(
    "name", ["left_index", "left_thumb", "right_pinky", "left_ear", "right_big_toe", "left_heel", "nose"]
)
def test_surface_points_sit_where_their_names_say(body, name):
    vertices, joints = still(body)
    point, at = (
        vertices[SURFACE_POINTS[name + "_tip" if name + "_tip" in SURFACE_POINTS else name]],
        dict(zip(JOINT_NAMES, joints)),
    )
    near = {
        "left_index": "left_index3",
        "left_thumb": "left_thumb3",
        "right_pinky": "right_pinky3",
        "left_ear": "head",
        "right_big_toe": "right_foot",
        "left_heel": "left_ankle",
        "nose": "head",
    }[name]
    limit = {"left_ear": 0.16, "nose": 0.22, "left_heel": 0.14, "right_big_toe": 0.12}.get(name, 0.05)
    assert np.linalg.norm(point - at[near]) < limit


def test_fast_keypoints_equal_the_smplx_layer_and_carry_gradients(body):
    torch.manual_seed(0)
    pose, transl, betas = 0.4 * torch.randn(3, 55, 3), torch.randn(3, 3), torch.randn(10)
    vertices, joints = body.vertices_and_joints(pose, transl, betas)
    pose.requires_grad_()
    fast = body.joints(pose, transl, betas)
    assert (fast[:, :55] - joints).abs().max() < 1e-5
    assert (fast[:, 55:] - vertices[:, list(SURFACE_POINTS.values())]).abs().max() < 1e-5
    fast[:, -1].sum().backward()
    assert pose.grad[:, 0].abs().max() > 0 and torch.isfinite(pose.grad).all()


def test_gradient_at_the_zero_pose_is_finite(body):
    pose = torch.zeros(1, 55, 3, requires_grad=True)
    body.joints(pose, torch.zeros(1, 3), torch.zeros(10)).square().sum().backward()
    assert torch.isfinite(pose.grad).all()


def test_parts_cover_the_hands(body):
    parts = body.part_vertices
    assert len(parts["left_hand"]) == len(parts["right_hand"]) > 500
    assert set(parts["left_palm"]) < set(parts["left_hand"])
    assert body.parents.tolist() == list(PARENTS)


def test_a_file_in_smplx_format_is_loaded_by_path(body, tmp_path):
    np.savez(tmp_path / "body.npz", **smplx_arrays(read_free_body()))
    loaded = load_body(tmp_path / "body.npz")
    assert loaded.name == OFFICIAL_BODY and loaded.free is None
    assert np.array_equal(loaded.v_template_m, body.v_template_m)


@pytest.mark.parametrize("content", [None, b"", b"not a zip archive"])
def test_missing_or_damaged_file_is_body_model_missing(tmp_path, content):
    path = tmp_path / "SMPLX_NEUTRAL.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LiftError) as caught:
        load_body(path)
    assert caught.value.code == ErrorCode.BODY_MODEL_MISSING and caught.value.hint


def test_npz_that_is_no_body_names_what_it_lacks(tmp_path):
    np.savez(tmp_path / "other.npz", v_template=np.zeros((4, 3)))
    with pytest.raises(LiftError, match="J_regressor"):
        load_body(tmp_path / "other.npz")


def test_too_many_betas_are_refused(body):
    with pytest.raises(LiftError, match="12 betas"):
        body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.zeros(12))
