"""A URDF prepared for use: meshes found, a jaw added, simulator-specific elements removed."""

import os
import xml.etree.ElementTree as xml
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.reading.untrusted import read_bytes, reading
from hoi_motion.reading.xml_tree import MAX_XML_BYTES, parse_xml
from hoi_motion.retarget.robots.config import JawConfig
from hoi_motion.retarget.robots.elements import text_of
from hoi_motion.retarget.robots.mjcf import mjcf_to_urdf
from hoi_motion.retarget.robots.structure import INERTIA, MOVING, check_structure

PALM_HEIGHT_M = 0.07
FINGER_WIDTH_M = 0.02
FINGER_THICKNESS_M = 0.012
TIP_DEPTH_M = 0.006  # the grasp frame lies this far behind the finger tips
JAW_JOINTS = ("jaw_left_joint", "jaw_right_joint")
JAW_FRAME = "jaw_tip"
JAW_VELOCITY_M_S = 0.15
JAW_FORCE_N = 60.0
CONTINUOUS_RAD = 6.2832  # a joint without limits: any angle, to either side
PACKAGES = ("package://", "model://")  # how ROS and Gazebo name a folder wherever it lies
LEVELS_ABOVE = 4  # how far above the URDF a package's folders may begin
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<")  # byte order marks, or a first "<" without one
LFS_POINTER = b"version https://git-lfs"
MESH_TYPES = (".stl", ".obj", ".dae", ".ply", ".glb", ".gltf", ".off", ".msh")


def read_urdf(path: Path, jaw: JawConfig, grasp_frame: str = "") -> str:
    """A URDF's or MJCF's text with absolute mesh paths and, if asked for, a jaw.

    Of an MJCF with several robots, the one with the jaw's link or the grasp frame is read. It has no limits of velocity
    and force: they are 0, which the robot's YAML file or simulation has to replace.

    Raises:
        RetargetError: ROBOT_UNKNOWN for broken XML, missing meshes or an unknown link.
    """
    root, is_mjcf = _parsed(path, jaw.link or grasp_frame)
    if is_mjcf:
        _leave_scene(root)
        for limit in root.iter("limit"):
            limit.set("velocity", "0")
            limit.set("effort", "0")
    for joint in root.findall("joint"):
        limit = joint.find("limit")
        if joint.get("type") == "continuous":
            joint.set("type", "revolute")
            limit = xml.SubElement(joint, "limit") if limit is None else limit
            limit.set("lower", str(-CONTINUOUS_RAD))
            limit.set("upper", str(CONTINUOUS_RAD))
        for what in ("velocity", "effort") if limit is not None else ():
            limit.set(what, limit.get(what, "0"))  # missing limits may be given in the robot's YAML file
    if jaw.link:
        links = [link.get("name", "") for link in root.findall("link")]
        for name in filter(None, (jaw.link, jaw.instead_of)):
            if name not in links:
                raise RetargetError(
                    ErrorCode.ROBOT_UNKNOWN, f"{path} has no link {name!r} for the jaw", f"links: {', '.join(links)}"
                )
        _remove(root, jaw.instead_of)
        root.extend(_jaw(jaw))
    return xml.tostring(root, encoding="unicode")


def parse_urdf(path: Path) -> xml.Element:
    """The tree of a URDF, or of the one made of an MJCF, with absolute mesh paths and axes of length 1.

    Raises:
        RetargetError: ROBOT_UNKNOWN for broken XML, links that do not form a tree, or missing meshes.
    """
    return _parsed(path)[0]


def _parsed(path: Path, wanted: str = "") -> tuple[xml.Element, bool]:
    """As `parse_urdf`, and whether it was an MJCF."""
    with reading(path, "a URDF", ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError):
        content = read_bytes(path, "a URDF", MAX_XML_BYTES, ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError)
        if not content.startswith(UTF_16_MARKS):  # there zero bytes belong to the characters
            content = content.rstrip(b"\x00 \r\n")  # PyBullet's humanoid ends with a zero byte
        root = parse_xml(content)
        is_mjcf = root.tag == "mujoco"
        if is_mjcf:
            root = mjcf_to_urdf(root, path, wanted)
    if root.tag != "robot":
        hint = "give the robot's URDF or MJCF, the whole file"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, f"{path} is <{root.tag}>, not a URDF", hint)
    _check_expanded(root, path)
    check_structure(root, path)
    _normalize_axes(root)
    _complete_inertias(root)
    _leave_out_unread(root)
    for tag in ("gazebo", "transmission"):
        for element in root.findall(tag):
            root.remove(element)
    for material in root.iter("material"):
        for texture in material.findall("texture"):  # a texture, which is not used here
            material.remove(texture)
    missing = {}
    for mesh in root.iter("mesh"):
        found = _mesh_path(mesh.get("filename", ""), path.parent)
        if found is None:
            missing[mesh.get("filename", "")] = True  # a mesh may be both visual and collision shape: named once
        else:
            _check_fetched(found)
            mesh.set("filename", str(found))
    if missing:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"{len(missing)} meshes of {path} are missing, the first is {next(iter(missing))}",
            f"put the mesh folder beside the URDF or in one of the {LEVELS_ABOVE} folders above it; meshes elsewhere "
            f"are not read, and they end in {', '.join(MESH_TYPES)}",
        )
    return root, is_mjcf


