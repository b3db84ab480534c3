"""A robot's MJCF as the URDF that the rest of retargeting reads: bodies, joints, limits and shapes.

Semantics as in the XML reference of MuJoCo (mujoco.readthedocs.io, "XML Reference"): a body is a link; the joints of a
body that has several become a chain of links without a shape; what is attached is read from its own file, with the
angles, classes and folders of that. Actuators, sites, tendons and equalities are left out; an
ellipsoid, which URDF does not have, becomes a sphere that is visual only.
"""

import copy
import itertools
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.reading.untrusted import read_bytes, reading
from hoi_motion.reading.xml_tree import MAX_XML_BYTES, parse_xml
from hoi_motion.retarget.robots.elements import numbers, origin_of, text_of
from hoi_motion.retarget.robots.mjcf_include import put_included
from hoi_motion.retarget.robots.mjcf_pose import ORIENTATIONS, Turns, translation, z_along
from hoi_motion.retarget.robots.structure import MAX_LINKS

URDF_TYPES = {"hinge": "revolute", "slide": "prismatic", "ball": "spherical", "free": "floating"}
VELOCITY_RAD_S = 20.0  # MJCF has no velocity limits; the YAML file's velocity_rad_s says what the robot can do
ANY_WAY_M = 10.0  # range of a prismatic joint without limits, to either side
MAX_MADE = 10_000  # elements by <replicate> and <attach>, of which a few lines can ask for more than fits into memory
NOT_READ = ("composite", "flexcomp")  # they make bodies that the file does not spell out


def mjcf_to_urdf(root: xml.Element, path: Path, wanted: str = "") -> xml.Element:
    """The URDF tree of the body of an MJCF's world that holds the body `wanted`, or else of the one with most joints.

    A link `world` carries it, by a floating joint if it is free.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a broken file, and for what is not read here: global coordinates, a joint's
            ref, elements of NOT_READ, more than MAX_MADE elements or MAX_LINKS bodies.
    """
    try:
        return _Converter(root, path).urdf(wanted)
    except (ValueError, LookupError) as error:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN, f"the MJCF {path} is broken: {error}", "MuJoCo's compiler names the line"
        ) from error


