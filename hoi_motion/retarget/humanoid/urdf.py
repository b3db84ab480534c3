"""A humanoid's URDF prepared for IK and PyBullet: scaled, single-axis joints, a free root."""

import xml.etree.ElementTree as xml
from collections.abc import Mapping
from pathlib import Path

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.retarget.robots.fingers import followers, moving_joints, way_to
from hoi_motion.retarget.robots.held import fix
from hoi_motion.retarget.robots.urdf import parse_urdf

ANY_ANGLE_RAD = 3.14159
BALL_AXES = (("z", "0 0 1"), ("x", "1 0 0"), ("y", "0 1 0"))
"""A ball joint becomes hinges about these, in this order; the last one is the twist of a limb along y."""
BALL_VELOCITY_RAD_S = 10.0  # a ball joint in a URDF has no limits


def read_humanoid_urdf(path: Path, scale: float, parts: Mapping[str, str] | None = None) -> str:
    """A URDF or MJCF as the text of a URDF: absolute mesh paths, scaled, ball joints as three hinges, no link `world`.

    A joint whose limits leave it no room becomes fixed.

    Args:
        parts: body part: link that has to move.

    Raises:
        RetargetError: ROBOT_UNKNOWN for broken XML, missing meshes, a base that is fixed to the world, or a joint
            without room that carries one of the parts.
    """
    root = parse_urdf(path)
    _free_base(root, path)
    _scale(root, scale)
    _stiffen(root, path, parts or {})
    for joint in root.findall("joint"):
        if joint.get("type") == "spherical":
            _split_ball(root, joint)
        elif joint.get("type") == "continuous":
            joint.set("type", "revolute")
            limit = joint.find("limit")
            limit = xml.SubElement(joint, "limit", effort="1000", velocity="10") if limit is None else limit
            limit.set("lower", str(-ANY_ANGLE_RAD))
            limit.set("upper", str(ANY_ANGLE_RAD))
    return xml.tostring(root, encoding="unicode")


def _free_base(root: xml.Element, path: Path) -> None:
    """Remove a link `world` that carries the robot by a floating joint."""
    children = {joint.find("child").get("link") for joint in root.findall("joint")}
    world = next((link for link in root.findall("link") if link.get("name") == "world" not in children), None)
    if world is None:
        return
    for joint in root.findall("joint"):
        if joint.find("parent").get("link") != "world":
            continue
        if joint.get("type") != "floating":
            raise RetargetError(
                ErrorCode.ROBOT_UNKNOWN,
                f"{path} has a fixed base: {joint.get('name')!r} holds it to the world",
                "a humanoid moves freely: take that joint and the link `world` out, or make the joint floating",
            )
        root.remove(joint)
    root.remove(world)


def _stiffen(root: xml.Element, path: Path, parts: Mapping[str, str]) -> None:
    """Fix the joints whose limits are equal, and what mimics them.

    Not where they carry a part of the body: there the limits were left out.
    """
    joints, stiff = {joint.get("name", ""): joint for joint in moving_joints(root)}, {}
    for name, joint in joints.items():
        limit = joint.find("limit")
        if joint.get("type") not in ("revolute", "prismatic") or limit is None:
            continue
        low, high = (float(limit.get(end, 0)) for end in ("lower", "upper"))
        if low < high:
            continue
        part = next((part for part, link in parts.items() if joint in way_to(root, link)), None)
        if part:
            told = f"joint {name!r} of {path} moves from {low:g} to {high:g} and carries {part}"
            hint = "give it the range of the robot, or make it of type fixed"
            raise RetargetError(ErrorCode.ROBOT_UNKNOWN, told, hint)
        stiff[name] = low
    for name, (leader, multiplier, offset) in followers(root, str(path)).items() if stiff else ():
        if leader in stiff:
            stiff[name] = multiplier * stiff[leader] + offset
    for name, value in stiff.items():
        fix(joints[name], value)


def _scale(root: xml.Element, scale: float) -> None:
    if scale == 1:
        return
    for element in root.iter():
        for tag, names in _LENGTHS.items():
            for name in names if element.tag == tag else ():
                values = element.get(name, "1 1 1" if tag == "mesh" else "0 0 0").split()
                element.set(name, " ".join(str(float(v) * scale) for v in values))
    slides = {joint.get("name", "") for joint in root.findall("joint") if joint.get("type") == "prismatic"}
    for joint in root.findall("joint"):
        limit, mimic = joint.find("limit"), joint.find("mimic")
        own = scale if joint.get("name") in slides else 1.0
        for name in ("lower", "upper", "velocity") if limit is not None and own != 1 else ():
            limit.set(name, str(float(limit.get(name, "0")) * own))
        if mimic is not None:  # metres or radians of this joint, of metres or radians of its leader
            led = scale if mimic.get("joint") in slides else 1.0
            for name, default, factor in (("multiplier", "1", own / led), ("offset", "0", own)):
                mimic.set(name, str(float(mimic.get(name, default)) * factor))


_LENGTHS = {
    "origin": ("xyz",),
    "box": ("size",),
    "sphere": ("radius",),
    "cylinder": ("radius", "length"),
    "capsule": ("radius", "length"),
    "mesh": ("scale",),
}


def _split_ball(root: xml.Element, joint: xml.Element) -> None:
    name, parent, child = joint.get("name"), joint.find("parent").get("link"), joint.find("child").get("link")
    origin, place = joint.find("origin"), list(root).index(joint)  # where it stands in the file, its hinges stand
    root.remove(joint)
    for i, (letter, axis) in enumerate(BALL_AXES):
        last = i == len(BALL_AXES) - 1
        link = child if last else f"{name}_{letter}_link"
        if not last:
            root.append(
                xml.fromstring(
                    f'<link name="{link}"><inertial><mass value="0.01"/>'
                    f'<inertia ixx="1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" iyz="0"/></inertial></link>'
                )
            )
        hinge = xml.fromstring(
            f'<joint name="{name}_{letter}" type="revolute"><parent link="{parent}"/><child link="{link}"/>'
            f'<axis xyz="{axis}"/><limit lower="{-ANY_ANGLE_RAD}" upper="{ANY_ANGLE_RAD}" effort="1000" '
            f'velocity="{BALL_VELOCITY_RAD_S}"/></joint>'
        )
        if i == 0 and origin is not None:
            hinge.append(origin)
        root.insert(place + i, hinge)
        parent = link
