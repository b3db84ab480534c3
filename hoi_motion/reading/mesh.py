"""Surfaces from untrusted mesh files: known endings only, from memory, limited in size."""

# pyright: reportAttributeAccessIssue=false
# trimesh types what it loads as any geometry, also where a mesh is asked for

import io
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.reading.obj import read_obj
from hoi_motion.reading.untrusted import MEBIBYTE, read_bytes, reading

MESH_TYPES = (".ply", ".obj", ".stl", ".off")
MAX_MESH_BYTES = 128 * MEBIBYTE
_HINT = "a .ply or .obj file"


def read_mesh(path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) in the file's unit and faces (F, 3) as they are stored: nothing is merged or left out.

    Raises:
        InputError: FILE_INVALID for another kind of file, one that cannot be read, or one without a surface.
    """
    import trimesh

    what = "a readable mesh"
    suffix = Path(path).suffix.lower()
    if suffix not in MESH_TYPES:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is no mesh", f"known endings: {', '.join(MESH_TYPES)}")
    content = read_bytes(path, what, MAX_MESH_BYTES, hint=_HINT)
    with reading(path, what, hint=_HINT):
        if suffix == ".obj":
            surface = read_obj(content)
            return surface.vertices, surface.faces
        # from memory: nothing beside the file is opened. Unprocessed: merging vertices would move their mean
        mesh = trimesh.load(io.BytesIO(content), file_type=suffix[1:], process=False, force="mesh")
        vertices, faces = np.asarray(mesh.vertices, float), np.asarray(mesh.faces)
    if not len(vertices) or not len(faces):
        raise InputError(ErrorCode.FILE_INVALID, f"{path} holds no surface ({len(vertices)} vertices)", _HINT)
    return vertices, faces