def _leave_scene(root: xml.Element) -> None:
    """Make the first body of an MJCF the root: where it stands in its world is of that scene, not of the robot."""
    held = next(joint for joint in root.findall("joint") if joint.find("parent").get("link") == "world")
    if held.get("type") in ("fixed", "floating"):
        root.remove(held)
        root.remove(next(link for link in root.findall("link") if link.get("name") == "world"))


def _normalize_axes(root: xml.Element) -> None:
    """Axes of length 1: pinocchio takes them so, and PyBullet moves a prismatic joint by the length it reads."""
    for joint in root.findall("joint"):
        axis = joint.find("axis")
        if axis is not None and joint.get("type") in MOVING:
            along = np.array(axis.get("xyz", "").split(), float)
            axis.set("xyz", text_of(along / np.linalg.norm(along)))


def _complete_inertias(root: xml.Element) -> None:
    """Moments of inertia that are left out become 0: else readers leave out mass and centre with them, or the robot.

    They are used nowhere: PyBullet takes those of the shapes.
    """
    for inertial in root.iter("inertial"):
        inertia = inertial.find("inertia")
        inertia = xml.SubElement(inertial, "inertia") if inertia is None else inertia
        for name in INERTIA:
            inertia.set(name, inertia.get(name, "0"))


def _leave_out_unread(root: xml.Element) -> None:
    """Leave out what a robot's own controllers read alone, and <dynamics> that says nothing.

    Exporters write them half filled in, and then readers refuse the whole robot without its name.
    """
    for joint in root.findall("joint"):
        empty = [part for part in joint.findall("dynamics") if not {"damping", "friction"} & set(part.attrib)]
        for part in (*joint.findall("safety_controller"), *joint.findall("calibration"), *empty):
            joint.remove(part)


def _check_expanded(root: xml.Element, path: Path) -> None:
    """Raises: RetargetError: for unexpanded xacro, whose macros would be missing links."""
    for element in root.iter():
        given = next((value for value in element.attrib.values() if "${" in value or "$(" in value), None)
        if given is not None or "xacro" in str(element.tag):
            tag = str(element.tag).rsplit("}", 1)[-1]
            what = f"<{tag}> {given or element.get('name', '')}".rstrip()
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"{path} is xacro, not yet a URDF: {what}",
                f"expand it: xacro {path.name} > robot.urdf",
            )


def _mesh_path(name: str, folder: Path) -> Path | None:
    """The mesh of this name below the folder or one of those above it, or in an installed ROS package; else None.

    An untrusted URDF must not choose which files are opened: neither by an absolute path, nor by "..". A checkout may
    have another name than its package: `package://NAME/meshes/x.stl` is looked for without NAME as well.
    """
    name = name.replace("\\", "/")  # as it is written on Windows
    inside = unquote(name.split("://", 1)[-1]) if "://" in name else name
    if name.startswith(PACKAGES):
        inside = inside.lstrip("/")  # package:///NAME is written, too
    if inside.startswith("//"):  # file:////opt/ros/..., as xacro writes it where a maker has one slash too many
        inside = "/" + inside.lstrip("/")
    if "\0" in inside or Path(inside).suffix.lower() not in MESH_TYPES:
        return None
    package, _, rest = inside.partition("/")
    places = []  # a file, and the folder that it must not leave
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        share = Path(prefix) / "share"
        if name.startswith("package://"):
            places.append((share / package / rest, share / package))
        elif name.startswith("file://"):  # as xacro expands file://$(find PACKAGE)
            places.append((Path(inside), share))
    folder = Path(os.path.abspath(folder))
    bases = [base for base in (folder, *folder.parents)[: LEVELS_ABOVE + 1] if base != base.parent]
    for wanted in (inside, rest) if name.startswith(PACKAGES) else (inside,):
        places += [(base / wanted, bases[-1]) for base in bases]
    for file, within in places:
        found = Path(os.path.normpath(file))
        if found.is_relative_to(os.path.normpath(within)) and found.is_file():
            return found
    return None


