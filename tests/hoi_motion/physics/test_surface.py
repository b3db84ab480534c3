import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from hoi_motion.errors import CheckError
from hoi_motion.physics.surface import ObjectSurface, box_signed_distance, closest_on_triangles, lowest_over_m


def surface(mesh):
    return ObjectSurface(mesh.vertices, mesh.faces)


@pytest.fixture
def points():
    return np.random.default_rng(0).uniform(-0.2, 0.2, (3000, 3))


def test_box_distance_is_the_analytic_one(points):
    size = np.array([0.1, 0.2, 0.06])
    found = surface(trimesh.creation.box(size)).signed_distance(points)
    assert np.abs(found - box_signed_distance(points, size)).max() < 1e-4


def test_sphere_distance(points):
    found = surface(trimesh.creation.icosphere(subdivisions=3, radius=0.1)).signed_distance(points)
    assert np.abs(found - (np.linalg.norm(points, axis=1) - 0.1)).max() < 2e-3


def test_concave_mesh_has_an_outside_in_its_hole(points):
    ring = surface(trimesh.creation.annulus(r_min=0.06, r_max=0.1, height=0.08))
    radius = np.linalg.norm(points[:, :2], axis=1)
    inside = (radius > 0.061) & (radius < 0.099) & (np.abs(points[:, 2]) < 0.039)
    outside = (radius < 0.059) | (radius > 0.101) | (np.abs(points[:, 2]) > 0.041)
    distance = ring.signed_distance(points)
    assert not ring.is_convex
    assert (distance[inside] < 0).all() and (distance[outside] > 0).all()


def test_the_orientation_of_the_faces_does_not_matter():
    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    flipped = ObjectSurface(mesh.vertices, mesh.faces[:, ::-1])
    assert flipped.signed_distance(np.zeros((1, 3)))[0] == pytest.approx(-0.05)
    assert flipped.volume_m3 == pytest.approx(1e-3)


def test_an_open_mesh_is_replaced_by_its_hull():
    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    opened = ObjectSurface(mesh.vertices, mesh.faces[:-2])
    assert opened.replaced_by_hull
    assert opened.signed_distance(np.zeros((1, 3)))[0] == pytest.approx(-0.05)


def test_a_flat_mesh_is_named():
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    with pytest.raises(CheckError, match="flat"):
        ObjectSurface(square, [[0, 1, 2], [0, 2, 3], [0, 1, 3], [1, 2, 3]], "plate")


def test_the_hull_of_a_closed_mesh_without_a_volume_is_refused_by_its_name():
    """Two sides of one square: every edge is met from both sides, so it is closed."""
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    folded = ObjectSurface(square, [[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]], "plate")
    with pytest.raises(CheckError, match="'plate' is flat"):
        _ = folded.hull_m


def test_closest_point_agrees_with_a_dense_search():
    rng = np.random.default_rng(1)
    triangles, points = rng.normal(size=(50, 3, 3)), rng.normal(size=(50, 3)) * 2
    u = rng.dirichlet((1, 1, 1), 20000)
    dense = np.linalg.norm(points[:, None] - u @ triangles, axis=2).min(axis=1)
    exact = np.linalg.norm(points - closest_on_triangles(points, triangles), axis=1)
    assert (exact <= dense + 1e-9).all() and (dense - exact).max() < 0.05


def test_centre_and_volume_of_a_shifted_cone():
    cone = trimesh.creation.cone(radius=0.1, height=0.2)
    cone.apply_translation((1, 2, 3))
    found = surface(cone)
    assert found.volume_m3 == pytest.approx(cone.volume) and np.allclose(found.centre_m, cone.center_mass)


@pytest.mark.parametrize("seed", range(8))
def test_lowest_point_over_a_rectangle_agrees_with_a_dense_search(seed):
    rng = np.random.default_rng(seed)
    corners, half = rng.normal(0, 0.3, (12, 3)), rng.uniform(0.05, 0.2, 2)
    corners[:, :2] += rng.uniform(-0.1, 0.1, 2)
    # a fine grid over the rectangle, each place the lowest point of the hull above it
    hull = ConvexHull(corners)
    x, y = np.meshgrid(*(np.linspace(-h, h, 60) for h in half))
    normals, offsets = hull.equations[:, :3], hull.equations[:, 3]
    down = normals[:, 2] < 0
    plane = -(normals[down, :2] @ np.stack([x.ravel(), y.ravel()]) + offsets[down, None]) / normals[down, 2:]
    height = plane.max(0)  # the lower surface of a convex hull
    points = np.column_stack([x.ravel(), y.ravel(), height])
    over = (points @ normals.T + offsets).max(1) < 1e-9
    assert over.any()
    assert lowest_over_m(corners, half) == pytest.approx(height[over].min(), abs=0.02)
    assert lowest_over_m(corners, half) <= height[over].min() + 1e-9


def test_nothing_is_over_a_rectangle_beside_a_hull():
    assert lowest_over_m(trimesh.creation.box((0.1, 0.1, 0.1)).vertices + [0.5, 0, 0], np.array([0.1, 0.1])) == np.inf
