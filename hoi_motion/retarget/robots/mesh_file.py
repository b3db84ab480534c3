"""Shapes of links as points; mesh files as triangles, and as the plain files that every reader reads alike."""

import io
import logging
import xml.etree.ElementTree as xml
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError, RetargetError, TavidError
from hoi_motion.files import write_whole
from hoi_motion.reading.collada import read_collada
from hoi_motion.reading.mesh import MAX_MESH_BYTES
from hoi_motion.reading.obj import ObjSurface, read_obj
from hoi_motion.reading.untrusted import MEBIBYTE, read_bytes
from hoi_motion.reading.xml_tree import MAX_XML_BYTES

log = logging.getLogger(__name__)

DIRECTIONS = trimesh.creation.icosphere(subdivisions=2).vertices  # a hull keeps its farthest points along these
STL_HEADER_BYTES, STL_TRIANGLE_BYTES = 84, 50
MAX_MATERIAL_BYTES = MEBIBYTE
TINY_M3 = 1e-12


def link_points_m(link: xml.Element, seen: bool) -> np.ndarray:  # (P, 3)
    """Points of a link's visual, or collision, shapes in its frame; the other kind where it has none.

    Args:
        link: of a URDF with absolute mesh paths.
    """
    for tag in ("visual", "collision") if seen else ("collision", "visual"):
        points = [_shape_points_m(shape) for shape in link.findall(tag)]
        points = [found for found in points if len(found)]
        if points:
            return np.concatenate(points)
    return np.zeros((0, 3))


def link_volume_m3(link: xml.Element) -> tuple[float, np.ndarray]:
    """Volume of a link's collision shapes, else of its visual ones, and its middle (3,) in the link's frame.

    A mesh counts as its convex hull, as it does in PyBullet; where shapes overlap, both count.

    Args:
        link: of a URDF with absolute mesh paths.
    """
    volume_m3, moment = 0.0, np.zeros(3)
    for shape in link.findall("collision") or link.findall("visual"):
        points = _shape_points_m(shape)
        try:
            hull = ConvexHull(points - points.mean(axis=0))
        except (QhullError, ValueError):  # a sheet
            continue
        corners = hull.points[hull.simplices]  # (F, 3, 3), each with the middle a tetrahedron
        parts = np.abs(np.linalg.det(corners)) / 6
        volume_m3 += hull.volume
        moment += parts @ (corners.sum(axis=1) / 4) + hull.volume * points.mean(axis=0)
    return volume_m3, moment / max(volume_m3, TINY_M3)


def _shape_points_m(shape: xml.Element) -> np.ndarray:  # (P, 3)
    made, origin = shape.find("geometry")[0], shape.find("origin")
    given = {} if origin is None else origin.attrib
    if made.tag == "mesh":
        mesh = read_mesh(made.get("filename", ""))
        points = np.asarray(mesh.vertices, float) * np.array(made.get("scale", "1 1 1").split(), float)
    elif made.tag == "box":
        corners = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), axis=-1).reshape(-1, 3)
        points = corners * np.array(made.get("size").split(), float)
    else:
        radius, half = float(made.get("radius")), float(made.get("length", 0)) / 2
        if made.tag == "cylinder":
            around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            ring = radius * np.stack([np.cos(around), np.sin(around), 0 * around], axis=1)
        else:
            ring = radius * DIRECTIONS
        points = np.concatenate([ring + [0, 0, half], ring - [0, 0, half]])
    turn = Rotation.from_euler("xyz", np.array(given.get("rpy", "0 0 0").split(), float))
    return turn.apply(points) + np.array(given.get("xyz", "0 0 0").split(), float)


def read_mesh(file: str) -> trimesh.Trimesh:
    """All triangles of a mesh file, in metres as it has them.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a file that is not one.
    """
    if Path(file).suffix.lower() == ".obj":
        surface = _read_obj(file)
        return trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    try:
        mesh = _dae(file) if Path(file).suffix.lower() == ".dae" else _other(file)
    except Exception as error:  # readers of many formats, each with errors of its own
        raise _broken(file, error) from error
    _check_points(file, mesh.vertices)
    return mesh


