"""Primitives found again from their outlines."""

import cv2
import numpy as np
import pytest
import torch
import trimesh

from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.object.family import BALL, BOTTLE, BOWL, CUP, MUG, VASE, families_of
from hoi_motion.lift.object.shape import Primitive, fit_primitive
from hoi_motion.rigid import R_about_z

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


def _drawn(primitive: Primitive, at_m=(0.1, 0.05, DEPTH_M)) -> np.ndarray:
    """Every triangle: an outline that is nowhere convex by force."""
    return _drawn_from(*primitive.surface(), at_m)


def _drawn_from(vertices, faces, at_m=(0.1, 0.05, DEPTH_M)) -> np.ndarray:
    points = vertices @ R_CAMERA_LEVEL.T + np.array(at_m)
    px = (points / points[:, 2:]) @ K[:2].T
    mask = np.zeros((480, 720), np.uint8)
    for face in faces:
        cv2.fillConvexPoly(mask, np.round(px[face] * 16).astype(np.int32), 1, shift=4)
    return mask > 0


@pytest.mark.parametrize(
    "noun, family, size, shares",
    [
        ("cup", CUP, (0.1, 0.1, 0.13), (0.75,)),
        ("bowl", BOWL, (0.17, 0.17, 0.08), ()),
        ("bottle", BOTTLE, (0.1, 0.1, 0.25), (0.62, 0.36)),
        ("vase", VASE, (0.12, 0.12, 0.21), (0.55, 0.95, 1.0, 0.6, 0.4, 0.6)),
    ],
)
def test_a_named_vessel_is_found_with_its_profile(noun, family, size, shares):
    true = Primitive("revolved", np.array(size), profile=family.profile(*shares), is_open=family.is_open)
    found = fit_primitive(_drawn(true), K, R_CAMERA_LEVEL, DEPTH_M, families_of(noun))
    assert found.shape == "revolved" and found.is_open == family.is_open
    np.testing.assert_allclose(found.size_m, size, rtol=0.08)
    heights = np.linspace(0.3, 1.0, 8)  # the foot is seen from above and hardly tells how wide it is
    radii = [np.interp(heights, p[:, 1], p[:, 0]) for p in (true.profile, found.profile)]
    np.testing.assert_allclose(radii[1], radii[0], atol=0.13)


@pytest.mark.parametrize("turned_rad, side", [(0.0, 1), (np.pi, -1)])
def test_a_mugs_handle_is_no_part_of_its_cylinder(turned_rad, side):
    true = Primitive("revolved", np.array([0.1, 0.1, 0.11]), profile=MUG.profile(), is_open=True, handle=0.35)
    vertices, faces = true.surface()
    c, s = np.cos(turned_rad), np.sin(turned_rad)
    points = vertices @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ R_CAMERA_LEVEL.T + [0.1, 0.05, DEPTH_M]
    px = (points / points[:, 2:]) @ K[:2].T
    mask = np.zeros((480, 720), np.uint8)
    for face in faces:
        cv2.fillConvexPoly(mask, np.round(px[face] * 16).astype(np.int32), 1, shift=4)
    found = fit_primitive(mask > 0, K, R_CAMERA_LEVEL, DEPTH_M, families_of("mug"))
    np.testing.assert_allclose(found.size_m, true.size_m, rtol=0.08)
    assert np.cos(found.yaw_rad) * side > 0.9 and found.handle == pytest.approx(0.35, abs=0.12)
    assert found.off_middle_px[0] * side < -3  # the handle is on the other side of the middle


def test_a_wrong_name_does_not_make_a_box_a_ball():
    mask = _outline(Primitive("box", np.array([0.08, 0.08, 0.3])))
    assert fit_primitive(mask, K, R_CAMERA_LEVEL, DEPTH_M, families_of("ball")).shape != "sphere"


