"""The PyBullet world: floor, supports, objects as rigid bodies, the person as kinematically moved hulls."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from hoi_motion.errors import CheckError, ErrorCode
from hoi_motion.motion import ObjectMotion, SupportBox
from hoi_motion.physics.bullet import collision_mesh, pybullet
from hoi_motion.physics.person import PersonParts
from hoi_motion.physics.surface import ObjectSurface
from hoi_motion.rigid import moved_back, moved_each

GRAVITY_M_S2 = 9.81
# Mass over outer volume of household objects (YCB object set, Calli et al. 2015: hollow mugs to full cans).
DENSITY_KG_M3 = {"mug": 300, "cup": 200, "bowl": 250, "bottle": 600, "can": 900, "box": 250, "ball": 150, "book": 700}
DEFAULT_DENSITY_KG_M3 = 400
MASS_RANGE_KG = (0.02, 30.0)
FRICTION = 0.6
# an object within these distances of a support's top and of its edge rests on it
ON_IT_M = 0.02
EDGE_M = 0.05
COLLISION_MARGIN_M = 1e-4
"""PyBullet's own margin of 1 mm would count as penetration."""


def object_mass_kg(name: str, volume_m3: float) -> float:
    """Mass by class and outer volume: the first known word in the name sets the density, contents included."""
    density = next((d for word, d in DENSITY_KG_M3.items() if word in name.lower()), DEFAULT_DENSITY_KG_M3)
    return float(np.clip(density * volume_m3, *MASS_RANGE_KG))


def under_its_way(support: SupportBox, objects: Iterable[ObjectMotion]) -> SupportBox:
    """A support enlarged to the path of what rests on it in the first frame.

    A lift knows the height of a support, not its extent: it must extend to wherever the person slides the object. A
    support that is large enough is not changed.
    """
    T, half = support.T_world_box, support.size_m / 2
    low, high = -half[:2], half[:2]
    for thing in objects:
        corners = moved_back(T, moved_each(thing.T_world_object, thing.vertices_m))  # (T, V, 3)
        rests = np.abs(corners[..., 2].min(axis=1) - half[2]) < ON_IT_M
        middle = corners[0, :, :2].mean(axis=0)
        if rests[0] and (np.abs(middle) < half[:2]).all():
            places = corners[rests].reshape(-1, 3)[:, :2]
            low, high = np.minimum(low, places.min(axis=0)), np.maximum(high, places.max(axis=0))
    over = np.maximum(low < -half[:2], high > half[:2])
    if not over.any():
        return support
    low, high = low - EDGE_M * over, high + EDGE_M * over
    T = T.copy()
    T[:3, 3] += T[:3, :2] @ ((low + high) / 2)
    return replace(support, size_m=np.r_[high - low, support.size_m[2]], T_world_box=T)


@contextlib.contextmanager
def bullet_client() -> Iterator[int]:
    """A headless PyBullet client, disconnected at the end.

    Raises:
        CheckError: CHECK_NOT_RUN when it does not start.
    """
    client = pybullet.connect(pybullet.DIRECT)
    if client < 0:
        raise CheckError(ErrorCode.CHECK_NOT_RUN, "PyBullet does not start", "reinstall pybullet")
    try:
        yield client
    finally:
        pybullet.disconnect(physicsClientId=client)


class BulletWorld:
    """A scene that `_build` makes in its own PyBullet client; a context manager that disconnects it.

    Attributes:
        client: PyBullet's client ID.
    """

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.client = stack.enter_context(bullet_client())
            self._build()
            self._close = stack.pop_all().close
        return self

    def __exit__(self, *_) -> None:
        self._close()

    def _build(self) -> None:
        raise NotImplementedError

    def _place(self, body: int, T_world_body: np.ndarray) -> None:  # (4, 4)
        turn_xyzw = Rotation.from_matrix(T_world_body[:3, :3]).as_quat().tolist()
        pybullet.resetBasePositionAndOrientation(
            body, T_world_body[:3, 3].tolist(), turn_xyzw, physicsClientId=self.client
        )


class PhysicsWorld(BulletWorld):
    """The scene and the person.

    Bodies are named by a key: "floor", ("support", name), ("object", name), ("part", joint).
    """

    def __init__(self, parts: PersonParts, surfaces: dict[str, ObjectSurface], supports: tuple[SupportBox, ...]):
        self._parts, self._surfaces, self._supports = parts, surfaces, supports
        self._bodies = {}

    def _build(self) -> None:
        client = dict(physicsClientId=self.client)
        pybullet.setGravity(0, 0, -GRAVITY_M_S2, **client)
        self._bodies["floor"] = self._add(pybullet.createCollisionShape(pybullet.GEOM_PLANE, **client))
        for support in self._supports:
            half = (support.size_m / 2).tolist()
            shape = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, **client)
            self._bodies["support", support.name] = self._add(shape)
            self.place(("support", support.name), support.T_world_box)
        for name, surface in self._surfaces.items():
            shape = self._hull(surface.hull_m - surface.centre_m)
            outer_m3 = ConvexHull(surface.hull_m).volume  # the class's density includes an object's contents
            self._bodies["object", name] = self._add(shape, object_mass_kg(name, outer_m3))
        for joint, hull in self._parts.hulls_m.items():
            self._bodies["part", joint] = self._add(self._hull(hull))

    def _hull(self, points_m: np.ndarray) -> int:
        return collision_mesh(self.client, points_m)

    def _add(self, shape: int, mass_kg: float = 0.0) -> int:
        body = pybullet.createMultiBody(mass_kg, shape, physicsClientId=self.client)
        pybullet.changeDynamics(
            body, -1, lateralFriction=FRICTION, collisionMargin=COLLISION_MARGIN_M, physicsClientId=self.client
        )
        return body

    def place(self, key, T_world_body: np.ndarray) -> None:  # (4, 4)
        """Move a body; an object's frame is that of its mesh."""
        if key[0] == "object":  # PyBullet's frame is the centre of mass
            T_world_body = T_world_body.copy()
            T_world_body[:3, 3] += T_world_body[:3, :3] @ self._surfaces[key[1]].centre_m
        self._place(self._bodies[key], T_world_body)

    def depth_m(self, first, second) -> float:
        """Penetration depth of two bodies: the shortest shift that separates their hulls; 0 if they do not overlap."""
        return max((-point[8] for point in self._overlaps(first, second)), default=0.0)

    def separation_m(self, first, second) -> np.ndarray:  # (3,)
        """The shift of `first`, world, that undoes an overlap of `depth_m`; zero without one."""
        deepest = min(self._overlaps(first, second), key=lambda point: point[8], default=None)
        return np.zeros(3) if deepest is None else -deepest[8] * np.array(deepest[7])

    def _overlaps(self, first, second):
        return pybullet.getClosestPoints(
            self._bodies[first], self._bodies[second], distance=0.0, physicsClientId=self.client
        )
