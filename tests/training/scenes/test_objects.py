import numpy as np
import pytest
import trimesh

from training.scenes.objects import COLOURS, HELD_OUT_NAMES, OBJECT_NAMES, least_distance, make_object, signed_distance


@pytest.mark.parametrize("name", OBJECT_NAMES + HELD_OUT_NAMES)
def test_mesh_is_closed_and_stands_on_zero(name):
    thing = make_object(name, "red", np.random.default_rng(0))
    mesh = trimesh.Trimesh(thing.vertices_m, thing.faces, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0
    assert thing.vertices_m[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert thing.vertices_m[:, 2].max() == pytest.approx(thing.height_m, abs=1e-9)


@pytest.mark.parametrize("name", OBJECT_NAMES + HELD_OUT_NAMES)
def test_the_solid_the_hand_feels_hugs_the_mesh(name):
    thing = make_object(name, "red", np.random.default_rng(1))
    distance = thing.signed_distance(thing.vertices_m, np.eye(4))
    assert distance.max() < (0.045 if thing.has_handle else 1e-9)


@pytest.mark.parametrize("shape", [0, 1, 2])
def test_distance_has_unit_slope_outside(shape):
    rng = np.random.default_rng(shape)
    half = np.array([0.05, 0.05, 0.05])
    points = rng.uniform(-0.3, 0.3, (200, 3))
    away = points[signed_distance(points, shape, half) > 0.02]
    step = 1e-5
    slope = [
        (signed_distance(away + step * axis, shape, half) - signed_distance(away, shape, half)) / step
        for axis in np.eye(3)
    ]
    assert np.allclose(np.linalg.norm(slope, axis=0), 1, atol=1e-3)


def test_least_distance_equals_the_minimum_of_all():
    thing = make_object("can", "blue", np.random.default_rng(0))
    angle = 0.7
    T = np.array(
        [[np.cos(angle), -np.sin(angle), 0, 0.2], [np.sin(angle), np.cos(angle), 0, 0], [0, 0, 1, 0.1], [0, 0, 0, 1]]
    )
    points = np.random.default_rng(1).uniform(-1, 1, (50, 3)).astype(np.float32)
    ids = np.arange(0, 50, 2)
    assert thing.least_distance(points, ids, T) == pytest.approx(thing.signed_distance(points[ids], T).min(), abs=1e-6)
    assert least_distance(points, ids, np.eye(3), np.zeros(3), 1, np.ones(3)) < 1


def test_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match="bottle"):
        make_object("hammer", next(iter(COLOURS)), np.random.default_rng(0))