class _Converter:
    """A model file; what it attaches has a converter of its own, since angles, classes and folders are of each file.

    Args:
        prefix: of the names of its bodies and joints; within: the converter of the file that attaches it.
    """

    def __init__(self, root: xml.Element, path: Path, prefix: str = "", within: "_Converter | None" = None):
        self._root, self._path, self._prefix = root, path, prefix
        self._above = (*(within._above if within else ()), path.resolve())
        self._made = within._made if within else Counter()  # one count for all files
        put_included(root, path, self._above[0].parent)
        options = {name: value for found in root.findall("compiler") for name, value in found.attrib.items()}
        self._turns = Turns(options.get("angle", "degree") == "degree", options.get("eulerseq", "xyz"))
        self._mesh_folder = options.get("meshdir", options.get("assetdir", ""))
        if within:  # paths are of the file that attaches the others
            self._mesh_folder = str(path.resolve().parent / self._mesh_folder)
        self._strip_path = options.get("strippath", "false") == "true"
        self._autolimits = options.get("autolimits", "true") == "true"
        if options.get("coordinate", "local") != "local":
            raise self._refused("has global coordinates", "save it with local ones")
        self._defaults = {}
        tops = root.findall("default")  # sections of one class, whatever it is called: it holds where none is named
        self._main = next((top.get("class") for top in tops if top.get("class")), "main")
        for top in tops:
            self._read_defaults(top, self._defaults.get(self._main, {}), self._main)
        self._meshes = {}
        for asset in root.findall("asset"):
            for mesh in asset.findall("mesh"):
                given = self._with_defaults(mesh, "")
                self._meshes[given.get("name", Path(given.get("file", "")).stem)] = given
        self._unnamed = {"body": itertools.count(1), "joint": itertools.count(1)}
        self._names = {element.get("name") for element in root.iter()}
        self._models = {}  # what may be attached: name -> file
        for model in root.findall("asset/model"):
            self._models[model.get("name") or Path(model.get("file", "")).stem] = path.parent / model.get("file", "")

    def urdf(self, wanted: str) -> xml.Element:
        found = [child for world in self._root.findall("worldbody") for child in self._children(world)]
        bodies = [(body, T, inherited, of) for body, T, inherited, of in found if body.tag == "body"]
        if not bodies:
            raise self._refused("has no body", "give the file that has the robot's bodies")
        # a body without joints, such as a table, is furniture; the robot is the body with most joints
        holding = [found for found in bodies if any(body.get("name") == wanted for body in found[0].iter("body"))]
        most = max(holding or bodies, key=lambda found: found[3].count_joints(found[0]))
        robot = xml.Element("robot", name=self._root.get("model", self._path.stem))
        xml.SubElement(robot, "link", name="world")
        body, T, inherited, of = most
        of.add_body(robot, body, "world", inherited, T)
        xml.indent(robot)  # PyBullet does not read lines of any length
        return robot

    def count_joints(self, body: xml.Element) -> int:
        """Joints of a body and of all below it, attached ones included."""
        count = 0
        for child, _, _, of in self._children(body):
            count += child.tag in ("joint", "freejoint")
            count += of.count_joints(child) if child.tag == "body" else 0
        return count

    def _children(
        self, element: xml.Element, T=None, inherited: str = ""
    ) -> "list[tuple[xml.Element, np.ndarray, str, _Converter]]":
        """What an element holds, through its frames and what is attached to it.

        Each with the pose of the frames, the class that they hand down, and the converter of its file.
        """
        T, found = np.eye(4) if T is None else T, []
        for child in element:
            if child.tag in NOT_READ:
                name = child.get("name") or child.get("model") or child.get("prefix") or ""
                raise self._refused(
                    f"has <{child.tag}> {name}".rstrip(), "save it expanded, as MuJoCo's mj_saveLastXML does"
                )
            if child.tag == "frame":
                found += self._children(child, T @ self._turns.pose(child.attrib), child.get("childclass", inherited))
            elif child.tag == "replicate":
                for T_copy, copied in self._replicas(child):
                    found += self._children(copied, T @ T_copy, child.get("childclass", inherited))
            elif child.tag == "attach":
                attached = self._attached(child)
                found += [(*inner[:1], T @ inner[1], *inner[2:]) for inner in attached]
            else:
                found.append((child, T, inherited, self))
        return found

    def _attached(self, element: xml.Element) -> "list[tuple[xml.Element, np.ndarray, str, _Converter]]":
        """The body of another model that an <attach> names, or all that its world holds."""
        name, wanted = element.get("model", ""), element.get("body", "")
        file = self._models.get(name)
        if file is None:
            raise self._refused(f"attaches an unknown model {name!r}", f"models: {', '.join(self._models) or 'none'}")
        folder = self._above[0].parent  # what is given chooses no files elsewhere
        if not (file.resolve().is_relative_to(folder) and file.is_file()):
            hint = f"models are read from the folder {folder} and those in it"
            raise self._refused(f"attaches {name!r}, and there is no file {file}", hint)
        if file.resolve() in self._above:
            raise self._refused(f"attaches {name!r}, which attaches it", "a model cannot hold itself")
        with reading(file, "an MJCF", ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError):
            content = read_bytes(file, "an MJCF", MAX_XML_BYTES, ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError)
            root = parse_xml(content)
        self._count_made(root, 1)
        model = _Converter(root, file, self._prefix + element.get("prefix", ""), self)
        worlds = root.findall("worldbody")
        if not wanted:
            return [inner for world in worlds for inner in model._children(world)]
        body = next((body for world in worlds for body in world.iter("body") if body.get("name") == wanted), None)
        if body is None:
            names = ", ".join(body.get("name", "") for world in worlds for body in world.iter("body"))
            raise self._refused(f"attaches {wanted!r} of {name!r}, which is not there", f"bodies: {names}")
        return [(body, np.eye(4), "", model)]

    def _replicas(self, element: xml.Element) -> list[tuple[np.ndarray, xml.Element]]:
        """Copies of what a <replicate> holds, each with its pose; names end with a number.

        Every copy is turned by `euler` and moved by `offset`, in the frame of the copy before, from that one.
        """
        count, offset = max(int(element.get("count", 0)), 0), numbers(element.get("offset"), [0, 0, 0])
        self._count_made(element, count)
        T, found = np.tile(np.eye(4), (count, 1, 1)), []
        T[:, :3, :3] = self._turns.euler(np.arange(count)[:, None] * numbers(element.get("euler"), [0, 0, 0]))
        T[1:, :3, 3] = np.cumsum(T[:-1, :3, :3] @ offset, axis=0)
        for i in range(count):
            copied = copy.deepcopy(element)
            for inner in copied.iter():
                if inner is not copied and inner.get("name"):
                    inner.set("name", f"{inner.get('name')}{element.get('sep', '')}{i:0{len(str(count))}d}")
            found.append((T[i], copied))
        return found

    def _count_made(self, element: xml.Element, times: int) -> None:
        self._made["elements"] += times * sum(1 for _ in element.iter())
        if self._made["elements"] > MAX_MADE:
            what = f"makes more than {MAX_MADE} elements by <replicate> and <attach>"
            raise self._refused(what, "leave out what is no part of the robot")

    def _fresh(self, what: str) -> str:
        """A unique name for a body or joint without one."""
        return next(name for name in (f"{what}{i}" for i in self._unnamed[what]) if name not in self._names)

    def _refused(self, what: str, hint: str) -> RetargetError:
        return RetargetError(ErrorCode.ROBOT_UNKNOWN, f"the MJCF {self._path} {what}", hint)

    def _read_defaults(self, element: xml.Element, above: dict[str, dict], name: str) -> None:
        mine = {tag: dict(values) for tag, values in above.items()}
        for child in element:
            if child.tag != "default":
                mine[child.tag] = _over(mine.get(child.tag, {}), child.attrib)
        self._defaults[name] = mine
        for child in element.findall("default"):
            self._read_defaults(child, mine, child.get("class", ""))

    def _with_defaults(self, element: xml.Element, inherited: str) -> dict[str, str]:
        """Attributes of an element, those of its class where it has none."""
        name = element.get("class") or inherited or self._main
        if name not in self._defaults and name != self._main:
            raise self._refused(f"names an unknown class {name!r}", f"classes: {', '.join(self._defaults)}")
        return _over(self._defaults.get(name, {}).get(element.tag, {}), element.attrib)

    def add_body(self, robot: xml.Element, body: xml.Element, parent: str, inherited: str, T_frame: np.ndarray) -> None:
        """A body as links and joints, with all below it."""
        self._made["links"] += 1
        if self._made["links"] > MAX_LINKS:
            raise self._refused(f"has more than {MAX_LINKS} bodies", "leave out what is no part of the robot")
        inherited = body.get("childclass", inherited)
        name = self._prefix + (body.get("name") or self._fresh("body"))
        children = self._children(body, inherited=inherited)
        joints = []
        for joint, T_joint, its_class, _ in children:
            if joint.tag in ("joint", "freejoint"):
                joints.append(self._with_defaults(joint, its_class) | {"tag": joint.tag, "frame": T_joint})
        T = T_frame @ self._turns.pose(body.attrib)  # of what follows in the chain, in `parent`
        for i, given in enumerate(joints):
            anchor = (given["frame"] @ np.append(numbers(given.get("pos"), [0, 0, 0]), 1.0))[:3]
            T[:3, 3] += T[:3, :3] @ anchor
            last = i == len(joints) - 1
            link = name if last and not anchor.any() else f"{name}_link{i}"
            self._add_joint(robot, given, parent, link, T)
            if link != name:
                robot.append(_empty_link(link))
            parent, T = link, translation(-anchor)
        if parent != name:
            self._connect(robot, f"{name}_fixed", "fixed", parent, name, T)
        robot.append(self._link(body, children, name))
        for child, T_child, its_class, of in children:
            if child.tag == "body":
                of.add_body(robot, child, name, its_class, T_child)

    def _add_joint(self, robot: xml.Element, given: dict, parent: str, link: str, T: np.ndarray) -> None:
        name = self._prefix + (given.get("name") or self._fresh("joint"))
        kind = "free" if given["tag"] == "freejoint" else given.get("type", "hinge")
        if float(given.get("ref", 0)):
            raise self._refused(f"gives joint {name!r} a ref", "set it to 0: at 0 the robot stands as it is placed")
        joint = self._connect(robot, name, URDF_TYPES[kind], parent, link, T)
        if kind not in ("hinge", "slide"):
            return
        axis = given["frame"][:3, :3] @ numbers(given.get("axis"), [0, 0, 1])
        xml.SubElement(joint, "axis", xyz=text_of(axis))
        limited = given.get("limited", "auto")
        low, high = numbers(given.get("range"), [0, 0])
        is_limited = limited == "true" or (limited == "auto" and self._autolimits and low < high)
        if not is_limited and kind == "hinge":
            joint.set("type", "continuous")
            return
        low, high = (low, high) if is_limited else (-ANY_WAY_M, ANY_WAY_M)
        if kind == "hinge" and self._turns.degrees:
            low, high = np.radians([low, high])
        xml.SubElement(joint, "limit", lower=str(low), upper=str(high), effort="1000", velocity=str(VELOCITY_RAD_S))

    @staticmethod
    def _connect(robot: xml.Element, name: str, kind: str, parent: str, child: str, T: np.ndarray) -> xml.Element:
        joint = xml.SubElement(robot, "joint", name=name, type=kind)
        xml.SubElement(joint, "parent", link=parent)
        xml.SubElement(joint, "child", link=child)
        joint.append(origin_of(T))
        return joint

    def _link(self, body: xml.Element, children: list, name: str) -> xml.Element:
        """A link; without <inertial> and masses of its geoms it has none, and whoever needs one takes its volume."""
        link = xml.Element("link", name=name)
        inertial, weights = body.find("inertial"), []
        for geom, T_frame, its_class, of in children:
            if geom.tag != "geom":
                continue
            shape = of._with_defaults(geom, its_class)
            geometry, T = of._geometry(shape)
            if geometry is None:
                continue
            T = T_frame @ T
            weights += [(float(shape.get("mass")), T[:3, 3])] if shape.get("mass") else []
            touches = shape.get("contype", "1") != "0" or shape.get("conaffinity", "1") != "0"
            touches &= shape.get("type") != "ellipsoid"
            for tag in ("visual", "collision") if touches else ("visual",):
                element = xml.SubElement(link, tag)
                element.append(origin_of(T))
                xml.SubElement(element, "geometry").append(xml.fromstring(xml.tostring(geometry)))
        if inertial is not None:
            given = inertial.attrib
            link.append(_inertial(given.get("mass", ""), self._turns.pose(given), given.get("diaginertia")))
        elif mass_kg := sum(kg for kg, _ in weights):
            T_mass = np.eye(4)
            T_mass[:3, 3] = sum(kg * at for kg, at in weights) / mass_kg
            link.append(_inertial(str(mass_kg), T_mass))
        return link

    def _geometry(self, shape: dict) -> tuple[xml.Element | None, np.ndarray]:
        """The URDF's shape and its pose in the link; None for shapes that a URDF does not have."""
        kind, T = shape.get("type", "mesh" if "mesh" in shape else "sphere"), self._turns.pose(shape)
        size = numbers(shape.get("size"), [0.0])
        if kind != "mesh" and "mesh" in shape:
            raise self._refused(f"fits a {kind} to the mesh {shape['mesh']!r}", "give the geom its size, or type mesh")
        if kind == "mesh":
            mesh = self._meshes.get(shape.get("mesh", ""))
            if mesh is None:
                raise self._refused(
                    f"names an unknown mesh {shape.get('mesh')!r}", f"meshes: {', '.join(self._meshes)}"
                )
            astray = next((name for name in ("vertex", "builtin", "refpos", "refquat") if name in mesh), None)
            if astray or not mesh.get("file"):
                what = f"gives the mesh {shape.get('mesh')!r} " + (f"a {astray}" if astray else "no file")
                raise self._refused(what, "write it to a file, in the frame in which it is used")
            file = mesh["file"].replace("\\", "/")
            file = str(Path(self._mesh_folder) / (file.rsplit("/", 1)[-1] if self._strip_path else file))
            return xml.Element("mesh", filename=file, scale=mesh.get("scale", "1 1 1")), T
        if "fromto" in shape and kind in ("capsule", "cylinder", "box", "ellipsoid"):
            ends = numbers(shape["fromto"], [0] * 6).reshape(2, 3)
            T[:3, 3] = ends.mean(axis=0)
            T[:3, :3] = z_along(ends[0] - ends[1])  # MuJoCo's way round
            half = np.linalg.norm(ends[0] - ends[1]) / 2
            size = np.array([size[0], half] if kind in ("capsule", "cylinder") else [size[0], size[0], half])
        if kind == "sphere":
            return xml.Element("sphere", radius=str(size[0])), T
        if kind == "box":
            return xml.Element("box", size=text_of(2 * size)), T
        if kind == "ellipsoid":  # drawn at about its size, without a collision shape, which URDF does not have
            return xml.Element("sphere", radius=str(float(np.prod(size) ** (1 / len(size))))), T
        if kind not in ("capsule", "cylinder"):
            return None, T
        half = size[1] if len(size) > 1 else 0.0
        return xml.Element(kind, radius=str(size[0]), length=str(2 * half)), T


