"""AMASS npz: SMPL-X in and out, SMPL+H and SMPL in. AMASS worlds are z up in metres like ours; their origin is kept."""

import io
import re

import numpy as np

from hoi_motion.arrays import LONGEST_WAY_M, checked_array, checked_rate
from hoi_motion.body.change import SMPLX_PELVIS_M, is_smplx, turned
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.files import write_whole
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.npz import NpzFile

BETAS = 16
_PARTS = (("root_orient", 3), ("pose_body", 63), ("pose_jaw", 3), ("pose_eye", 6), ("pose_hand", 90))
RATES = ("mocap_frame_rate", "mocap_framerate", "frame_rate", "framerate", "fps")
SAME_RATE = 1.001
EARLIER_BODY = "anny-free"
"""Files of earlier versions that name this body have its own shape and place in `betas` and `trans`."""
# width of `poses` -> the bodies it may be of, the first where the file names none of them; 156 is SMPL-X without jaw
# and eyes, too; 66 and 63 (without the root) are the 22 joints that all have
WIDTHS = {
    165: ("SMPL-X",),
    156: ("SMPL+H", "SMPL-X"),
    72: ("SMPL",),
    66: ("SMPL-X", "SMPL+H", "SMPL"),
    63: ("SMPL-X", "SMPL+H", "SMPL"),
}
_BODIES = {"smplx": "SMPL-X", "smplh": "SMPL+H", "smpl": "SMPL"}  # the longer names first: all begin alike
_GENDERS = {"n": "neutral", "m": "male", "f": "female"}
UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001}
UP_AXES = {"z": np.eye(3), "y": family.R_WORLD_Y_UP}


def write_amass(motion: HoiMotion, path) -> None:
    """Write the body of a motion; objects, contacts and the camera have no place in the format and are left out.

    Others read it as the neutral SMPL-X body. A motion of another body is therefore written on that one: its mean
    shape, the pelvis where it was. The extra keys `body_model` and `body_betas` are of the motion's own body, from
    which `read_amass` makes the same motion again.
    """
    poses = motion.pose_rad.reshape(motion.num_frames, 165)
    transl_m = motion.transl_m.astype(np.float64)
    betas = np.zeros(max(BETAS, len(motion.betas)), np.float32)
    if is_smplx(motion.body_model):
        betas[: len(motion.betas)] = motion.betas
    else:
        transl_m = transl_m - SMPLX_PELVIS_M  # the free body rests with its pelvis in the origin
    arrays, start = {}, 0
    for name, width in _PARTS:
        arrays[name] = poses[:, start : start + width]
        start += width
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        gender=np.array("neutral"),
        surface_model_type=np.array("smplx"),
        mocap_frame_rate=np.array(motion.fps),
        mocap_time_length=np.array(motion.num_frames / motion.fps),
        trans=transl_m,
        poses=poses,
        betas=betas,
        num_betas=np.array(len(betas)),
        body_model=np.array(motion.body_model),
        body_betas=motion.betas,
        **arrays,
    )
    write_whole(path, buffer.getvalue())


def left_out_of_amass(motion: HoiMotion) -> str:
    """What `write_amass` leaves out of a motion, in words; empty where it has an SMPL-X body alone."""
    parts = {"objects": motion.objects, "supports": motion.supports, "contacts": motion.contacts}
    names = [name for name, held in parts.items() if held]
    told = [f"AMASS holds the body alone: {', '.join(names)} are left out"] if names else []
    if not is_smplx(motion.body_model):
        told.append(
            f"the shape of {motion.body_model} means nothing to others: they see SMPL-X of mean shape, the pelvis in "
            "its place"
        )
    return "; ".join(told)


def looks_like_amass(names) -> bool:
    """Whether an npz with arrays of these names is one."""
    return "trans" in names and bool({"poses", "pose_body"} & set(names)) and bool({*RATES, "betas"} & set(names))


def read_amass(path, fps: float | None = None, up: str | None = None, unit: str | None = None) -> HoiMotion:
    """Read any variant of AMASS, told apart by how many numbers a pose has (`WIDTHS`) and the body that the file names.

    The format holds no camera: one is made that sees the first frame from 3 m in front, with focal_source "assumed".

    Args:
        fps: in place of the rate in the file.
        up: which axis of the file points up, one of UP_AXES; None is z, as AMASS has it.
        unit: of the file's translation, one of UNITS_M; None is metres.

    Raises:
        InputError: FILE_INVALID for a damaged file or another layout.
    """
    file = NpzFile(path, "a readable AMASS file")
    rate_name = next((name for name in RATES if name in file), None)
    if rate_name is None and fps is None:
        expected = ("mocap_frame_rate or mocap_framerate", "poses", "trans", "betas")
        family.require_keys(file.names, expected, path, "an AMASS file")
    pose_key = "pose_body" if "pose_body" in file and "poses" not in file else "poses"
    family.require_keys(file.names, (pose_key, "trans", "betas"), path, "an AMASS file")
    notes: list[str] = []
    poses = _poses(file, path, notes)
    body = _body(file, poses.shape[1], rate_name)
    pose = family.smplx_pose(poses if poses.shape[1] != 63 else _upright(poses, up), f"{path}: poses")
    trans = file.read("trans")
    scale_m = UNITS_M[unit or "m"]
    transl = scale_m * checked_array(trans, f"{path}: trans", (len(pose), 3), np.float64)
    if unit is None and len(transl) and np.abs(transl).max() > LONGEST_WAY_M:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path}: trans reaches {np.abs(transl).max():g}, which are no metres",
            f"say the unit with --unit {' or '.join(name for name in UNITS_M if name != 'm')}",
        )
    betas, betas_notes = family.kept_betas(file.read("betas"), body, _gender(file, notes), len(pose), path)
    own_fps = _own_rate(file, path, fps is not None)
    if fps is not None and fps != own_fps and rate_name is not None:
        told = "the file's own is none" if own_fps is None else f"the file says {own_fps:g}"
        notes.append(f"the frame rate is {fps:g} as given, {told}")
    pelvis_m = family.SMPL_PELVIS_M if body != "SMPL-X" else SMPLX_PELVIS_M  # of the resting body
    R = UP_AXES[up or "z"]
    if body != "SMPL-X" or up == "y":
        transl = (transl + pelvis_m) @ R.T - SMPLX_PELVIS_M  # the pelvis stays, or turns with the world
        pose[:, 0] = turned(pose[:, 0], R)
    if body != "SMPL-X":
        notes.append(f"AMASS {body}: jaw and eyes are not in the file; legs of another shape may stand off its floor")
    elif poses.shape[1] == 156:
        notes.append("jaw and eyes are not in the file")
    body_model = family.NEUTRAL_BODY
    named = _text(file.read("body_model")) if "body_model" in file else ""
    if named and "body_betas" in file:  # ours
        body_model, betas = named, file.read("body_betas")
        transl = transl if is_smplx(body_model) else transl + SMPLX_PELVIS_M
    elif named == EARLIER_BODY:
        body_model = named
    camera = family.camera_in_front(transl[0])
    return HoiMotion(pose, transl, betas, fps or own_fps, body_model, camera, notes=(*betas_notes, *notes))


