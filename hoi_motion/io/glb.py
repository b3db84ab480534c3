"""glTF export: the body skinned to its 55 joints and animated, objects, supports and the floor.

glTF is y up; the node "world" turns our z-up world into it, everything else keeps our numbers. Pose-dependent
corrections of the body and more than four skinning weights a vertex have no place in the format and are left out.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body import VERTEX_LABELS, load_body
from hoi_motion.body.joints import JOINT_NAMES, PARENTS
from hoi_motion.body.model import vertex_normals
from hoi_motion.body.posed import check_body
from hoi_motion.files import write_whole
from hoi_motion.io.glb_buffer import ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER, GlbBuffer
from hoi_motion.motion import HoiMotion, SupportBox

ROTATION_GLTF_WORLD_XYZW = (-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
FLOOR_SIZE_M = 4.0
_COLORS = {
    "target": (0.93, 0.45, 0.13),
    "object": (0.55, 0.6, 0.68),
    "support": (0.62, 0.47, 0.33),
    "floor": (0.8, 0.8, 0.8),
}
_SKIN = (205, 160, 130)
_LABEL_COLORS = {
    "hair": (60, 42, 30),
    "sclera": (245, 245, 245),
    "iris": (70, 90, 60),
    "brow": (60, 42, 30),
    "lips": (190, 105, 100),
    "shirt": (70, 110, 170),
    "sleeve": (70, 110, 170),
    "trousers": (60, 62, 75),
    "shoe": (40, 40, 42),
    "mouth": (120, 50, 50),
}


def write_glb(motion: HoiMotion, path, body=None) -> None:
    """Write an animated scene as one binary glTF file.

    Args:
        body: the BodyModel the motion was made with; None loads the free body.

    Raises:
        InputError: FILE_INVALID for a body of another name, OUTPUT_INVALID when the file cannot be written.
    """
    body = body if body is not None else load_body()
    check_body(body, motion)
    write_whole(path, _GlbScene(motion, body).pack())


class _GlbScene:
    """Builds the glTF document node by node."""

    def __init__(self, motion: HoiMotion, body):
        self.motion, self.buffer = motion, GlbBuffer()
        self.nodes, self.meshes, self.materials = [], [], []
        self.channels, self.samplers = [], []
        self.times = self.buffer.add((np.arange(motion.num_frames) / motion.fps).astype(np.float32))
        self.world = self._node("world", rotation=list(map(float, ROTATION_GLTF_WORLD_XYZW)), children=[])
        self.skin = self._add_body(body)
        for item in motion.objects:
            node = self._rigid(item.name, item.vertices_m, item.faces, "target" if item.is_target else "object")
            self._animate(node, "translation", item.T_world_object[:, :3, 3])
            self._animate(node, "rotation", _continuous(Rotation.from_matrix(item.T_world_object[:, :3, :3]).as_quat()))
        for support in motion.supports:
            node = self._rigid(support.name, *_box(support.size_m), "support")
            self._place(node, support)
        half = FLOOR_SIZE_M / 2
        corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
        self._rigid("floor", corners, np.array([[0, 1, 2], [0, 2, 3]]), "floor")

    def pack(self) -> bytes:
        return self.buffer.pack(
            {
                "asset": {"version": "2.0", "generator": "hoi_motion"},
                "scene": 0,
                "scenes": [{"nodes": [self.world, self.body_node]}],
                "nodes": self.nodes,
                "meshes": self.meshes,
                "materials": self.materials,
                "skins": [self.skin],
                "animations": [{"name": "interaction", "channels": self.channels, "samplers": self.samplers}],
            }
        )

    def _node(self, name: str, **properties) -> int:
        self.nodes.append({"name": name} | properties)
        return len(self.nodes) - 1

    def _child(self, parent: int, node: int) -> int:
        self.nodes[parent].setdefault("children", []).append(node)
        return node

    def _material(self, name: str, color) -> int:
        pbr = {"baseColorFactor": [*color, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.9}
        self.materials.append({"name": name, "pbrMetallicRoughness": pbr, "doubleSided": True})
        return len(self.materials) - 1

    def _mesh(self, name: str, attributes: dict, faces: np.ndarray, material: int) -> int:
        dtype = np.uint16 if faces.max() < 65535 else np.uint32
        indices = self.buffer.add(faces.reshape(-1).astype(dtype), ELEMENT_ARRAY_BUFFER)
        self.meshes.append(
            {"name": name, "primitives": [{"attributes": attributes, "indices": indices, "material": material}]}
        )
        return len(self.meshes) - 1

    def _animate(self, node: int, path: str, values: np.ndarray) -> None:  # (T, 3 or 4)
        """Key every frame; a value that never changes is only set on the node."""
        self.nodes[node][path] = np.asarray(values[0], np.float64).tolist()
        if np.abs(values - values[0]).max() < 1e-7:
            return
        sampler = {"input": self.times, "output": self.buffer.add(values.astype(np.float32)), "interpolation": "LINEAR"}
        self.samplers.append(sampler)
        self.channels.append({"sampler": len(self.samplers) - 1, "target": {"node": node, "path": path}})

    def _rigid(self, name: str, vertices_m: np.ndarray, faces: np.ndarray, kind: str) -> int:
        corners = vertices_m[faces].astype(np.float32)  # flat shading: every face has its own corners
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        attributes = {
            "POSITION": self.buffer.add(corners.reshape(-1, 3), ARRAY_BUFFER),
            "NORMAL": self.buffer.add(np.repeat(normals, 3, axis=0).astype(np.float32), ARRAY_BUFFER),
        }
        mesh = self._mesh(name, attributes, np.arange(len(corners) * 3), self._material(name, _COLORS[kind]))
        return self._child(self.world, self._node(name, mesh=mesh))

    def _place(self, node: int, support: SupportBox) -> None:
        self.nodes[node]["translation"] = support.T_world_box[:3, 3].tolist()
        self.nodes[node]["rotation"] = Rotation.from_matrix(support.T_world_box[:3, :3]).as_quat().tolist()

    def _add_body(self, body) -> dict:
        """Joints as nodes, the skinned mesh, and the animation of both."""
        motion = self.motion
        rest = body.vertices_and_joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), np.array(motion.betas))
        vertices, joints = (np.asarray(array[0], np.float64) for array in rest)
        nodes = [self._node(name) for name in JOINT_NAMES]
        quaternions = Rotation.from_rotvec(motion.pose_rad.reshape(-1, 3)).as_quat().reshape(-1, 55, 4)
        for joint, (node, parent) in enumerate(zip(nodes, PARENTS)):
            self._child(self.world if parent < 0 else nodes[parent], node)
            offset = joints[0] + motion.transl_m if parent < 0 else (joints[joint] - joints[parent])[None]
            self._animate(node, "translation", offset)
            self._animate(node, "rotation", _continuous(quaternions[:, joint]))
        top = np.argsort(-body.weights, axis=1)[:, :4]
        weights = np.take_along_axis(body.weights, top, axis=1).astype(np.float32)
        top = np.where(weights > 0, top, 0).astype(np.uint8)  # an unused slot names joint 0
        attributes = {
            "POSITION": self.buffer.add(vertices.astype(np.float32), ARRAY_BUFFER),
            "NORMAL": self.buffer.add(_vertex_normals(vertices, body.faces), ARRAY_BUFFER),
            "JOINTS_0": self.buffer.add(top, ARRAY_BUFFER),
            "WEIGHTS_0": self.buffer.add(weights / weights.sum(axis=1, keepdims=True), ARRAY_BUFFER),
        }
        color = (1.0, 1.0, 1.0)
        if body.vertex_labels is None:
            color = tuple(c / 255 for c in _SKIN)
        else:
            palette = np.array([(*_LABEL_COLORS.get(label, _SKIN), 255) for label in VERTEX_LABELS], np.uint8)
            attributes["COLOR_0"] = self.buffer.add(palette[body.vertex_labels], ARRAY_BUFFER, normalized=True)
        mesh = self._mesh("body", attributes, np.asarray(body.faces), self._material("body", color))
        self.body_node = self._node("body", mesh=mesh, skin=0)
        bind = np.tile(np.eye(4, dtype=np.float32), (55, 1, 1))
        bind[:, :3, 3] = -joints
        return {"joints": nodes, "skeleton": nodes[0], "inverseBindMatrices": self.buffer.add(bind)}


def _continuous(quaternions: np.ndarray) -> np.ndarray:  # (T, 4)
    """The same rotations with signs that let a viewer interpolate the short way."""
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return quaternions * np.concatenate([[1.0], np.cumprod(flips)])[:, None]


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:  # (V, 3) float32
    normals = vertex_normals(vertices, faces)
    normals[np.linalg.norm(normals, axis=1) < 0.5] = (0, 1, 0)  # a vertex without a face has none
    return normals.astype(np.float32)


def _box(size_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners and outward faces of a box."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.asarray(size_m) / 2
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
