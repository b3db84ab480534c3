"""PyBullet, and meshes passed to it as shapes without leaking memory.

PyBullet never releases the Python sequences of a mesh: it keeps a reference to every list of vertices and every vertex
in it, so each mesh leaks (6 MB for 10,000 vertices, 140 MB for a film of a person). It is therefore given the same row
objects every time, with other numbers in them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from hoi_motion.lazy import no_collection
from hoi_motion.native_log import quiet_pybullet

with quiet_pybullet():  # its build date, where commands print one line
    import pybullet

_rows: list[list[float]] = []  # rows of x, y and z: as many as the largest mesh so far needed
_vertices: list[list[float]] = []
_normals: list[list[float]] = []
_indices: list[int] = []
_in_use = threading.Lock()


def collision_mesh(client: int, vertices_m: np.ndarray, faces: np.ndarray | None = None) -> int:
    """PyBullet's index of a new collision shape.

    Args:
        vertices_m: (N, 3).
        faces: (F, 3), for the triangle mesh itself; None for the convex hull of the vertices.
    """
    with _lent(vertices_m, faces) as mesh:
        return pybullet.createCollisionShape(pybullet.GEOM_MESH, **mesh, physicsClientId=client)


def visual_mesh(
    client: int, vertices_m: np.ndarray, faces: np.ndarray, normals: np.ndarray | None = None, **look
) -> int:
    """PyBullet's index of a new visual shape.

    Args:
        vertices_m: (N, 3). faces: (F, 3). normals: (N, 3), None for PyBullet's own.
        look: colours, as arguments of createVisualShape.
    """
    with _lent(vertices_m, faces, normals) as mesh:
        return pybullet.createVisualShape(pybullet.GEOM_MESH, **mesh, **look, physicsClientId=client)


@contextmanager
def _lent(
    vertices_m: np.ndarray, faces: np.ndarray | None = None, normals: np.ndarray | None = None
) -> Iterator[dict[str, list]]:
    """A mesh as PyBullet's arguments, in shared lists and rows; the lists are emptied afterwards."""
    count = len(vertices_m)
    with _in_use, no_collection():
        _rows.extend([0.0, 0.0, 0.0] for _ in range(2 * count - len(_rows)))
        mesh: dict[str, list] = {"vertices": _filled(_vertices, _rows[:count], vertices_m)}
        if normals is not None:
            mesh["normals"] = _filled(_normals, _rows[count : 2 * count], normals)
        if faces is not None:
            _indices[:] = np.asarray(faces).ravel().tolist()
            mesh["indices"] = _indices
        try:
            yield mesh
        finally:
            for values in mesh.values():
                values.clear()


def _filled(rows: list[list[float]], free: list[list[float]], values: np.ndarray) -> list[list[float]]:
    """`rows` filled with shared row objects that now hold the values (N, 3)."""
    for row, value in zip(free, np.asarray(values, float).tolist()):
        row[:] = value
    rows[:] = free
    return rows
