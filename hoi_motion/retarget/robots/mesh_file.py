"""Mesh files of robots as triangles, COLLADA too, for which trimesh needs one more package."""

# pyright: reportAttributeAccessIssue=false, reportMissingImports=false
# hppfcl is compiled and has no types

from pathlib import Path

import numpy as np
import trimesh

from hoi_motion.errors import ErrorCode, RetargetError


def read_mesh(file: str) -> trimesh.Trimesh:
    """All triangles of a mesh file, in metres as it has them.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a file that is not one.
    """
    try:
        mesh = dae_mesh(file) if Path(file).suffix.lower() == ".dae" else _other(file)
    except Exception as error:  # readers of many formats, each with errors of its own
        raise _broken(file, str(error).strip().partition("\n")[0] or type(error).__name__) from error
    if not len(mesh.vertices) or not np.isfinite(mesh.vertices).all():
        raise _broken(file, "it has no points")
    return mesh


def dae_mesh(file: str) -> trimesh.Trimesh:
    """The triangles of a COLLADA file, read by pinocchio's loader."""
    import hppfcl

    mesh = hppfcl.MeshLoader().load(file, np.ones(3))
    triangles = [mesh.tri_indices(i) for i in range(mesh.num_tris)]
    return trimesh.Trimesh(mesh.vertices(), [[int(t[i]) for i in range(3)] for t in triangles], process=False)


def _other(file: str) -> trimesh.Trimesh:
    mesh = trimesh.load(file, force="mesh", process=False)
    assert isinstance(mesh, trimesh.Trimesh)  # as asked for
    return mesh


def _broken(file: str, why: str) -> RetargetError:
    told = f"the mesh {file} cannot be read: {why}"
    return RetargetError(ErrorCode.ROBOT_UNKNOWN, told, "take the file from where the robot comes from")
