"""Checks that XML describes a robot: one tree of links, movable joints, shapes with a volume. Names each fault."""

import xml.etree.ElementTree as xml
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError

MOVING = ("revolute", "continuous", "prismatic")
AXES = {kind: 1 for kind in MOVING} | {"fixed": 0, "floating": 6, "planar": 3, "spherical": 3}  # of each joint type
# A humanoid with two hands has some 100 axes and links, one with a skin of sensors some 1000 links, most of them fixed.
MAX_LINKS = 2000
MAX_DEPTH = 500  # pinocchio and PyBullet follow a chain by recursion: some 6000 links overflow a stack of 8 MB
MAX_AXES = 200  # pinocchio's data grows with the cube: 0.6 GB for 200, 8 GB for 500
INERTIA = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
SHORTEST_AXIS = 1e-9  # what is shorter has no direction
SHAPES = {
    "box": {"size": 3},
    "sphere": {"radius": 1},
    "cylinder": {"radius": 1, "length": 1},
    "capsule": {"radius": 1, "length": 1},
}


def check_structure(root: xml.Element, path: Path) -> None:
    """Check a URDF's tree before anything is built from it.

    Raises:
        RetargetError: ROBOT_UNKNOWN that names the element and its value.
    """
    _check_size(root, path)
    _check_names(root, path)
    _check_tree(root, path)
    for joint in root.findall("joint"):
        _check_joint(joint, path)
    for link in root.findall("link"):
        _check_link(link, path)


def _wrong(told: str, hint: str) -> RetargetError:
    return RetargetError(ErrorCode.ROBOT_UNKNOWN, told, hint)


def _numbers(text: str | None, count: int) -> np.ndarray | None:
    """The given number of finite numbers, or None."""
    try:
        values = np.array((text or "").split(), float)
    except ValueError:
        return None
    return values if values.shape == (count,) and np.isfinite(values).all() else None


def _check_size(root: xml.Element, path: Path) -> None:
    links = len(root.findall("link"))
    if links > MAX_LINKS:
        raise _wrong(f"{path} has {links} links", f"a robot has at most {MAX_LINKS}")
    axes = sum(AXES.get(joint.get("type", ""), 0) for joint in root.findall("joint"))
    if axes > MAX_AXES:
        raise _wrong(f"the joints of {path} have {axes} axes", f"those of a robot have at most {MAX_AXES}")


def _check_names(root: xml.Element, path: Path) -> None:
    for tag in ("link", "joint"):
        names = [element.get("name", "") for element in root.findall(tag)]
        if not all(names):
            raise _wrong(
                f"{tag} {names.index('') + 1} of {path} has no name", "links and joints are identified by their names"
            )
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise _wrong(
                f"{path} has {names.count(twice[0])} {tag}s called {twice[0]!r}", "give each a name of its own"
            )


def _check_tree(root: xml.Element, path: Path) -> None:
    links = [link.get("name") for link in root.findall("link")]
    if not links:
        raise _wrong(f"{path} has no links", "a robot is links and the joints between them")
    known, carried_by, carries = set(links), {}, defaultdict(list)
    for joint in root.findall("joint"):
        name, kind = joint.get("name"), joint.get("type")
        if kind not in AXES:
            raise _wrong(f"joint {name!r} of {path} is of type {kind!r}", f"types: {', '.join(AXES)}")
        ends = []
        for tag in ("parent", "child"):
            end = joint.find(tag)
            link = None if end is None else end.get("link")
            if link not in known:
                raise _wrong(f"joint {name!r} of {path} has the {tag} {link!r}", f"links: {', '.join(links)}")
            ends.append(link)
        if ends[1] in carried_by:
            raise _wrong(
                f"link {ends[1]!r} of {path} hangs on two joints, {carried_by[ends[1]]!r} and {name!r}",
                "a URDF is a tree: a closed chain is cut at one joint",
            )
        carried_by[ends[1]] = name
        carries[ends[0]].append(ends[1])
    roots = [link for link in links if link not in carried_by]
    if len(roots) > 1:
        raise _wrong(
            f"{path} has {len(roots)} roots: {', '.join(roots)}", "join them by a fixed joint, or leave one part out"
        )
    reached, level, depth = set(roots), roots, 0
    while level:
        depth += 1
        level = [child for link in level for child in carries[link]]
        reached.update(level)
    if len(reached) < len(links):
        lost = next(link for link in links if link not in reached)
        raise _wrong(f"link {lost!r} of {path} is its own ancestor", "a URDF is a tree: remove one joint of the loop")
    if depth > MAX_DEPTH:
        raise _wrong(f"{path} has a chain of {depth} links", f"a robot has at most {MAX_DEPTH} one after the other")


