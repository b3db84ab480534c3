"""RigidThing: an object of a motion as a free rigid body: its shape, mass and centre of mass."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull

from hoi_motion.motion import ObjectMotion
from hoi_motion.physics.bullet import collision_mesh, pybullet, visual_mesh
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.physics.world import object_mass_kg


@dataclass(frozen=True)
class RigidThing:
    """An object with one density in all of its material: a cup has its mass in its walls.

    Attributes:
        source: the object; noun: what it is called, for its density; empty takes the object's name.
    """

    source: ObjectMotion
    noun: str = ""

    @cached_property
    def surface(self) -> ObjectSurface:
        return ObjectSurface(self.source.vertices_m, self.source.faces, self.source.name)

    @cached_property
    def mass_kg(self) -> float:
        """By class and outer volume: the class's density allows for walls and hollows."""
        return object_mass_kg(self.noun or self.source.name, ConvexHull(self.surface.vertices_m).volume)

    @cached_property
    def _mass_frame(self) -> tuple[np.ndarray, np.ndarray]:  # (4, 4), (3,)
        import trimesh

        surface = self.surface
        mesh = trimesh.Trimesh(
            surface.triangles_m.reshape(-1, 3), np.arange(len(surface.triangles_m) * 3).reshape(-1, 3)
        )
        moments, axes = np.linalg.eigh(mesh.moment_inertia * self.mass_kg / surface.volume_m3)
        axes[:, 0] *= np.sign(np.linalg.det(axes))
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = axes, surface.centre_m
        return T, moments

    @property
    def T_object_mass(self) -> np.ndarray:  # (4, 4)
        """Centre of mass and principal axes."""
        return self._mass_frame[0]

    def create(self, client: int, seen: bool) -> int:
        """A body in a PyBullet client, in the frame of its mass.

        Convex shapes are hulls and balls are balls. Others are their triangles as they are: cutting them into convex
        parts closes the gap between a cup's walls by millimetres. Triangles meet boxes, balls and hulls but no other
        triangles, nor the plane.
        """
        surface, (T, moments) = self.surface, self._mass_frame

        def in_mass_frame(points_m: np.ndarray) -> np.ndarray:
            return (points_m - T[:3, 3]) @ T[:3, :3]

        corners_m = in_mass_frame(surface.triangles_m.reshape(-1, 3))
        triangles = corners_m, np.arange(len(corners_m))
        if surface.is_round:
            low, high = surface.bounds_m
            shape = pybullet.createCollisionShape(
                pybullet.GEOM_SPHERE,
                radius=float((high - low).mean() / 2),
                collisionFramePosition=in_mass_frame((low + high) / 2).tolist(),
                physicsClientId=client,
            )
        elif surface.is_convex:
            shape = collision_mesh(client, in_mass_frame(surface.hull_m))
        else:
            shape = collision_mesh(client, *triangles)
        drawn = visual_mesh(client, *triangles) if seen else -1
        # PyBullet rotates shapes wrongly when the principal axes are rotated: the shapes are rotated instead
        body = pybullet.createMultiBody(self.mass_kg, shape, drawn, physicsClientId=client)
        pybullet.changeDynamics(body, -1, localInertiaDiagonal=moments.tolist(), physicsClientId=client)
        return body
