"""Primitives found again from their outlines."""

import cv2
import numpy as np
import pytest
import torch
import trimesh

from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.object.shape import Primitive, fit_primitive

K = np.array([[600.0, 0, 359.5], [0, 600.0, 239.5], [0, 0, 1]])
R_CAMERA_LEVEL = R_level_camera(torch.tensor(-0.25, dtype=torch.float64)).numpy().T
DEPTH_M = 1.5


def _outline(primitive: Primitive) -> np.ndarray:
    vertices, _ = primitive.surface()
    points = vertices @ R_CAMERA_LEVEL.T + [0.1, 0.05, DEPTH_M]
    px = (points / points[:, 2:]) @ K[:2].T
    mask = np.zeros((480, 720), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(px).astype(np.int32)), 1)
    return mask > 0


@pytest.mark.parametrize(
    "shape, size", [("cylinder", (0.08, 0.08, 0.2)), ("sphere", (0.12, 0.12, 0.12)), ("cylinder", (0.15, 0.15, 0.1))]
)
def test_shape_and_size_are_found(shape, size):
    found = fit_primitive(_outline(Primitive(shape, np.array(size))), K, R_CAMERA_LEVEL, DEPTH_M)
    assert found.shape == shape and found.overlap > 0.93
    np.testing.assert_allclose(found.size_m, size, rtol=0.12)


def test_a_box_is_covered_well():
    found = fit_primitive(_outline(Primitive("box", np.array([0.2, 0.12, 0.08]))), K, R_CAMERA_LEVEL, DEPTH_M)
    assert found.overlap > 0.9


@pytest.mark.parametrize("shape", ["box", "cylinder", "sphere"])
def test_surfaces_are_closed_and_face_outwards(shape):
    mesh = trimesh.Trimesh(*Primitive(shape, np.array([0.1, 0.1, 0.2])).surface())
    assert mesh.is_watertight and mesh.volume > 0