def test_what_stands_before_a_ball_does_not_make_it_smaller():
    mask = _outline(Primitive("sphere", np.full(3, 0.2)))
    columns = np.flatnonzero(mask.any(0))
    hidden = np.zeros(mask.shape, bool)
    hidden[:, columns[int(0.5 * len(columns))] :] = True
    found = fit_primitive(mask & ~hidden, K, R_CAMERA_LEVEL, DEPTH_M, (BALL,), hidden)
    np.testing.assert_allclose(found.size_m, 0.2, rtol=0.12)
    assert found.off_middle_px[0] == pytest.approx(0.25 * len(columns), abs=0.08 * len(columns))


@pytest.mark.parametrize("diameter_m", [0.06, 0.1, 0.16])
def test_outlines_are_not_larger_by_the_pixels_of_their_border(diameter_m):
    rows, columns = np.indices((480, 720))
    rays = np.stack([(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones(rows.shape)], -1)
    middle = np.array([0.1, 0.05, DEPTH_M])
    cosine = rays @ middle / np.linalg.norm(rays, axis=-1) / np.linalg.norm(middle)
    mask = np.arccos(cosine) < np.arcsin(diameter_m / 2 / np.linalg.norm(middle))
    found = fit_primitive(mask, K, R_CAMERA_LEVEL, DEPTH_M, (BALL,))
    np.testing.assert_allclose(found.size_m, diameter_m, rtol=0.025)


def _guitar() -> np.ndarray:
    """A body of 27 cm by 36 cm with a neck, seen broadside: nothing in its outline tells how deep it is."""
    mask = np.zeros((480, 720), np.uint8)
    cv2.ellipse(mask, (330, 250), (72, 54), 0, 0, 360, 1, -1)
    cv2.rectangle(mask, (395, 240), (520, 256), 1, -1)
    return mask > 0


def test_what_is_wider_than_high_is_not_taken_to_be_as_deep_as_wide():
    found = fit_primitive(_guitar(), K, R_CAMERA_LEVEL, DEPTH_M)
    seen_wide_m = np.ptp(np.nonzero(_guitar())[1]) * DEPTH_M / K[0, 0]
    assert found.size_m[1] < 0.6 * found.size_m[0]
    assert found.size_m[0] < 1.15 * seen_wide_m, "and it is turned broadside"


def test_a_clear_outline_tells_a_depth_that_is_not_usual():
    turned = Primitive("box", np.array([0.3, 0.43, 0.13]))
    vertices, faces = turned.surface()
    mask = _drawn_from(vertices @ R_about_z(np.deg2rad(22.5)).T, faces)
    found = fit_primitive(mask, K, R_CAMERA_LEVEL, DEPTH_M)
    assert found.shape == "box" and found.overlap > 0.95
    assert min(found.size_m[:2]) > 1.6 * found.size_m[2]


def test_what_is_not_round_is_no_ball():
    star = np.zeros((480, 720), np.uint8)
    for turn in range(0, 180, 45):
        cv2.ellipse(star, (400, 250), (60, 12), turn, 0, 360, 1, -1)
    assert fit_primitive(star > 0, K, R_CAMERA_LEVEL, DEPTH_M).shape != "sphere"


def test_a_plate_is_a_disc():
    plate = Primitive("cylinder", np.array([0.26, 0.26, 0.02]))
    found = fit_primitive(_drawn(plate), K, R_CAMERA_LEVEL, DEPTH_M, families_of("dinner plate"))
    np.testing.assert_allclose(found.size_m[:2], 0.26, rtol=0.1)
    assert found.size_m[2] < 0.05


@pytest.mark.parametrize("size_px", [(6, 420), (420, 6), (1, 300)])
def test_a_stick_that_is_thin_for_its_length_is_one(size_px):
    height, width = size_px
    mask = np.zeros((480, 720), bool)
    mask[240 - height // 2 : 240 - height // 2 + height, 360 - width // 2 : 360 - width // 2 + width] = True
    found = fit_primitive(mask, K, R_CAMERA_LEVEL, DEPTH_M)
    seen_m = np.array([width, height]) * DEPTH_M / K[0, 0]
    long, thin = (found.size_m[0], found.size_m[2]) if width > height else (found.size_m[2], found.size_m[0])
    assert found.shape != "sphere" and found.overlap > 0.3
    assert abs(long / seen_m.max() - 1) < 0.25 and thin < 0.15 * long
