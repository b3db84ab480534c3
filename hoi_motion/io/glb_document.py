"""A binary glTF 2.0 file: arrays go into one buffer; nodes, meshes and their animation are JSON beside it."""

import json
import struct

import numpy as np
from scipy.spatial.transform import Rotation

_COMPONENT_TYPES = {"int8": 5120, "uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
_ELEMENT_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
ARRAY_BUFFER = 34962
ELEMENT_ARRAY_BUFFER = 34963
ROTATION_GLTF_WORLD_XYZW = (-np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5))
# movement below this, in metres or in components of a quaternion, is none
STILL = 1e-7


class GlbBuffer:
    """Collects arrays as accessors and packs the file (glTF 2.0 specification, section 4.4)."""

    def __init__(self):
        self._bytes = bytearray()
        self.views, self.accessors = [], []

    def add(self, array: np.ndarray, target: int | None = None, normalized: bool = False) -> int:
        """Append an array (N, ...) and return the index of its accessor. Matrices are stored column by column."""
        array = np.asarray(array)
        if array.shape[1:] == (4, 4):
            array = np.swapaxes(array, 1, 2)
        data = np.ascontiguousarray(array)
        self._bytes.extend(b"\0" * (-len(self._bytes) % 4))
        view = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": data.nbytes}
        self._bytes.extend(data.tobytes())
        self.views.append(view | ({"target": target} if target else {}))
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENT_TYPES[data.dtype.name],
            "count": len(data),
            "type": _ELEMENT_TYPES[data.shape[1:]],
        }
        if normalized:
            accessor["normalized"] = True
        if data.dtype == np.float32 and data.ndim < 3:
            lowest, highest = data.min(axis=0), data.max(axis=0)
            accessor |= {"min": np.atleast_1d(lowest).tolist(), "max": np.atleast_1d(highest).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def pack(self, document: dict) -> bytes:
        """The whole file: header, JSON chunk, binary chunk."""
        binary = bytes(self._bytes) + b"\0" * (-len(self._bytes) % 4)
        document = document | {
            "buffers": [{"byteLength": len(binary)}],
            "bufferViews": self.views,
            "accessors": self.accessors,
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        size = 12 + 8 + len(text) + 8 + len(binary)
        header = struct.pack("<4sII", b"glTF", 2, size)
        return (
            header
            + struct.pack("<I4s", len(text), b"JSON")
            + text
            + struct.pack("<I4s", len(binary), b"BIN\0")
            + binary
        )


class GlbDocument:
    """Nodes under one node "world", which turns our z-up world into glTF's y-up one; all else keeps our numbers.

    Args:
        fps: of everything that moves.
        num_frames: of it.
    """

    def __init__(self, num_frames: int, fps: float):
        self.buffer = GlbBuffer()
        self.nodes, self.meshes, self.materials, self.skins = [], [], [], []
        self._channels, self._samplers = [], []
        self._times_s = (np.arange(num_frames) / fps).astype(np.float32)
        self._times: int | None = None  # accessor, where anything moves
        self.world = self.node("world", rotation=list(map(float, ROTATION_GLTF_WORLD_XYZW)), children=[])
        self.roots = [self.world]

    def node(self, name: str, **properties) -> int:
        self.nodes.append({"name": name} | properties)
        return len(self.nodes) - 1

    def child(self, parent: int, node: int) -> int:
        self.nodes[parent].setdefault("children", []).append(node)
        return node

    def mesh(self, name: str, attributes: dict, faces: np.ndarray, rgb: tuple[float, ...]) -> int:
        """A mesh of one material.

        Args:
            attributes: name in glTF -> index of an accessor; faces: (F, 3); rgb: 0..1, as a screen has it.
        """
        pbr = {"baseColorFactor": [*linear(np.array(rgb)).tolist(), 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.9}
        self.materials.append({"name": name, "pbrMetallicRoughness": pbr, "doubleSided": True})
        dtype = np.uint16 if faces.max() < 65535 else np.uint32
        indices = self.buffer.add(faces.reshape(-1).astype(dtype), ELEMENT_ARRAY_BUFFER)
        part = {"attributes": attributes, "indices": indices, "material": len(self.materials) - 1}
        self.meshes.append({"name": name, "primitives": [part]})
        return len(self.meshes) - 1

    def solid(self, name: str, vertices_m: np.ndarray, faces: np.ndarray, rgb: tuple[float, ...]) -> int:
        """A node of the world with flat sides."""
        corners, normals, faces = flat_sides(vertices_m, faces)
        return self.surface(name, corners, faces, normals, rgb)

    def surface(self, name: str, vertices_m, faces: np.ndarray, normals, rgb: tuple[float, ...]) -> int:
        """A node of the world whose corners have the normals that they are given."""
        attributes = {
            "POSITION": self.buffer.add(np.asarray(vertices_m, np.float32), ARRAY_BUFFER),
            "NORMAL": self.buffer.add(np.asarray(normals, np.float32), ARRAY_BUFFER),
        }
        return self.child(self.world, self.node(name, mesh=self.mesh(name, attributes, faces, rgb)))

    def place(self, node: int, T_parent_node: np.ndarray) -> None:  # (4, 4)
        self.nodes[node]["translation"] = T_parent_node[:3, 3].tolist()
        self.nodes[node]["rotation"] = Rotation.from_matrix(T_parent_node[:3, :3]).as_quat().tolist()

    def move(self, node: int, T_parent_node: np.ndarray) -> None:  # (T, 4, 4)
        self.animate(node, "translation", T_parent_node[:, :3, 3])
        self.turn(node, Rotation.from_matrix(T_parent_node[:, :3, :3]).as_quat())

    def turn(self, node: int, quaternions_xyzw: np.ndarray) -> None:  # (T, 4)
        """With signs such that a viewer interpolates the short way."""
        flips = np.where((quaternions_xyzw[1:] * quaternions_xyzw[:-1]).sum(axis=1) < 0, -1.0, 1.0)
        self.animate(node, "rotation", quaternions_xyzw * np.concatenate([[1.0], np.cumprod(flips)])[:, None])

    def animate(self, node: int, path: str, values: np.ndarray) -> None:  # (T, 3 or 4)
        """Key every frame; a value that never changes is only set on the node."""
        self.nodes[node][path] = np.asarray(values[0], np.float64).tolist()
        if np.abs(values - values[0]).max() < STILL:
            return
        if self._times is None:
            self._times = self.buffer.add(self._times_s)
        output = self.buffer.add(values.astype(np.float32))
        self._samplers.append({"input": self._times, "output": output, "interpolation": "LINEAR"})
        self._channels.append({"sampler": len(self._samplers) - 1, "target": {"node": node, "path": path}})

    def pack(self, name: str, extras: dict | None = None) -> bytes:
        """The whole file.

        Args:
            name: of the animation; extras: what the format has no place for, put beside the file's version.
        """
        document = {
            "asset": {"version": "2.0", "generator": "hoi_motion"} | ({"extras": extras} if extras else {}),
            "scene": 0,
            "scenes": [{"nodes": self.roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": self.materials,
        }
        if self.skins:
            document["skins"] = self.skins
        if self._channels:
            document["animations"] = [{"name": name, "channels": self._channels, "samplers": self._samplers}]
        return self.buffer.pack(document)


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB colours 0..1 as linear ones, which glTF asks for (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def flat_sides(vertices_m: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A mesh with sharp edges, every face with corners of its own: vertices (3F, 3), normals (3F, 3), faces (F, 3).

    All normals are of length 1, as glTF wants them; a face without an area gets z.
    """
    corners = np.asarray(vertices_m, float)[np.asarray(faces)]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    across = np.where(length > 0, across / np.where(length > 0, length, 1), (0, 0, 1))
    return corners.reshape(-1, 3), across.repeat(3, axis=0), np.arange(corners.size // 3).reshape(-1, 3)


def box_mesh(size_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners and outward faces of a box."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * np.asarray(size_m) / 2
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return corners, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
