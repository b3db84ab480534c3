"""Objects as rigid bodies: triangles rest and tip as hulls do, cups weigh as cups, boxes are no balls."""

import numpy as np
import pytest
import trimesh

from hoi_motion.execute.rigid_thing import RigidThing
from hoi_motion.motion import ObjectMotion
from hoi_motion.physics.bullet import pybullet
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.physics.world import bullet_client


def thing(mesh, name="thing") -> ObjectMotion:
    return ObjectMotion(name, mesh.vertices, mesh.faces, np.eye(4)[None])


def cup(wall_m=0.004) -> trimesh.Trimesh:
    r, h = 0.045, 0.12
    profile = [[0, 0], [r, 0], [r, h], [r - wall_m, h], [r - wall_m, wall_m], [0, wall_m]]
    return trimesh.creation.revolve(np.array(profile), sections=24)


def dropped(rigid: RigidThing, triangles: bool, tilt_rad: float) -> np.ndarray:  # (3,)
    """Where the object's own z axis points, 2 s after it was let go leaning on a table."""
    rigid.surface.__dict__["is_convex"] = not triangles
    with bullet_client() as client:
        on = dict(physicsClientId=client)
        pybullet.setGravity(0, 0, -9.81, **on)
        table = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=[1, 1, 0.1], **on)
        pybullet.createMultiBody(0, table, basePosition=[0, 0, -0.1], **on)
        body = rigid.create(client, False)
        T = np.eye(4)
        c, s = np.cos(tilt_rad), np.sin(tilt_rad)
        T[:3, :3] = [[1, 0, 0], [0, c, -s], [0, s, c]]
        T[2, 3] = 0.001 - (rigid.surface.vertices_m @ T[:3, :3].T)[:, 2].min()
        T = T @ rigid.T_object_mass
        turn = np.roll(trimesh.transformations.quaternion_from_matrix(T), -1)
        pybullet.resetBasePositionAndOrientation(body, T[:3, 3].tolist(), turn.tolist(), **on)
        for _ in range(480):
            pybullet.stepSimulation(**on)
        _, turn = pybullet.getBasePositionAndOrientation(body, **on)
        R = np.array(pybullet.getMatrixFromQuaternion(turn)).reshape(3, 3) @ rigid.T_object_mass[:3, :3].T
    return R[:, 2]


@pytest.mark.parametrize("tilt_deg, stands", [(0, True), (8, True), (50, False)])
def test_triangles_rest_and_tip_as_the_hull_does(tilt_deg, stands):
    box = trimesh.creation.box((0.06, 0.08, 0.16))
    axes = [dropped(RigidThing(thing(box)), triangles, np.radians(tilt_deg)) for triangles in (True, False)]
    assert [abs(axis[2]) > 0.99 for axis in axes] == [stands, stands]


def test_a_cup_weighs_by_what_it_is_and_not_by_its_walls():
    thin, thick = (RigidThing(thing(cup(wall)), "cup") for wall in (0.002, 0.008))
    assert thin.mass_kg == pytest.approx(thick.mass_kg, rel=0.01) == pytest.approx(0.15, abs=0.05)


def test_a_cup_has_its_mass_in_its_walls():
    middle_m = RigidThing(thing(cup())).T_object_mass[2, 3]
    assert middle_m < 0.06  # a solid one has it at half its height; the bottom makes it lower
    moments = RigidThing(thing(cup()), "cup")._mass_frame[1]
    solid = trimesh.creation.cylinder(0.045, 0.12)
    assert moments.min() > RigidThing(thing(solid), "cup")._mass_frame[1].min()


def test_the_corners_of_a_box_are_as_far_from_its_middle_as_a_balls_but_it_is_none():
    box, ball = trimesh.creation.box((0.1, 0.1, 0.17)), trimesh.creation.icosphere(radius=0.05)
    assert [ObjectSurface(m.vertices, m.faces).is_round for m in (box, ball)] == [False, True]
