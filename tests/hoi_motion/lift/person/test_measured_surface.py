"""A body against a depth image."""

import numpy as np
import pytest
import torch

from hoi_motion.lift.person.measured_surface import CLOTHES_M, MeasuredSurface, grown_betas
from tests.hoi_motion.conftest import DISTANCE_M, K, depth_image, reaching_pose


@pytest.fixture(scope="module")
def standing(body):
    """Skin (V, 3) of a standing body in the camera frame."""
    pose, transl = reaching_pose(1), np.float32([[0, -0.15, DISTANCE_M]])
    return body.vertices_and_joints(pose, transl, np.zeros(10))[0][0].double().numpy()


def _ratio(surface, vertices_m):
    ids, measured_m = surface.seen(vertices_m)
    return np.median((measured_m - CLOTHES_M) / vertices_m[ids, 2])


@pytest.mark.parametrize("wrong", [0.85, 1.0, 1.15])
def test_a_body_at_the_wrong_distance_is_told_by_how_much(body, standing, wrong):
    surface = MeasuredSurface(depth_image(standing), K, body.faces)
    assert _ratio(surface, wrong * standing) == pytest.approx(1 / wrong, rel=0.005)


def test_a_table_before_the_legs_and_unknown_pixels_do_not_count(body, standing):
    depth = depth_image(standing)
    depth[110:] = np.linspace(2.2, 1.2, 130)[:, None]
    depth[:, ::2] = 0
    depth[60:70] = np.nan
    assert _ratio(MeasuredSurface(depth, K, body.faces), 1.1 * standing) == pytest.approx(1 / 1.1, rel=0.005)


def test_only_skin_that_faces_the_camera_is_seen(body, standing):
    ids, _ = MeasuredSurface(depth_image(standing), K, body.faces).seen(standing)
    depth_of_trunk = standing[body.part_vertices["spine2"], 2]
    seen = np.intersect1d(ids, body.part_vertices["spine2"])
    assert len(seen) and standing[seen, 2].max() < np.median(depth_of_trunk) + 0.02


def test_where_nothing_is_known_nothing_is_seen(body, standing):
    ids, measured_m = MeasuredSurface(np.zeros((240, 360)), K, body.faces).seen(standing)
    assert len(ids) == len(measured_m) == 0


@pytest.mark.parametrize("ratio", [0.88, 1.0, 1.1])
def test_a_body_grows_in_every_bone_alike(body, ratio):
    betas = torch.tensor(np.random.default_rng(0).normal(0, 0.7, body.num_betas), dtype=torch.float32)

    def bones_m(b):
        joints = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), b)[0, :22]
        return (joints - joints[:1]).numpy()

    np.testing.assert_allclose(bones_m(grown_betas(body.skeleton, betas, ratio)), ratio * bones_m(betas), atol=0.02)


def test_what_stands_before_a_masked_person_is_not_their_skin(body, standing):
    """A board before most of them is the largest surface at one distance."""
    depth = depth_image(standing)
    person = depth < 5
    board = np.zeros_like(person)
    board[60:] = True
    depth[board] = 0.75 * DISTANCE_M
    plain, told = (MeasuredSurface(depth, K, body.faces, mask) for mask in (None, person & ~board))
    assert _ratio(plain, standing) == pytest.approx(0.75, rel=0.05)
    assert _ratio(told, standing) == pytest.approx(1, rel=0.005)