def write_plain_obj(file: str, path: Path) -> None:
    """Write a mesh file again, as an OBJ in the plainest words.

    Kept are the solids of an OBJ, its normals, and its colours, in an MTL beside `path`; of other kinds the triangles.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a file that is no mesh.
    """
    if Path(file).suffix.lower() != ".obj":
        mesh = read_mesh(file)
        triangles = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
        write_whole(path, str(triangles.export(file_type="obj")).encode())
        return
    surface = _read_obj(file)
    colours = _colours(surface, Path(file).parent)
    numbers = {number: name for number, name in enumerate(surface.material_names) if name in colours}
    told = [f"newmtl m{number}\nKd {' '.join(colours[name])}\n" for number, name in numbers.items()]
    if told:
        write_whole(path.with_suffix(".mtl"), "".join(told).encode())
    head = f"mtllib {path.stem}.mtl\n" if told else ""
    write_whole(path, f"{head}{_plain(surface, set(numbers))}".encode())


def _read_obj(file: str) -> ObjSurface:
    try:
        surface = read_obj(read_bytes(file, "an OBJ file", MAX_MESH_BYTES))
    except (ValueError, InputError) as error:
        raise _broken(file, error) from error
    _check_points(file, surface.vertices)
    return surface


def _check_points(file: str, vertices: np.ndarray) -> None:  # (V, 3)
    """Raises: RetargetError: for points that single precision, in which simulators compute, does not hold."""
    with np.errstate(over="ignore"):
        is_held = np.isfinite(np.asarray(vertices, np.float32)).all()
    if not len(vertices) or not is_held:
        raise _broken(file, "it has no surface, or points that are not finite")


def _colours(surface: ObjSurface, folder: Path) -> dict[str, list[str]]:
    """Red, green and blue of an OBJ's materials; of a material that is not found the robot's file tells the colour."""
    found: dict[str, list[str]] = {}
    for name in surface.material_files:
        try:
            content = read_bytes(folder / name.replace("\\", "/"), "a material file", MAX_MATERIAL_BYTES)
        except InputError as error:
            log.info("%s", error)
            continue
        material = ""
        for line in content.decode("utf-8", "replace").splitlines():
            kind, rest = (*line.split(None, 1), "", "")[:2]
            if kind == "newmtl":
                material = rest.strip()
            elif kind == "Kd" and _is_colour(words := rest.partition("#")[0].split()):
                found.setdefault(material, words)
    return found


def _is_colour(words: list[str]) -> bool:
    try:
        return len(words) == 3 and all(0 <= float(word) <= 1 for word in words)
    except ValueError:  # a spectral file
        return False


def _plain(surface: ObjSurface, coloured: set[int]) -> str:
    """OBJ lines of a surface, with a line `o` at each solid and `usemtl` at each material of those coloured."""
    lines = [f"v {x:.9g} {y:.9g} {z:.9g}" for x, y, z in surface.vertices.tolist()]
    lines += [f"vn {x:.9g} {y:.9g} {z:.9g}" for x, y, z in surface.normals.tolist()]
    solid = material = None
    rows = (surface.faces + 1, surface.face_normals + 1, surface.solids, surface.materials)
    for corners, normals, its_solid, its_material in zip(*(row.tolist() for row in rows)):
        if its_solid != solid:
            solid = its_solid
            lines.append(f"o s{solid}")
        if its_material != material:
            material = its_material
            lines.append(f"usemtl {f'm{material}' if material in coloured else 'none'}")
        words = [f"{corner}//{normal}" if normal else f"{corner}" for corner, normal in zip(corners, normals)]
        lines.append(f"f {' '.join(words)}")
    return "\n".join(lines) + "\n"


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


def _broken(file: str, why: Exception | str) -> RetargetError:
    said = why.message if isinstance(why, TavidError) else str(why)
    reason = said.strip().partition("\n")[0] or type(why).__name__
    told = f"the mesh {file} cannot be read: {reason}"
    return RetargetError(ErrorCode.ROBOT_UNKNOWN, told, "take the file from where the robot comes from")
