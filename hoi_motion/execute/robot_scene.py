"""RobotScene: a robot at work as moving parts in the world, for whoever draws it; written as an animated glTF file."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array
from hoi_motion.errors import ErrorCode, InputError, RetargetError, counted
from hoi_motion.files import write_whole
from hoi_motion.io.glb import COLOURS
from hoi_motion.io.glb_document import GlbDocument, box_mesh, flat_sides
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.bullet import pybullet

# corners this near to each other become one: robots' meshes are made for close-ups
CELL_M = 0.005
# what a cylinder or ball of a URDF is drawn with
ROUND_CORNERS = 24
PEDESTAL_RGB = (0.72, 0.73, 0.75)


@dataclass(frozen=True)
class MovingPart:
    """A rigid piece of a scene.

    Attributes:
        name: of it; rgb: 0..1.
        vertices_m: (V, 3) in its own frame; normals: (V, 3); faces: (F, 3).
        T_world_part: (T, 4, 4); is_robot: whether it is a link of the robot.
    """

    name: str
    vertices_m: np.ndarray  # (V, 3)
    normals: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)
    rgb: tuple[float, float, float]
    T_world_part: np.ndarray  # (T, 4, 4)
    is_robot: bool = False

    def __post_init__(self):
        what = f"part {self.name}"
        for field, width in (("vertices_m", 3), ("normals", 3)):
            values = checked_array(getattr(self, field), f"{field} of {what}", ("V", width), np.float64)
            object.__setattr__(self, field, values)
        poses = checked_array(self.T_world_part, f"T_world_part of {what}", ("T", 4, 4), np.float64)
        object.__setattr__(self, "T_world_part", poses)


@dataclass(frozen=True)
class RobotScene:
    """All parts over the same frames.

    Attributes:
        parts: links of the robot and the objects around it; fps: of their poses.
        source_time_s: (T,) the person's time that each frame belongs to.
        to_scale: whether it has the size of the person's scene (a humanoid's may be smaller).
    """

    parts: tuple[MovingPart, ...]
    fps: float
    source_time_s: np.ndarray  # (T,)
    to_scale: bool = True

    def __post_init__(self):
        times = checked_array(self.source_time_s, "source_time_s", ("T",), np.float64)
        object.__setattr__(self, "source_time_s", times)
        wrong = [part.name for part in self.parts if len(part.T_world_part) != len(times)]
        if wrong:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{', '.join(wrong)} have not {counted(len(times), 'frame')} as the scene"
            )

    def save_glb(self, path) -> None:
        """Raises: InputError OUTPUT_INVALID when the file cannot be written."""
        document = GlbDocument(len(self.source_time_s), self.fps)
        for part in self.parts:
            node = document.surface(part.name, part.vertices_m, part.faces, part.normals, part.rgb)
            document.move(node, part.T_world_part)
        extras = {"fps": self.fps, "to_scale": self.to_scale, "source_time_s": self.source_time_s.round(4).tolist()}
        write_whole(path, document.pack("robot", extras))


class SceneRecorder:
    """Writes down, frame by frame, where everything in a PyBullet world is.

    Args:
        client: PyBullet's number of the world, in which things are where the scene's first frame has them.
        robot: body number of the robot.
        bodies: name -> body number of all else; those that `scene` does not know (pedestal) are boxes.
        scene: objects and supports by name; scale: size of that world over the scene's.
    """

    def __init__(self, client: int, robot: int, bodies: dict[str, int], scene: HoiMotion, scale: float = 1.0):
        self._client, self._robot = dict(physicsClientId=client), robot
        self._bodies = {name: body for name, body in bodies.items() if name != "floor"}
        # parts smaller than a cell have no faces left
        self._shapes = [shape for shape in _robot_shapes(robot, self._client) if len(shape[2][2])]
        self._things = {name: self._thing(name, body, scene, scale) for name, body in self._bodies.items()}
        self._frames: list[dict] = []

    def look(self) -> None:
        """Add a frame."""
        links = {link: self._link(link) for link in {shape[0] for shape in self._shapes}}
        self._frames.append(links | {name: self._base(body) for name, body in self._bodies.items()})

    def scene(self, fps: float, source_time_s: np.ndarray, to_scale: bool = True) -> RobotScene:
        """What was written down."""
        parts = [
            MovingPart(
                f"robot {link}",
                *mesh,
                rgb,
                np.stack([frame[link] for frame in self._frames]) @ T_link_shape,
                True,
            )
            for link, T_link_shape, mesh, rgb in self._shapes
        ]
        for name, (mesh, rgb, T_body_thing) in self._things.items():
            poses = np.stack([frame[name] for frame in self._frames]) @ T_body_thing
            parts.append(MovingPart(name, *mesh, rgb, poses))
        return RobotScene(tuple(parts), fps, source_time_s, to_scale)

    def _thing(self, name: str, body: int, scene: HoiMotion, scale: float) -> tuple:
        """Mesh, colour, and its frame in that of the body, which may be one of its mass."""
        now = self._base(body)
        for thing in scene.objects:
            if thing.name == name:
                T = np.array(thing.T_world_object[0])
                T[:3, 3] *= scale
                colour = COLOURS["target" if thing.is_target else "object"]
                return flat_sides(thing.vertices_m * scale, thing.faces), colour, np.linalg.inv(now) @ T
        size = next((s.size_m * scale for s in scene.supports if s.name == name), None)
        colour = COLOURS["support"]
        if size is None:
            size, colour = pybullet.getCollisionShapeData(body, -1, **self._client)[0][3], PEDESTAL_RGB
        return flat_sides(*box_mesh(np.array(size))), colour, np.eye(4)

    def _link(self, link: int) -> np.ndarray:  # (4, 4)
        if link < 0:
            T_link_mass = _pose(*pybullet.getDynamicsInfo(self._robot, -1, **self._client)[3:5])
            return self._base(self._robot) @ np.linalg.inv(T_link_mass)
        return _pose(*pybullet.getLinkState(self._robot, link, computeForwardKinematics=1, **self._client)[4:6])

    def _base(self, body: int) -> np.ndarray:  # (4, 4)
        return _pose(*pybullet.getBasePositionAndOrientation(body, **self._client))


def _robot_shapes(body: int, client: dict) -> Iterator[tuple]:
    """Link, pose of the shape in it, mesh, colour."""
    for _, link, kind, size, file, place, turn, rgba in (v[:8] for v in pybullet.getVisualShapeData(body, **client)):
        T_link_shape = _pose(place, turn)
        if kind == pybullet.GEOM_MESH:
            for mesh, rgb in _file_meshes(file.decode(), size):
                yield link, T_link_shape, mesh, rgba[:3] if rgb is None else rgb
        else:
            yield link, T_link_shape, _primitive(kind, size), rgba[:3]


def _file_meshes(file: str, scale) -> Iterator[tuple]:
    """The meshes of a file, each of one colour; None where the file gives none."""
    import trimesh

    read = trimesh.load(file, force="scene", process=False)
    assert isinstance(read, trimesh.Scene)  # as asked for
    for mesh in read.dump():
        if not isinstance(mesh, trimesh.Trimesh):
            continue  # lines and points have no faces
        material = getattr(mesh.visual, "material", None)
        mesh.apply_scale(scale)
        yield _smooth(mesh), None if material is None else tuple(np.asarray(material.main_color[:3]) / 255)


def _primitive(kind: int, size) -> tuple:
    import trimesh

    if kind == pybullet.GEOM_BOX:
        return flat_sides(*box_mesh(np.array(size)))
    if kind == pybullet.GEOM_SPHERE:
        return _smooth(trimesh.creation.uv_sphere(size[0], count=[ROUND_CORNERS] * 2))
    if kind == pybullet.GEOM_CYLINDER:
        mesh = trimesh.creation.cylinder(size[1], size[0], sections=ROUND_CORNERS)
        return flat_sides(mesh.vertices, mesh.faces)
    if kind == pybullet.GEOM_CAPSULE:
        return _smooth(trimesh.creation.capsule(size[0], size[1], count=[ROUND_CORNERS] * 2))
    raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"a link of the robot has a shape of PyBullet's kind {kind}")


def _smooth(mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, normals, faces of a mesh in which corners of one cell that look the same way are one."""
    vertices, normals = np.asarray(mesh.vertices), np.asarray(mesh.vertex_normals)
    key = np.c_[np.round(vertices / CELL_M), np.round(normals)].astype(int)
    _, first, cell = np.unique(key, axis=0, return_index=True, return_inverse=True)
    faces = cell.reshape(-1)[np.asarray(mesh.faces)]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    return vertices[first], normals[first], faces


def _pose(position, turn_xyzw) -> np.ndarray:  # (4, 4)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.from_quat(turn_xyzw).as_matrix(), position
    return T
