"""A robot in PyBullet with all of its shapes: its meshes are read here, and given to PyBullet as plain files.

Of an STL in text, or with bytes behind its triangles, PyBullet makes no shape, and says so on its log alone: the robot
would reach through things with such a link. So it does of an OBJ with corners written `1/` or comments behind them. Of
other kinds of files it refuses the whole robot; its reader of COLLADA ends the process with a damaged one, or never
ends. Only a binary STL of the length that it says is handed over as it is: it has one form.
"""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
import time
import xml.etree.ElementTree as xml
from hashlib import sha256
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.lock import held_folder, is_held
from hoi_motion.native_log import quiet_pybullet
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.robots.elements import text_of
from hoi_motion.retarget.robots.mesh_file import is_whole_stl, link_volume_m3, read_mesh, write_plain_obj
from hoi_motion.retarget.robots.mesh_parts import slabs, write_parts
from hoi_motion.retarget.robots.structure import INERTIA

PARTS_ALONG = "parts_along"  # of a <mesh>: its collision shape is made of slices across this direction, in the mesh
MOST_KEPT = 1000  # converted meshes that are not made again
FRAME_KG, FRAME_KG_M2 = 1e-3, "1e-6"
DENSITY_KG_M3 = 1000.0
"""Of links whose file gives no mass: that of water, which MuJoCo and Gazebo take too where they infer a mass."""
FOLDER_PREFIX = "tavid-meshes-"
UNLOCKED_S = 60.0
"""Between creation and locking, the folder of a running process looks as if its process had ended."""


def load_robot(urdf_text: str, source: str, client: int, seen: bool, fixed_base: bool) -> int:
    """Load a robot into a PyBullet client; returns its body number.

    Args:
        urdf_text: with absolute mesh paths; source: the robot's file, for errors; seen: with what is drawn of it.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mesh that cannot be read, or when PyBullet does not load the robot, or not
            all of its collision shapes.
    """
    robot = xml.fromstring(urdf_text)
    weigh_links(robot)  # before what is not drawn is taken out: a link weighs the same, drawn or not
    _make_readable(robot, seen)
    flags = 0 if seen else pybullet.URDF_IGNORE_VISUAL_SHAPES
    with tempfile.TemporaryDirectory() as folder, quiet_pybullet():
        path = Path(folder) / "robot.urdf"
        path.write_text(xml.tostring(robot, encoding="unicode"), encoding="utf-8")
        try:
            body = pybullet.loadURDF(str(path), useFixedBase=fixed_base, flags=flags, physicsClientId=client)
        except pybullet.error as error:
            told = f"PyBullet does not load {source}: {error}"
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, told, "check its meshes") from error
    _check_shapes(robot, body, client, source)
    return body


def _make_readable(robot: xml.Element, seen: bool) -> None:
    for link in robot.findall("link"):
        for shape in (*link.findall("visual"), *link.findall("collision")):
            mesh = shape.find("geometry/mesh")
            if mesh is None:
                continue
            if shape.tag == "visual" and not seen:
                link.remove(shape)
                continue
            file, along = mesh.get("filename", ""), mesh.attrib.pop(PARTS_ALONG, "")
            changed_ns = os.stat(file).st_mtime_ns
            if along:
                mesh.set("filename", _in_parts(file, changed_ns, along))
            elif Path(file).suffix.lower() == ".stl" and is_whole_stl(Path(file)):
                _check_mesh(file, changed_ns)
            else:
                mesh.set("filename", _as_obj(file, changed_ns))


def weigh_links(robot: xml.Element) -> dict[str, float]:
    """Give links without <inertial> the mass of their volume, in place, and those that are only frames next to none:
    PyBullet takes 1 kg, at the link's origin. Returns the masses of those that have a shape, kg.

    Args:
        robot: tree of a URDF with absolute mesh paths.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mesh of theirs that cannot be read.
    """
    estimated_kg = {}
    carried = {joint.find("child").get("link") for joint in robot.findall("joint")}
    for link in robot.findall("link"):
        name = link.get("name", "")
        if name not in carried or link.find("inertial") is not None:
            continue
        volume_m3, middle_m = link_volume_m3(link)
        mass_kg = max(DENSITY_KG_M3 * volume_m3, FRAME_KG)
        if link.find("collision") is not None or link.find("visual") is not None:
            estimated_kg[name] = mass_kg
        inertial = xml.SubElement(link, "inertial")
        xml.SubElement(inertial, "origin", xyz=text_of(middle_m))
        xml.SubElement(inertial, "mass", value=repr(mass_kg))
        xml.SubElement(inertial, "inertia", dict.fromkeys(INERTIA, "0") | dict.fromkeys(INERTIA[:3], FRAME_KG_M2))
    return estimated_kg


@functools.lru_cache(maxsize=MOST_KEPT)
def _check_mesh(file: str, changed_ns: int) -> None:
    """Raises: RetargetError: for a mesh of which PyBullet would make a wrong shape, or none, without a word."""
    read_mesh(file)


@functools.lru_cache(maxsize=MOST_KEPT)
def _as_obj(file: str, changed_ns: int) -> str:
    """The same mesh as an OBJ: kept, since whoever draws the robot asks PyBullet for the file and reads it again."""
    path = _folder() / f"{sha256(file.encode()).hexdigest()[:32]}.obj"
    write_plain_obj(file, path)
    return str(path)


@functools.lru_cache(maxsize=MOST_KEPT)
def _in_parts(file: str, changed_ns: int, along: str) -> str:
    """The same mesh as an OBJ of convex parts across a direction."""
    path = _folder() / f"{sha256(f'{file} {along}'.encode()).hexdigest()[:32]}.obj"
    write_parts(slabs(read_mesh(file), np.array(along.split(), float)), path)
    return str(path)


@functools.lru_cache(maxsize=1)
def _folder() -> Path:
    """A folder of this process, removed when it ends; those of processes that were killed are removed before."""
    _sweep_folders()
    until_the_end = contextlib.ExitStack()
    atexit.register(until_the_end.close)
    folder = until_the_end.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX))
    until_the_end.enter_context(held_folder(folder))
    return Path(folder)


def _sweep_folders() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):  # another user's, or gone by now
            if time.time() - folder.stat().st_mtime > UNLOCKED_S and not is_held(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _check_shapes(robot: xml.Element, body: int, client: int, source: str) -> None:
    """Raises: RetargetError: for a link of which PyBullet made fewer collision shapes than the URDF has."""
    joints = range(pybullet.getNumJoints(body, physicsClientId=client))
    numbers = {pybullet.getJointInfo(body, i, physicsClientId=client)[12].decode(): i for i in joints}
    for link in robot.findall("link"):
        given, name = link.findall("collision"), link.get("name", "")
        made = pybullet.getCollisionShapeData(body, numbers.get(name, -1), physicsClientId=client) if given else ()
        if len(made) < len(given):
            meshes = [mesh.get("filename", "") for mesh in link.findall("collision/geometry/mesh")]
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"PyBullet makes {len(made)} of {len(given)} collision shapes of link {name!r} of {source}",
                f"check {', '.join(meshes) or 'them'}",
            )
