"""Surfaces of untrusted COLLADA files: triangles and polygons of a scene, placed by its nodes.

Read here, because what is damaged ends native readers and the whole process with them, or keeps them for ever.
pycollada 0.9.3 ends nothing, but makes shapes of damage (a corner -3 or 3.7, points that are NaN, a unit of 0), turns
about an axis as if it had length 1, and refuses a mesh for a camera or normals that are not there.
"""

import xml.etree.ElementTree as xml
from collections import deque
from collections.abc import Iterator

import numpy as np

from hoi_motion.reading.polygons import fans
from hoi_motion.reading.xml_tree import parse_xml

MAX_DEPTH = 64
MAX_PARTS = 200_000
MAX_SURFACES = 10_000
MAX_TRIANGLES = 5_000_000
"""Of a whole scene: a node that is used again stands for as many parts, surfaces and triangles again."""
_POLYGONS = ("triangles", "polylist", "polygons", "tristrips", "trifans")


def read_collada(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in metres and faces (F, 3) of the scene.

    Axes are those of the file, whatever its `up_axis` says: so do ROS's readers, for which robots are made.

    Raises:
        ValueError or ExpatError for what is damaged, beyond the limits, or no surface.
    """
    root = parse_xml(content)
    if _name(root) != "COLLADA":
        raise ValueError(f"it is <{_name(root)}>")
    known = {element.get("id"): element for element in reversed([*root.iter()]) if element.get("id")}
    unit = next(_found(root, "asset", "unit"), None)
    metres = 1.0 if unit is None else float(unit.get("meter", 1.0))
    if not 0 < metres < np.inf:
        raise ValueError(f"its unit is {metres} m")
    scene = next(_found(root, "scene", "instance_visual_scene"), None)
    if scene is None:
        raise ValueError("it has no scene")
    to_metres = np.diag([metres, metres, metres, 1.0])
    surfaces, vertices, faces, first, total = {}, [], [], 0, 0
    for count, (geometry, T) in enumerate(_placed(_target(scene, known), to_metres, known), start=1):
        if count > MAX_SURFACES:
            raise ValueError(f"its scene has more than {MAX_SURFACES} surfaces")
        if geometry not in surfaces:
            surfaces[geometry] = _surface(geometry, known)
        points, triangles = surfaces[geometry]
        total += len(triangles)
        if total > MAX_TRIANGLES:
            raise ValueError(f"its scene has more than {MAX_TRIANGLES} triangles")
        vertices.append(points @ T[:3, :3].T + T[:3, 3])
        faces.append(triangles + first)
        first += len(points)
    if not total:
        raise ValueError("its scene has no surface")
    return np.concatenate(vertices), np.concatenate(faces)


def _placed(scene: xml.Element, T: np.ndarray, known: dict) -> Iterator[tuple[xml.Element, np.ndarray]]:
    """The geometries in a scene and their poses (4, 4)."""
    nodes, seen = deque([(scene, T, 0)]), 0
    while nodes:
        node, T, depth = nodes.popleft()
        seen += 1 + len(node)
        if depth > MAX_DEPTH or seen > MAX_PARTS:
            raise ValueError(f"its nodes are nested more than {MAX_DEPTH} levels deep, or have over {MAX_PARTS} parts")
        for part in node:
            if _name(part) in _MOVES:
                T = T @ _MOVES[_name(part)](_floats(part))
            elif _name(part) == "node":
                nodes.append((part, T, depth + 1))
            elif _name(part) == "instance_node":
                nodes.append((_target(part, known), T, depth + 1))
            elif _name(part) in ("lookat", "skew"):
                T = np.full((4, 4), np.nan)  # not read: cameras are placed so, of which nothing is taken
            elif _name(part) == "instance_geometry":
                if not np.isfinite(T).all():
                    raise ValueError("a surface of its scene is placed by <lookat>, <skew> or numbers without an end")
                yield _target(part, known), T
            elif _name(part) == "instance_controller":
                raise ValueError(
                    "its scene has <instance_controller>, a surface that joints bend: apply the armature to the mesh "
                    "in the program that made it, and export the mesh alone"
                )


def _matrix(numbers: np.ndarray) -> np.ndarray:
    return numbers.reshape(4, 4)


def _translation(numbers: np.ndarray) -> np.ndarray:
    T = np.eye(4)
    T[:3, 3] = numbers.reshape(3)
    return T


def _rotation(numbers: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    *axis, angle_deg = numbers.reshape(4)
    length = np.linalg.norm(axis)
    T = np.eye(4)
    if length > 0:
        T[:3, :3] = Rotation.from_rotvec(np.array(axis) * np.deg2rad(angle_deg) / length).as_matrix()
    return T


def _scale(numbers: np.ndarray) -> np.ndarray:
    return np.diag([*numbers.reshape(3), 1.0])


_MOVES = {"matrix": _matrix, "translate": _translation, "rotate": _rotation, "scale": _scale}


def _surface(geometry: xml.Element, known: dict) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in the geometry's own unit, and triangles (F, 3)."""
    vertices, triangles, first = [np.zeros((0, 3))], [np.zeros((0, 3), int)], 0
    for mesh in _found(geometry, "mesh"):
        for part in (part for part in mesh if _name(part) in _POLYGONS):
            inputs = [*_found(part, "input")]
            if not (corners := [one for one in inputs if one.get("semantic") == "VERTEX"]):
                raise ValueError(f"its <{_name(part)}> has no vertices")
            joined = _found(_target(corners[0], known, "source"), "input")
            if not (places := [one for one in joined if one.get("semantic") == "POSITION"]):
                raise ValueError("its vertices have no positions")
            points = _points(_target(places[0], known, "source"))
            stride = 1 + max(_count(one.get("offset", "0")) for one in inputs)
            faces = _triangles(part, stride, _count(corners[0].get("offset", "0")))
            if len(faces) and not 0 <= faces.min() <= faces.max() < len(points):
                told = f"{faces.min()} to {faces.max()}"
                raise ValueError(f"the corners of its triangles are points {told}, and there are {len(points)}")
            vertices.append(points)
            triangles.append(faces + first)
            first += len(points)
    return np.concatenate(vertices), np.concatenate(triangles)


def _points(source: xml.Element) -> np.ndarray:  # (V, 3)
    if (array := next(_found(source, "float_array"), None)) is None:
        raise ValueError("its points have no numbers")
    numbers = _floats(array)
    accessor = next(_found(source, "technique_common", "accessor"), None)
    stride, start = 3, 0
    if accessor is not None:
        stride, start = _count(accessor.get("stride", "1")), _count(accessor.get("offset", "0"))
    if stride < 3:
        raise ValueError(f"its points have {stride} numbers each")
    whole = numbers[start:]
    return whole[: len(whole) // stride * stride].reshape(-1, stride)[:, :3]


def _triangles(part: xml.Element, stride: int, offset: int) -> np.ndarray:  # (F, 3)
    kind = _name(part)
    if next(_found(part, "ph"), None) is not None:
        raise ValueError("its polygons have holes")
    rows = [_integers(p).reshape(-1, stride)[:, offset] for p in _found(part, "p")]
    if kind == "triangles":
        return np.concatenate([np.zeros((0, 3), int), *(corners.reshape(-1, 3) for corners in rows)])
    if kind == "tristrips":
        return np.concatenate([np.zeros((0, 3), int), *map(_strip, rows)])
    corners, counts = np.concatenate([np.zeros(0, int), *rows]), np.array([len(row) for row in rows], int)
    if kind == "polylist":
        counts = np.concatenate([np.zeros(0, int), *(_integers(counts) for counts in _found(part, "vcount"))])
        if not ((counts >= 0) & (counts <= len(corners))).all() or counts.sum() != len(corners):
            raise ValueError(f"the numbers of its polygons' corners are not those of the {len(corners)} that are named")
    return corners[fans(counts)[0]]


def _strip(corners: np.ndarray) -> np.ndarray:  # (N,) -> (N - 2, 3)
    if len(corners) < 3:
        return np.zeros((0, 3), int)
    faces = np.column_stack([corners[:-2], corners[1:-1], corners[2:]])
    faces[1::2] = faces[1::2, ::-1]  # every second one is turned over
    return faces


def _target(element: xml.Element, known: dict[str, xml.Element], key: str = "url") -> xml.Element:
    """What an element refers to by #id."""
    name = element.get(key, "")
    if not name.startswith("#") or name[1:] not in known:
        raise ValueError(f"its <{_name(element)}> refers to {name[:80]!r}, which is not there")
    return known[name[1:]]


def _found(element: xml.Element, name: str, *deeper: str) -> Iterator[xml.Element]:
    """Children of children, by names."""
    for child in element:
        if _name(child) == name:
            yield from _found(child, *deeper) if deeper else [child]


def _floats(element: xml.Element) -> np.ndarray:
    numbers = np.array((element.text or "").split(), float)
    if not np.isfinite(numbers).all():
        raise ValueError(f"its <{_name(element)}> holds numbers that are not finite")
    return numbers


def _integers(element: xml.Element) -> np.ndarray:
    return np.array((element.text or "").split(), np.int64)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise ValueError(f"{text[:80]!r} is no number of things")
    return int(text)


def _name(element: xml.Element) -> str:
    return str(element.tag).rpartition("}")[2]
