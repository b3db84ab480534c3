"""Closed surfaces, with walls."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.lift.object.family import BOTTLE, BOWL, CUP, MUG, VASE
from hoi_motion.lift.object.surface import WALL_M, hollowed, revolved, surface_of
from hoi_motion.physics.surface import ObjectSurface

SIZE_M = np.array([0.1, 0.1, 0.14])
shares = st.floats(0.3, 1.0)


def meshes(*arguments) -> list[trimesh.Trimesh]:
    """The closed parts of a surface."""
    return trimesh.Trimesh(*surface_of(*arguments), process=False).split(only_watertight=False)


@settings(max_examples=25, deadline=None)
@given(st.lists(shares, min_size=2, max_size=6), st.booleans())
def test_what_is_revolved_is_closed_and_faces_outwards(radii, is_open):
    line = np.column_stack([0.05 * np.array(radii), np.linspace(0, 0.14, len(radii))])
    mesh = trimesh.Trimesh(*revolved(hollowed(line, WALL_M) if is_open else line), process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0


@settings(max_examples=25, deadline=None)
@given(shares, shares)
def test_a_revolved_solid_has_the_volume_of_its_frustum(low, high):
    line = np.array([[low, 0.0], [high, 1.0]])
    sides = 24
    polygon = sides / (2 * np.pi) * np.sin(2 * np.pi / sides)  # of a circle's area, with so many sides
    wanted = polygon * np.pi / 3 * (low**2 + low * high + high**2)
    assert trimesh.Trimesh(*revolved(line), process=False).volume == pytest.approx(wanted, rel=1e-6)


def test_a_mugs_handle_is_a_closed_rod_beside_it_at_plus_x():
    parts = meshes("revolved", SIZE_M, MUG.profile(), True, 0.4)
    assert len(parts) == 2 and all(part.is_watertight and part.volume > 0 for part in parts)
    rod = min(parts, key=lambda part: part.volume)
    assert rod.vertices[:, 0].max() == pytest.approx(0.05 + 0.4 * 0.1, abs=0.005)
    assert np.abs(rod.vertices[:, 1]).max() < 0.01


@pytest.mark.parametrize("family", [CUP, BOWL, VASE])
def test_an_open_vessel_is_hollow_and_its_wall_is_as_thick_as_said(family):
    profile = family.profile(*family.starts)
    surface = ObjectSurface(*surface_of("revolved", SIZE_M, profile, True, 0.0))
    assert not surface.is_convex and not surface.replaced_by_hull
    solid = ObjectSurface(*surface_of("revolved", SIZE_M, profile, False, 0.0))
    assert surface.volume_m3 < 0.35 * solid.volume_m3
    rim = surface.vertices_m[np.abs(surface.vertices_m[:, 2] - SIZE_M[2] / 2) < 1e-9]
    radii = np.unique(np.round(np.linalg.norm(rim[:, :2], axis=1), 6))
    assert np.ptp(radii[radii > 1e-6]) == pytest.approx(WALL_M, abs=1e-4)


def test_a_bottle_has_a_neck_that_a_small_gripper_takes():
    vertices, _ = surface_of("revolved", SIZE_M, BOTTLE.profile(0.6, 0.4), False, 0.0)
    top = vertices[vertices[:, 2] > 0.4 * SIZE_M[2]]
    assert np.ptp(top[:, 0]) == pytest.approx(0.04, abs=1e-3)
