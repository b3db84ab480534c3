"""What is handed to PyBullet does not stay behind, and comes out as it went in."""

import sys

import numpy as np
import pytest

from hoi_motion.physics.bullet import collision_mesh, pybullet, visual_mesh
from hoi_motion.physics.world import bullet_client

COUNT = 500
MESHES = 20


@pytest.fixture
def mesh():
    rng = np.random.default_rng(0)
    return rng.normal(size=(COUNT, 3)), rng.integers(0, COUNT, (2 * COUNT, 3)), rng.normal(size=(COUNT, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda client, vertices, faces, normals: visual_mesh(client, vertices, faces, normals),
        lambda client, vertices, faces, normals: collision_mesh(client, vertices, faces),
        lambda client, vertices, faces, normals: collision_mesh(client, vertices[:100]),
    ],
    ids=["seen", "triangles", "hull"],
)
def test_a_mesh_leaves_no_objects_behind(mesh, make):
    with bullet_client() as client:
        left = []
        for _ in range(3):  # PyBullet and the lists take what they need once
            before = sys.getallocatedblocks()
            for _ in range(MESHES):
                make(client, *mesh)
            left.append(sys.getallocatedblocks() - before)
        assert min(left) < MESHES  # not one of each mesh


def test_a_smaller_mesh_after_a_larger_one_is_itself():
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    with bullet_client() as client:
        collision_mesh(client, np.random.default_rng(0).normal(size=(100, 3)))
        body = pybullet.createMultiBody(0, collision_mesh(client, 0.5 * corners), physicsClientId=client)
        low, high = np.array(pybullet.getAABB(body, physicsClientId=client))
        assert np.allclose(high - low, 0.5, atol=0.1) and np.allclose((low + high) / 2, 0.25, atol=0.01)


def test_a_mesh_that_is_refused_leaves_the_next_one_alone(mesh):
    vertices, faces, _ = mesh
    with bullet_client() as client:
        with pytest.raises(ValueError):
            visual_mesh(client, np.full((3, 3), "x"), faces[:1] * 0)
        body = pybullet.createMultiBody(0, collision_mesh(client, vertices[:50]), physicsClientId=client)
        low, high = np.array(pybullet.getAABB(body, physicsClientId=client))
        assert np.allclose((low + high) / 2, (vertices[:50].min(0) + vertices[:50].max(0)) / 2, atol=0.01)
