"""A mesh in convex parts, as PyBullet has it."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import ConvexHull

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.world import bullet_client
from hoi_motion.retarget.robots.in_bullet import PARTS_ALONG, load_robot
from hoi_motion.retarget.robots.mesh_parts import slabs


def hand() -> trimesh.Trimesh:
    """A palm with a finger on one side: an L, 60 mm wide and 100 mm high."""
    palm, finger = trimesh.creation.box((0.02, 0.06, 0.02)), trimesh.creation.box((0.02, 0.01, 0.08))
    palm.apply_translation([0, 0, 0.01])
    finger.apply_translation([0, -0.025, 0.06])
    return trimesh.util.concatenate([palm, finger])


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_parts_fill_what_the_mesh_fills_and_leave_the_opening_free(scale):
    mesh = hand()
    volume_m3 = sum(ConvexHull(vertices).volume for vertices, _ in slabs(mesh, np.array([0, 0, 1.0])))
    assert volume_m3 == pytest.approx(mesh.volume, rel=0.35) and mesh.convex_hull.volume > 1.8 * mesh.volume
    mesh.apply_scale(scale)
    parts = slabs(mesh, np.array([0, 0, 1.0 / scale]))  # a file in millimetres
    assert len(parts) == 13 and min(vertices[:, 2].min() for vertices, _ in parts) == pytest.approx(0)


@pytest.mark.parametrize("scale", [1000.0, 1e30])
def test_a_hand_in_millimetres_without_a_scale_is_refused_before_it_is_cut_into_thousands_of_slices(scale):
    mesh = hand()
    mesh.apply_scale(scale)
    with pytest.raises(RetargetError, match="m long - check its unit") as error:
        slabs(mesh, np.array([0, 0, 1.0]))
    assert error.value.code == ErrorCode.ROBOT_UNKNOWN


def decal(*corners) -> trimesh.Trimesh:
    return trimesh.Trimesh(np.array(corners, float), [[0, 1, 2], [0, 2, 3]], process=False)


@pytest.mark.parametrize("tilt_rad", [0.0, 0.4, np.pi / 2])
def test_a_label_without_thickness_is_felt_where_it_is(tmp_path, tilt_rad):
    """Upright beside the finger, askew, and across it."""
    mesh = decal([-0.02, 0, 0], [0.02, 0, 0], [0.02, 0, 0.03], [-0.02, 0, 0.03])
    mesh.apply_transform(trimesh.transformations.rotation_matrix(tilt_rad, [1, 0, 0]))
    mesh.export(tmp_path / "label.stl")
    mesh = f'<mesh filename="{tmp_path}/label.stl" {PARTS_ALONG}="0 0 1"/>'
    text = f'<robot name="r"><link name="hand"><collision><geometry>{mesh}</geometry></collision></link></robot>'
    normal = np.array([0, np.cos(tilt_rad), np.sin(tilt_rad)])
    for share, is_felt in ((0.015, True), (0.05, False)):
        at = share * np.array([0, -np.sin(tilt_rad), np.cos(tilt_rad)])
        with bullet_client() as client:
            load_robot(text, "hand.urdf", client, seen=False, fixed_base=True)
            ray = pybullet.rayTest((at + 0.1 * normal).tolist(), (at - 0.1 * normal).tolist(), physicsClientId=client)
        assert (ray[0][0] >= 0) is is_felt
        if is_felt:
            assert np.linalg.norm(np.array(ray[0][3]) - at) < 0.002


def test_a_mesh_that_is_a_line_is_refused_as_such():
    with pytest.raises(RetargetError, match="on one line") as error:
        slabs(decal([0, 0, 0], [0, 0, 0.01], [0, 0, 0.02], [0, 0, 0.03]), np.array([0, 0, 1.0]))
    assert error.value.code == ErrorCode.ROBOT_UNKNOWN


@pytest.mark.parametrize("along, is_free", [("", False), ("0 0 1", True)])
def test_a_link_that_is_taken_in_parts_lets_things_between_its_finger_and_the_other(tmp_path, along, is_free):
    hand().export(tmp_path / "hand.stl")
    parts = f'{PARTS_ALONG}="{along}"' if along else ""
    mesh = f'<mesh filename="{tmp_path}/hand.stl" {parts}/>'
    text = f'<robot name="r"><link name="hand"><collision><geometry>{mesh}</geometry></collision></link></robot>'
    with bullet_client() as client:
        load_robot(text, "hand.urdf", client, seen=False, fixed_base=True)
        ray = pybullet.rayTest([0, 0.1, 0.06], [0, -0.1, 0.06], physicsClientId=client)[0]
    assert (ray[3][1] < -0.015) is is_free
