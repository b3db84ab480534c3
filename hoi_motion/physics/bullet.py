"""PyBullet, and meshes as its shapes, handed over so that nothing of them stays behind.

PyBullet never lets go of the sequences of a mesh: of every list of vertices, and of every vertex in it, it keeps a
count, and the memory of each mesh is lost (6 MB for 10,000 vertices, 140 for a film of a person). So it is given the
same rows again and again, with other numbers in them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from hoi_motion.lazy import no_collection
from hoi_motion.native_log import quiet_pybullet

with quiet_pybullet():  # its build date, where commands print one line
    import pybullet

_rows: list[list[float]] = []  # of x, y and z: as many as the largest mesh so far needed
_in_use = threading.Lock()


def collision_mesh(client: int, vertices_m: np.ndarray, faces: np.ndarray | None = None) -> int:
    """PyBullet's number of a shape to collide with.

    Args:
        vertices_m: (N, 3).
        faces: (F, 3), triangles as they are; None for the hull of the vertices.
    """
    with _lent(vertices_m) as (vertices,), _indices(faces) as indices:
        mesh = dict(vertices=vertices) if faces is None else dict(vertices=vertices, indices=indices)
        return pybullet.createCollisionShape(pybullet.GEOM_MESH, **mesh, physicsClientId=client)


def visual_mesh(
    client: int, vertices_m: np.ndarray, faces: np.ndarray, normals: np.ndarray | None = None, **look
) -> int:
    """PyBullet's number of a shape to be seen.

    Args:
        vertices_m: (N, 3). faces: (F, 3). normals: (N, 3), None for PyBullet's own.
        look: colours, as createVisualShape takes them.
    """
    given = [vertices_m] if normals is None else [vertices_m, normals]
    with _lent(*given) as rows, _indices(faces) as indices:
        mesh = dict(zip(("vertices", "normals"), rows))
        return pybullet.createVisualShape(pybullet.GEOM_MESH, **mesh, indices=indices, **look, physicsClientId=client)


@contextmanager
def _lent(*arrays: np.ndarray) -> Iterator[list[list[list[float]]]]:
    """Arrays (N, 3) as lists of rows that are everybody's; the lists are empty again afterwards."""
    with _in_use, no_collection():
        needed = sum(map(len, arrays))
        _rows.extend([0.0, 0.0, 0.0] for _ in range(needed - len(_rows)))
        lists, begin = [], 0
        for values in arrays:
            rows = _rows[begin : begin + len(values)]
            for row, value in zip(rows, np.asarray(values, float).tolist()):
                row[:] = value
            lists.append(rows)
            begin += len(values)
        try:
            yield lists
        finally:
            for rows in lists:
                rows.clear()


@contextmanager
def _indices(faces: np.ndarray | None) -> Iterator[list[int]]:
    """Faces (F, 3) as one list, which is empty afterwards."""
    indices = [] if faces is None else np.asarray(faces).ravel().tolist()
    try:
        yield indices
    finally:
        indices.clear()