def _over(given: dict[str, str], own: dict[str, str]) -> dict[str, str]:
    """Attributes of a class under an element's own, or those of a class within it, as MuJoCo compiles them.

    An own orientation, of whatever kind, replaces the class's. Own sizes replace the first of the class's sizes.
    """
    if any(name in own for name in ORIENTATIONS):
        given = {name: value for name, value in given.items() if name not in ORIENTATIONS}
    merged = given | own
    if "size" in merged:
        sizes = own.get("size", "").split()
        merged["size"] = " ".join(sizes + given.get("size", "").split()[len(sizes) :])
    return merged


def _empty_link(name: str) -> xml.Element:
    return xml.fromstring(
        f'<link name="{name}"><inertial><mass value="0.01"/><inertia ixx="1e-5" iyy="1e-5" izz="1e-5" ixy="0" ixz="0" '
        f'iyz="0"/></inertial></link>'
    )


def _inertial(mass_kg: str, T: np.ndarray, diagonal: str | None = None) -> xml.Element:  # (4, 4)
    """A URDF's <inertial>; its moments are read by nobody here."""
    made = xml.Element("inertial")
    made.append(origin_of(T))
    xml.SubElement(made, "mass", value=mass_kg)
    ixx, iyy, izz = numbers(diagonal, [0.01, 0.01, 0.01])
    xml.SubElement(made, "inertia", ixx=str(ixx), iyy=str(iyy), izz=str(izz), ixy="0", ixz="0", iyz="0")
    return made
