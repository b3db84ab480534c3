"""SOMA's 77 joints as SMPL-X's, and its npz files (`poses`, `transl`, `joint_names`, `unit`).

Its rotations are relative to a T pose, about axes that are the world's in that pose: y up, the person looking along z,
as in SMPL-X. So a joint at the place of one of ours rotates as ours does; what SOMA has between two of ours (a second
neck joint, the bones of the palm) is added to the one below. `transl` is the place of the hips' joint, which
lies above the hip joints as SMPL-X's pelvis does (8 and 9 cm).
"""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import turned
from hoi_motion.body.joints import JOINT_NAMES, PARENTS
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.npz import NpzFile

KEYS = ("poses", "transl", "joint_names")
UNITS_M = {"meters": 1.0, "centimeters": 0.01, "millimeters": 0.001}
UP_AXES = {"y": family.R_WORLD_Y_UP, "z": np.eye(3)}
ROOT = "Root"
"""A joint above the hips that some files hold."""
MOST_JOINTS = 200
_SIDES = ("Left", "Right")
_SPINE = ("Hips", "Spine1", "Spine2", "Chest", "Neck1", "Neck2", "Head")


def _parents() -> dict[str, str | None]:
    """Joint -> the one it hangs on, in the order in which files without names have them."""
    found: dict[str, str | None] = {"Hips": None}
    found |= dict(zip(_SPINE[1:], _SPINE))
    found |= dict.fromkeys(("HeadEnd", "Jaw", "LeftEye", "RightEye"), "Head")
    for side in _SIDES:
        arm = ("Chest", *(side + name for name in ("Shoulder", "Arm", "ForeArm", "Hand")))
        found |= dict(zip(arm[1:], arm))
        for finger, count in (("Thumb", 3), ("Index", 4), ("Middle", 4), ("Ring", 4), ("Pinky", 4)):
            names = [f"{side}Hand{finger}{i}" for i in (*range(1, count + 1), "End")]
            found |= dict(zip(names, [f"{side}Hand", *names]))
    for side in _SIDES:
        leg = ("Hips", *(side + name for name in ("Leg", "Shin", "Foot", "ToeBase", "ToeEnd")))
        found |= dict(zip(leg[1:], leg))
    return found


