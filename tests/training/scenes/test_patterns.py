"""Patterns change the colours of a thing and nothing else."""

import numpy as np
import pytest

from training.scenes.drawing import creased_mesh
from training.scenes.objects import make_object
from training.scenes.patterns import FINE_M, divided, patterned


@pytest.fixture(params=["box", "mug"])
def mesh(request):
    model = make_object(request.param, "red", np.random.default_rng(3))
    return creased_mesh(model.vertices_m, model.faces, model.albedo, 5)


def _area(mesh) -> float:
    a, b, c = mesh.vertices_m[mesh.faces].transpose(1, 0, 2)
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()


def test_smaller_triangles_are_the_same_surface(mesh):
    fine = divided(mesh, FINE_M)
    assert _area(fine) == pytest.approx(_area(mesh), rel=1e-4)
    np.testing.assert_allclose(np.ptp(fine.vertices_m, axis=0), np.ptp(mesh.vertices_m, axis=0), atol=1e-6)
    a, b, c = fine.vertices_m[fine.faces].transpose(1, 0, 2)
    faces_out = (np.cross(b - a, c - a) * fine.normals[fine.faces[:, 0]]).sum(1)
    assert (faces_out > -1e-9).all()
    assert len(fine.faces) > 3 * len(mesh.faces) or np.ptp(mesh.vertices_m) < FINE_M


def test_a_patterned_thing_has_two_colours_one_of_them_its_own(mesh):
    for seed in range(8):
        colours = np.unique(patterned(mesh, 0.12, np.random.default_rng(seed)).albedo, axis=0)
        assert 1 <= len(colours) <= 2
        assert (np.abs(colours - mesh.albedo[0]) < 1e-6).all(1).any()