def _check_joint(joint: xml.Element, path: Path) -> None:
    name, kind = joint.get("name"), joint.get("type")
    _check_origin(joint, f"joint {name!r} of {path}")
    axis = joint.find("axis")
    if axis is not None and kind in MOVING:
        along = _numbers(axis.get("xyz"), 3)
        if along is None or not SHORTEST_AXIS < np.linalg.norm(along) < np.inf:
            raise _wrong(
                f"joint {name!r} of {path} has the axis {axis.get('xyz')!r}", "an axis is three numbers, not all 0"
            )
    for dynamics in joint.findall("dynamics"):
        for what in ("damping", "friction"):
            if _numbers(dynamics.get(what, "0"), 1) is None:
                raise _wrong(f"joint {name!r} of {path} has the {what} {dynamics.get(what)!r}", "give a finite number")
    limit = joint.find("limit")
    if kind in ("revolute", "prismatic") and limit is None:
        hint = "give it a <limit>; a joint that turns without an end is of type continuous"
        raise _wrong(f"joint {name!r} of {path} has no <limit>", hint)
    if limit is None or kind not in MOVING:
        return
    for what in ("lower", "upper", "velocity", "effort"):
        if _numbers(limit.get(what, "0"), 1) is None:
            raise _wrong(f"joint {name!r} of {path} has the {what} {limit.get(what)!r}", "limits are finite numbers")
    low, high = float(limit.get("lower", 0)), float(limit.get("upper", 0))
    # equal ones, as CAD exporters write them for finger tips, are a joint that stands still
    if kind != "continuous" and (low > high or (low == high and joint.find("mimic") is not None)):
        raise _wrong(
            f"joint {name!r} of {path} moves from {low:g} to {high:g}",
            "lower and upper of its <limit> leave it no room; a joint that never moves is of type fixed",
        )


def _check_origin(element: xml.Element, whose: str) -> None:
    origin = element.find("origin")
    for what in ("xyz", "rpy") if origin is not None else ():
        if _numbers(origin.get(what, "0 0 0"), 3) is None:
            raise _wrong(f"{whose} has an origin with {what} {origin.get(what)!r}", "three finite numbers")


def _check_link(link: xml.Element, path: Path) -> None:
    whose = f"link {link.get('name')!r} of {path}"
    inertial = link.find("inertial")
    if inertial is not None:
        _check_origin(inertial, whose)
        mass = inertial.find("mass")
        weighed = None if mass is None else _numbers(mass.get("value"), 1)
        if weighed is None or weighed[0] < 0:
            told = None if mass is None else mass.get("value")
            raise _wrong(f"{whose} has the mass {told!r}", "a mass is a number of kilograms that is not negative")
        for inertia in inertial.findall("inertia"):
            wrong = next((name for name in INERTIA if _numbers(inertia.get(name, "0"), 1) is None), None)
            if wrong:
                raise _wrong(f"{whose} has the inertia {wrong} {inertia.get(wrong)!r}", "a finite number, in kg m2")
    for shape in (*link.findall("visual"), *link.findall("collision")):
        _check_origin(shape, whose)
        geometry = shape.find("geometry")
        made = None if geometry is None else next(iter(geometry), None)
        if made is None:
            raise _wrong(f"{whose} has a <{shape.tag}> without a shape", f"shapes: {', '.join(SHAPES)}, mesh")
        if made.tag == "mesh":
            scale = _numbers(made.get("scale", "1 1 1"), 3)
            if scale is None or not scale.all():  # a negative one mirrors
                hint = "a scale is three numbers, none of them 0"
                raise _wrong(f"{whose} has a mesh with scale {made.get('scale')!r}", hint)
            continue
        if made.tag not in SHAPES:
            raise _wrong(f"{whose} has the shape <{made.tag}>", f"shapes: {', '.join(SHAPES)}, mesh")
        for size, count in SHAPES[made.tag].items():
            values = _numbers(made.get(size), count)
            is_ball = made.tag == "capsule" and size == "length"  # a capsule of length 0 is one
            if values is None or not ((values >= 0).all() if is_ball else (values > 0).all()):
                raise _wrong(
                    f"{whose} has a {made.tag} with {size} {made.get(size)!r}", "sizes are positive numbers, in metres"
                )