def _sources() -> dict[str, str]:
    """Our joint -> the SOMA joint that stands there."""
    found = {"pelvis": "Hips", "spine1": "Spine1", "spine2": "Spine2", "spine3": "Chest", "neck": "Neck1"}
    found |= {"head": "Head", "jaw": "Jaw"}
    parts = {"hip": "Leg", "knee": "Shin", "ankle": "Foot", "foot": "ToeBase", "eye_ball": "Eye"}
    parts |= {"collar": "Shoulder", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand"}
    parts |= {f"thumb{i}": f"HandThumb{i}" for i in (1, 2, 3)}
    # the first bone of its fingers lies in the palm
    fingers = ("index", "middle", "ring", "pinky")
    parts |= {f"{finger}{i}": f"Hand{finger.title()}{i + 1}" for finger in fingers for i in (1, 2, 3)}
    return found | {f"{side.lower()}_{ours}": side + theirs for side in _SIDES for ours, theirs in parts.items()}


PARENT_OF = _parents()
SOURCE_OF = _sources()
BODY = tuple(dict.fromkeys((*_SPINE, *(SOURCE_OF[name] for name in JOINT_NAMES[:22]))))
"""Joints without which there is no body; what else is missing does not turn."""


def smplx_pose_of(rotations: np.ndarray, names: tuple[str, ...]) -> np.ndarray:  # (T, J, 3, 3) -> (T, 55, 3)
    """Axis-angle pose of SMPL-X from SOMA's rotations, relative to its T pose, of the joints of these names.

    Raises:
        ValueError: for a joint of BODY that is not there.
    """
    local = {name: rotations[:, names.index(name)] for name in BODY}
    still = np.broadcast_to(np.eye(3), local["Hips"].shape)
    local |= {
        name: rotations[:, names.index(name)] if name in names else still for name in PARENT_OF if name not in local
    }
    world: dict[str, np.ndarray] = {}
    for name, parent in PARENT_OF.items():
        world[name] = local[name] if parent is None else world[parent] @ local[name]
    ours = [world[SOURCE_OF[name]] for name in JOINT_NAMES]
    turns = [ours[0], *(ours[parent].swapaxes(1, 2) @ ours[j] for j, parent in enumerate(PARENTS) if j)]
    return np.stack([Rotation.from_matrix(turn).as_rotvec() for turn in turns], 1)


def looks_like_soma(names) -> bool:
    """Whether an npz with arrays of these names is one."""
    return set(KEYS) <= set(names)


def read_soma(path, fps: float | None = None, up: str | None = None) -> HoiMotion:
    """Read an npz that SOMA's tools write.

    Args:
        up: which axis of the file points up, one of UP_AXES; None is y, as SOMA has it (what was made from AMASS is z).

    Raises:
        InputError: FILE_INVALID for a damaged file, other keys or shapes, rotations that are not relative to the T
            pose, an unknown unit, or no `fps`.
    """
    file = NpzFile(path, "a readable SOMA file")
    family.require_keys(file.names, KEYS, path, "a SOMA file")
    fps = family.require_fps(fps, path, "SOMA")
    if "absolute_pose" in file and bool(checked_array(file.read("absolute_pose"), f"{path}: absolute_pose", (), bool)):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} holds absolute rotations, whose T pose is not in the file",
            "save them relative to the T pose (absolute_pose False)",
        )
    names = _names(file, path)
    rotations = _rotations(file.read("poses"), len(names), path)
    unit = _word(file.read("unit")) if "unit" in file else "meters"
    if unit not in UNITS_M:
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: unit is {shown(unit)}", f"known units: {', '.join(UNITS_M)}")
    hips_m = UNITS_M[unit] * checked_array(file.read("transl"), f"{path}: transl", (len(rotations), 3), np.float64)
    if ROOT in names:
        root = rotations[:, names.index(ROOT)]
        hips_m = (root @ hips_m[..., None])[..., 0]
        rotations[:, names.index("Hips")] = root @ rotations[:, names.index("Hips")]
    pose = smplx_pose_of(rotations, names)
    R = UP_AXES[up or "y"]
    pose[:, 0] = turned(pose[:, 0], R)
    notes = [
        "SOMA: its joints turned as SMPL-X's of the same place; its shape is left out, the shape is the mean",
        f"SOMA: the world is taken as {up or 'y'} up",
    ]
    return family.grounded_motion(pose, hips_m @ R.T, fps, np.zeros(10), notes)


def _names(file: NpzFile, path) -> tuple[str, ...]:
    array = file.read("joint_names", max_rows=MOST_JOINTS)
    if array.ndim != 1 or array.dtype.kind not in "SU":
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: joint_names is no list of names, but {shown(array)}")
    names = tuple(_word(name) for name in array)
    missing = [name for name in BODY if name not in names]
    if missing or len(set(names)) < len(names):
        what = f"lacks {', '.join(missing)}" if missing else "has a name twice"
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: joint_names {what}", f"expected: {', '.join(BODY)}")
    return names


def _rotations(poses: np.ndarray, joints: int, path) -> np.ndarray:  # (T, J, 3, 3)
    if poses.ndim == 4:
        matrices = checked_array(poses, f"{path}: poses", ("T", joints, 3, 3), np.float64)
        square = np.abs(matrices @ matrices.swapaxes(-1, -2) - np.eye(3)).max(initial=0)
        if square > 0.01 or (np.linalg.det(matrices) < 0).any():
            raise InputError(ErrorCode.FILE_INVALID, f"{path}: poses holds matrices that are no rotations")
        matrices = matrices.copy()
    else:
        angles = checked_array(poses, f"{path}: poses", ("T", joints, 3), np.float64)
        matrices = Rotation.from_rotvec(angles.reshape(-1, 3).copy()).as_matrix().reshape(*angles.shape, 3)
    if not len(matrices):
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: poses has no frames")
    return matrices


def _word(value: np.ndarray) -> str:
    item = np.asarray(value).reshape(-1)[0] if np.size(value) else ""
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)