def _poses(file: NpzFile, path, notes: list[str]) -> np.ndarray:  # (T, one of WIDTHS)
    if "poses" in file:
        poses = file.read("poses")
        poses = poses.reshape(len(poses), -1) if poses.ndim == 3 and len(poses) else poses
    else:
        names = [name for name, _ in _PARTS if name in file]
        parts = {name: file.read(name) for name in names}
        for name, part in parts.items():
            checked_array(part, f"{path}: {name}", (len(parts["pose_body"]), dict(_PARTS)[name]), np.float64)
        poses = np.concatenate(list(parts.values()), axis=1)
    if poses.ndim != 2 or poses.shape[1] not in WIDTHS:
        known = ", ".join(
            f"{width} ({' or '.join(bodies) if width > 66 else 'the 22 joints of the body'})"
            for width, bodies in WIDTHS.items()
        )
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} has poses of shape {shown(poses.shape)}", f"known widths: {known}"
        )
    if poses.shape[1] == 63:
        poses = checked_array(poses, f"{path}: poses", ("T", 63), np.float64)
        root = next((name for name in ("root_orient", "global_orient") if name in file), None)
        if root is not None:
            orient = checked_array(file.read(root), f"{path}: {root}", (len(poses), 3), np.float64)
            return np.concatenate([orient, poses], axis=1)
        notes.append("the root's orientation is not in the file: the body stands upright throughout")
    if poses.shape[1] in (63, 66):
        notes.append("hands, jaw and eyes are not in the file")
    return poses


def _upright(poses: np.ndarray, up: str | None) -> np.ndarray:  # (T, 63) -> (T, 66)
    root = np.zeros((len(poses), 3))
    if up != "y":
        root[:, 0] = np.pi / 2
    return np.concatenate([root, poses], axis=1)


def _body(file: NpzFile, width: int, rate_name: str | None) -> str:
    """The body that the file names, where one of its width may be that; else the usual one of the width."""
    named = _named_body(file)
    if named in WIDTHS[width]:
        return named
    # the releases of AMASS differ in how they spell the rate
    return "SMPL+H" if width <= 66 and rate_name != RATES[0] else WIDTHS[width][0]


def _named_body(file: NpzFile) -> str:
    """By how its name begins: AMASS itself writes smplx_locked_head."""
    for key in ("surface_model_type", "model_type", "body_model"):
        word = re.sub("[^a-z]", "", _text(file.read(key)).lower()) if key in file else ""
        found = next((body for name, body in _BODIES.items() if word.startswith(name)), "")
        if found:
            return found
    return ""


def _gender(file: NpzFile, notes: list[str]) -> str:
    """One of neutral, male, female, unknown; files write it as text, bytes, a letter, or a pickled object."""
    if "gender" not in file:
        return "neutral"
    try:
        text = _text(file.read("gender"))
    except InputError:
        notes.append("the gender in the file is no plain text and was not read")
        return "unknown"
    word = text.lower().removeprefix("b").strip("'\" ")
    return _GENDERS.get(word[:1], "unknown") if word in (*_GENDERS, *_GENDERS.values()) else "unknown"


def _text(value: np.ndarray) -> str:
    """A text of one element, whatever its shape, which some files write as bytes."""
    item = value.reshape(-1)[0] if value.size else ""
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _own_rate(file: NpzFile, path, is_given: bool) -> float | None:
    """Frames per second by whichever of RATES the file holds.

    Several that differ, and what is no rate, are refused unless one is given; then the latter is left out.
    """
    rates = {}
    for name, value in {name: file.read(name) for name in RATES if name in file}.items():
        try:
            rates[name] = _rate(value, f"{path}: {name}")
        except InputError:
            if not is_given:
                raise
    if rates and max(rates.values()) > SAME_RATE * min(rates.values()) and not is_given:
        told = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} has several frame rates: {told}", "say which is right with --fps"
        )
    return next(iter(rates.values()), None)


def _rate(value: np.ndarray, name: str) -> float:
    return checked_rate(checked_array(value.reshape(-1)[:1], name, (1,), np.float64)[0], name)
