"""Mesh files of robots as triangles, COLLADA too, for which trimesh needs one more package."""

import io
from pathlib import Path

import numpy as np
import trimesh

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.reading.collada import read_collada
from hoi_motion.reading.untrusted import read_bytes
from hoi_motion.reading.xml_tree import MAX_XML_BYTES

STL_HEADER_BYTES, STL_TRIANGLE_BYTES = 84, 50


def read_mesh(file: str) -> trimesh.Trimesh:
    """All triangles of a mesh file, in metres as it has them.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a file that is not one.
    """
    try:
        mesh = _dae(file) if Path(file).suffix.lower() == ".dae" else _other(file)
    except Exception as error:  # readers of many formats, each with errors of its own
        raise _broken(file, str(error).strip().partition("\n")[0] or type(error).__name__) from error
    if not len(mesh.vertices) or not np.isfinite(mesh.vertices).all():
        raise _broken(file, "it has no surface, or points that are not finite")
    return mesh


def _dae(file: str) -> trimesh.Trimesh:
    vertices, faces = read_collada(read_bytes(file, "a COLLADA file", MAX_XML_BYTES))
    return trimesh.Trimesh(vertices, faces, process=False)


def is_whole_stl(file: Path) -> bool:
    """Whether an STL is a binary one of exactly the length that its count of triangles says."""
    return file.stat().st_size == _stl_bytes(file)


def _stl_bytes(file: Path) -> int:
    """How long an STL is if it is a binary one: what stands there in one of text is far more than its length."""
    with open(file, "rb") as opened:
        count = int.from_bytes(opened.read(STL_HEADER_BYTES)[80:], "little")
    return STL_HEADER_BYTES + STL_TRIANGLE_BYTES * count


def _other(file: str) -> trimesh.Trimesh:
    kind, content = Path(file).suffix.lower(), file
    if kind == ".stl" and STL_HEADER_BYTES < _stl_bytes(Path(file)) < Path(file).stat().st_size:
        content = io.BytesIO(Path(file).read_bytes()[: _stl_bytes(Path(file))])  # some programs write more behind it
    mesh = trimesh.load(content, file_type=kind[1:], force="mesh", process=False)
    assert isinstance(mesh, trimesh.Trimesh)  # as asked for
    return mesh


def _broken(file: str, why: str) -> RetargetError:
    told = f"the mesh {file} cannot be read: {why}"
    return RetargetError(ErrorCode.ROBOT_UNKNOWN, told, "take the file from where the robot comes from")
