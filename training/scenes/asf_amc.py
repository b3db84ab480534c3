"""Recorded human motion in Acclaim's ASF (skeleton) and AMC (motion) files, as the CMU database gives it.

An ASF bone points along `direction` in the resting skeleton, which stands with its arms stretched out, x to its left,
y up, z ahead. `axis` turns into the frame in which the angles of the AMC file are told, x first, then y, then z.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError, shown

FPS = 120.0  # of the database; the files do not say it
INCH_M = 0.0254
MAX_FRAMES = 200_000
_ANGLES = ("rx", "ry", "rz")


@dataclass(frozen=True)
class Bone:
    """A bone of the resting skeleton.

    Attributes:
        parent: its name, "" for the root's own children.
        offset_m: (3,) from its start to its end.
        R_rest_axis: (3, 3) frame of its angles; angles: which of rx, ry, rz the motion tells.
    """

    name: str
    parent: str
    offset_m: np.ndarray
    R_rest_axis: np.ndarray
    angles: tuple[str, ...]


@dataclass(frozen=True)
class AcclaimSkeleton:
    """Bones in an order in which parents come first; unit_m: of lengths and translations in its files."""

    bones: tuple[Bone, ...]
    unit_m: float


@dataclass(frozen=True)
class AcclaimMotion:
    """A recorded motion.

    Attributes:
        skeleton: whose.
        rotations: bone's name -> (T, 3, 3) its turn from rest in the world; "root" too.
        root_m: (T, 3) the root's place; world: y up.
    """

    skeleton: AcclaimSkeleton
    rotations: dict[str, np.ndarray]
    root_m: np.ndarray
    fps: float = FPS

    @property
    def num_frames(self) -> int:
        return len(self.root_m)


def read_asf(path: Path) -> AcclaimSkeleton:
    """The skeleton of an .asf file.

    Raises:
        InputError: FILE_INVALID for what is no such file, or speaks of radians.
    """
    sections = _sections(path)
    units = dict(line.split()[:2] for line in sections.get("units", ()) if len(line.split()) >= 2)
    if units.get("angle") != "deg":
        raise InputError(ErrorCode.FILE_INVALID, f"{path.name} has angles in {shown(units.get('angle'))}, expected deg")
    try:
        unit_m = INCH_M / float(units["length"])
        parents = _parents(sections["hierarchy"])
        described = {bone["name"][0]: bone for bone in _blocks(sections["bonedata"])}
        bones = [_bone(name, parent, described[name], unit_m) for name, parent in parents.items()]
    except (KeyError, ValueError, IndexError) as error:
        raise _unreadable(path, "skeleton", error) from error
    return AcclaimSkeleton(tuple(bones), unit_m)


def read_amc(path: Path, skeleton: AcclaimSkeleton) -> AcclaimMotion:
    """The motion of an .amc file.

    Raises:
        InputError: FILE_INVALID for what is no such file, is too long, or is of another skeleton.
    """
    values: dict[str, list[list[float]]] = {}
    count = 0
    try:
        for line in path.read_text(errors="replace").splitlines():
            name, *numbers = line.split() or ("#",)
            if name.startswith(("#", ":")):
                continue
            if not numbers:
                count += 1
            else:
                values.setdefault(name, []).append([float(n) for n in numbers])
    except ValueError as error:
        raise _unreadable(path, "motion", error) from error
    known = {"root": 6} | {bone.name: len(bone.angles) for bone in skeleton.bones if bone.angles}
    if not 1 <= count <= MAX_FRAMES:
        raise InputError(ErrorCode.FILE_INVALID, f"{path.name} has {count} frames, expected 1 to {MAX_FRAMES}")
    for name, width in known.items():
        rows = values.get(name, [])
        if len(rows) != count or any(len(row) != width for row in rows):
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{path.name} does not tell {width} numbers of {name!r} in each of its {count} frames",
                "skeleton (.asf) and motion (.amc) must be of the same person",
            )
    root = np.array(values["root"])
    if not all(np.isfinite(np.array(values[name])).all() for name in known):
        raise InputError(ErrorCode.FILE_INVALID, f"{path.name} holds numbers that are not finite")
    rotations = {"root": _turned(root[:, 3:], _ANGLES)}
    for bone in skeleton.bones:
        above, R = rotations[bone.parent or "root"], bone.R_rest_axis
        own = R @ _turned(np.array(values[bone.name]), bone.angles) @ R.T if bone.angles else np.eye(3)
        rotations[bone.name] = above @ own
    return AcclaimMotion(skeleton, rotations, root[:, :3] * skeleton.unit_m)


def _turned(degrees: np.ndarray, angles: tuple[str, ...]) -> np.ndarray:  # (T, A) -> (T, 3, 3)
    whole = np.zeros((len(degrees), 3))
    whole[:, [_ANGLES.index(a) for a in angles]] = degrees
    return Rotation.from_euler("xyz", whole, degrees=True).as_matrix()


def _bone(name: str, parent: str, block: dict[str, list[str]], unit_m: float) -> Bone:
    direction, axis = (np.array(block[key][:3], float) for key in ("direction", "axis"))
    if block["axis"][3:] not in ([], ["XYZ"]):
        raise ValueError(f"axis order {block['axis'][3]!r} of {name}")
    length_m = float(block["length"][0]) * unit_m
    angles = tuple(word.lower() for word in block.get("dof", ()))
    if not set(angles) <= set(_ANGLES):
        raise ValueError(f"degrees of freedom {angles} of {name}")
    R = Rotation.from_euler("xyz", axis, degrees=True).as_matrix()
    return Bone(name, parent, direction / np.linalg.norm(direction) * length_m, R, angles)


def _sections(path: Path) -> dict[str, list[str]]:
    """Lines under each `:keyword`, with what stands behind the keyword itself left out."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(errors="replace").splitlines():
        line = line.strip()
        if line.startswith(":"):
            lines = sections.setdefault(line[1:].split()[0], [])
        elif line and not line.startswith("#"):
            lines.append(line)
    return sections


def _blocks(lines: list[str]) -> list[dict[str, list[str]]]:
    """Of every begin ... end: first word of a line -> the others."""
    blocks: list[dict[str, list[str]]] = []
    for line in lines:
        first, *rest = line.split()
        if first == "begin":
            blocks.append({})
        elif first != "end":
            blocks[-1][first] = rest
    return blocks


def _parents(lines: list[str]) -> dict[str, str]:
    """Bone -> its parent, parents first, "" for the root."""
    parents: dict[str, str] = {}
    for line in lines:
        parent, *children = line.split()
        if parent in ("begin", "end"):
            continue
        if parent != "root" and parent not in parents:
            raise ValueError(f"bone {parent!r} hangs on nothing")
        parents |= {child: "" if parent == "root" else parent for child in children}
    return parents


def _unreadable(path: Path, what: str, error: Exception) -> InputError:
    return InputError(ErrorCode.FILE_INVALID, f"{path.name} is no Acclaim {what}: {error}")