def _check_fetched(mesh: Path) -> None:
    """Raises: RetargetError: for what Git LFS leaves where a file was not fetched: PyBullet takes it as no shape."""
    with reading(mesh, "a mesh", ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError), open(mesh, "rb") as opened:
        begin = opened.read(len(LFS_POINTER))
    if begin == LFS_POINTER:
        told = f"the mesh {mesh} is a pointer of Git LFS"
        raise RetargetError(ErrorCode.ROBOT_UNKNOWN, told, "fetch what it points at: git lfs pull")


def links_without_collision(urdf_text: str) -> list[str]:
    """Links with a visual shape but no collision shape."""
    links = xml.fromstring(urdf_text).findall("link")
    return [
        link.get("name", "") for link in links if link.find("visual") is not None and link.find("collision") is None
    ]


def skeleton_only(urdf_text: str, link_ending: str = "") -> str:
    """A URDF without shapes, which IK does not need and whose capsules pinocchio does not know.

    Args:
        link_ending: added to the names of all links: pinocchio does not take a link and a joint of one name.
    """
    root = xml.fromstring(urdf_text)
    for link in root.findall("link"):
        link.set("name", link.get("name", "") + link_ending)
        for shape in (*link.findall("visual"), *link.findall("collision")):
            link.remove(shape)
    for joint in root.findall("joint"):
        for end in (*joint.findall("parent"), *joint.findall("child")):
            end.set("link", end.get("link", "") + link_ending)
    return xml.tostring(root, encoding="unicode")


def _remove(root: xml.Element, link: str) -> None:
    """Remove a link with all its descendants and their joints."""
    for joint in root.findall("joint"):
        if joint.find("parent").get("link") == link:
            _remove(root, joint.find("child").get("link"))
    for element in (*root.findall("link"), *root.findall("joint")):
        child = element.find("child")
        if (element.get("name") if child is None else child.get("link")) == link:
            root.remove(element)


def _jaw(jaw: JawConfig) -> list[xml.Element]:
    half = jaw.open_width_m / 2
    x, y, z = FINGER_WIDTH_M, FINGER_THICKNESS_M, jaw.finger_m
    finger_z = PALM_HEIGHT_M + z / 2
    parts = [
        _link("jaw_palm", (0.05, jaw.open_width_m + 2 * y, PALM_HEIGHT_M), PALM_HEIGHT_M / 2),
        _joint("jaw_palm_joint", "fixed", jaw.link, "jaw_palm", jaw.offset_m),
        f'<link name="{JAW_FRAME}"/>',
        _joint("jaw_tip_joint", "fixed", "jaw_palm", JAW_FRAME, PALM_HEIGHT_M + z - TIP_DEPTH_M),
    ]
    for name, side in zip(JAW_JOINTS, (1, -1)):
        link = name.removesuffix("_joint")
        limit = f'<limit lower="0" upper="{half}" velocity="{JAW_VELOCITY_M_S}" effort="{JAW_FORCE_N}"/>'
        parts.append(_link(link, (x, y, z), finger_z, side * y / 2))
        parts.append(_joint(name, "prismatic", "jaw_palm", link, 0.0, f'<axis xyz="0 {side} 0"/>{limit}'))
    return [xml.fromstring(part) for part in parts]


def _link(name: str, size_m: tuple, z_m: float, y_m: float = 0.0) -> str:
    shape = f'<origin xyz="0 {y_m} {z_m}" rpy="0 0 0"/><geometry><box size="{" ".join(map(str, size_m))}"/></geometry>'
    return (
        f'<link name="{name}"><inertial><mass value="0.2"/><inertia ixx="1e-3" iyy="1e-3" izz="1e-3" ixy="0" ixz="0" '
        f'iyz="0"/></inertial><visual>{shape}</visual><collision>{shape}</collision></link>'
    )


def _joint(name: str, kind: str, parent: str, child: str, z_m: float, rest: str = "") -> str:
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f'<origin xyz="0 0 {z_m}" rpy="0 0 0"/>{rest}</joint>'
    )
