"""Surfaces of untrusted Wavefront OBJ files, as any program writes them.

Read here, because other readers each refuse or misread a part of what the format allows: numbers with a comment behind
them, tabs, lines that go on in the next one, corners written `1/` or `1//`, and corners that count back from their own
line, not from the end of the file.
"""

import io
from array import array
from dataclasses import dataclass

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.reading.polygons import fans

MAX_ROWS = 5_000_000
"""Of vertices, of normals and of polygons, each; of corners three times as many."""
MAX_MATERIAL_FILES = 100
"""Each is opened: a file of 100 MB would have room for ten million names."""


@dataclass(frozen=True)
class ObjSurface:
    """Triangles of an OBJ file and what they belong to.

    Attributes:
        vertices: (V, 3) in the file's unit, as they are stored; faces: (F, 3) of them.
        normals: (N, 3) as stored; face_normals: (F, 3) of them at the corners, -1 where the file has none.
        solids: (F,) numbers that change with each `o` or `g` line: for simulators, each is a convex solid of its own.
        materials: (F,) index into `material_names`.
        material_names: in the order of their first use, "" before any; material_files: those that the file names, once
            each.
    """

    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)
    normals: np.ndarray  # (N, 3)
    face_normals: np.ndarray  # (F, 3)
    solids: np.ndarray  # (F,)
    materials: np.ndarray  # (F,)
    material_names: tuple[str, ...]
    material_files: tuple[str, ...]


def read_obj(content: bytes) -> ObjSurface:
    """The surface in an OBJ; lines, points and curves are passed over.

    Raises:
        ValueError: for what is damaged, beyond the limits, or no surface.
    """
    vertices, normals = array("d"), array("d")
    corners, corner_normals = array("q"), array("q")
    counts, solids, materials = array("q"), array("q"), array("q")
    solid, material, names, files = 0, 0, {"": 0}, {}
    for line in _lines(content):
        kind, rest = (*line.split(None, 1), b"", b"")[:2]
        if kind in (b"v", b"vn"):
            (vertices if kind == b"v" else normals).extend(_three(rest))
        elif kind == b"f":
            # corners that count back count from here
            counted = len(vertices) // 3, len(normals) // 3
            words = _numbers(rest, MAX_ROWS)
            if len(words) > MAX_ROWS:
                raise ValueError(f"one of its polygons has more than {MAX_ROWS} corners")
            for word in words:
                at, normal = _corner(word, *counted)
                corners.append(at)
                corner_normals.append(normal)
            counts.append(len(words))
            solids.append(solid)
            materials.append(material)
        elif kind in (b"o", b"g"):
            solid += 1
        elif kind == b"usemtl":
            material = names.setdefault(_text(rest), len(names))
        elif kind == b"mtllib":
            files[_text(rest)] = True  # some programs write the line again before each solid
            if len(files) > MAX_MATERIAL_FILES:
                raise ValueError(f"it names more than {MAX_MATERIAL_FILES} material files")
        if max(len(vertices), len(normals), len(corners), 3 * len(counts)) > 3 * MAX_ROWS:
            raise ValueError(
                f"it has more than {MAX_ROWS} vertices, normals or polygons, or three times as many corners"
            )
    triangles, polygons = fans(np.array(counts, int))
    at, normal = np.array(corners, int)[triangles], np.array(corner_normals, int)[triangles]
    points, directions = (np.array(values).reshape(-1, 3) for values in (vertices, normals))
    if not np.isfinite(points).all():
        raise ValueError("it has vertices that are not finite")
    if not len(at):
        raise ValueError(f"it has no surface ({len(points)} vertices)")
    if not 0 <= at.min() <= at.max() < len(points):
        raise ValueError(f"its faces name vertices {at.min() + 1} to {at.max() + 1}, and there are {len(points)}")
    # normals are for drawing alone: wrong ones are left out
    normal[(normal < 0) | (normal >= len(directions))] = -1
    groups = (np.array(values, int)[polygons] for values in (solids, materials))
    return ObjSurface(points, at, directions, normal, *groups, tuple(names), tuple(files))


def _lines(content: bytes) -> io.BytesIO:
    """Its lines, whatever ends them, and each with those that it goes on in."""
    text = content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return io.BytesIO(text.replace(b"\\\n", b" "))


def _numbers(rest: bytes, most: int) -> list[bytes]:
    """The first words and, in one, what is left: words take twenty times the memory of the line that they are in."""
    return rest.partition(b"#")[0].split(None, most)


def _three(rest: bytes) -> list[float]:
    """The first three numbers: a weight or a colour may follow."""
    words = _numbers(rest, 3)[:3]
    if len(words) < 3:
        raise ValueError(f"a point of it has {len(words)} numbers")
    return [float(word) for word in words]


def _corner(word: bytes, num_vertices: int, num_normals: int) -> tuple[int, int]:
    """Vertex and normal of a corner, counted from 0; the normal is -1 where there is none."""
    vertex, _, others = word.partition(b"/")
    normal = others.partition(b"/")[2] if others else b""
    return _place(int(vertex), num_vertices), _place(int(normal), num_normals) if normal else -1


def _place(number: int, count: int) -> int:
    """From 1 on, or back from the newest, to from 0 on; what is not there is negative."""
    if abs(number) > MAX_ROWS:
        raise ValueError(f"one of its corners names row {shown(number)}")
    return number - 1 if number >= 0 else number + count


def _text(rest: bytes) -> str:
    """A name: it may have blanks and # in it."""
    return rest.decode("utf-8", "replace").strip()
