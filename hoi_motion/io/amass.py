"""AMASS npz: SMPL-X in and out, SMPL+H in. AMASS worlds are z up in metres like ours; their origin is kept."""

import io
import zipfile

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import SMPLX_PELVIS_M
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import write_whole
from hoi_motion.io.smpl_family import NEUTRAL_BODY, SMPL_PELVIS_M, camera_in_front, kept_betas, require_keys, smplx_pose
from hoi_motion.motion import HoiMotion

BETAS = 16
_PARTS = (("root_orient", 3), ("pose_body", 63), ("pose_jaw", 3), ("pose_eye", 6), ("pose_hand", 90))


def write_amass(motion: HoiMotion, path) -> None:
    """Write the body of a motion; objects, contacts and the camera have no place in the format and are left out.

    The extra key `body_model` names the body the betas belong to.
    """
    poses = motion.pose_rad.reshape(motion.num_frames, 165)
    betas = np.zeros(max(BETAS, len(motion.betas)), np.float32)
    betas[: len(motion.betas)] = motion.betas
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
        trans=motion.transl_m,
        poses=poses,
        betas=betas,
        num_betas=np.array(len(betas)),
        body_model=np.array(motion.body_model),
        **arrays,
    )
    write_whole(path, buffer.getvalue())


def read_amass(path) -> HoiMotion:
    """Read either variant of AMASS, told apart by how the frame rate is spelled.

    SMPL-X has `mocap_frame_rate` and `poses` of 165 numbers (or its parts), SMPL+H `mocap_framerate` and 156. The
    format holds no camera: one is made that sees the first frame from 3 m in front, with focal_source "assumed".

    Raises:
        InputError: FILE_INVALID for a damaged file or another layout.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = set(getattr(file, "files", ()))
            if "mocap_frame_rate" in keys:
                whole = "poses" in keys
                require_keys(
                    keys,
                    ("trans", "betas", *(("poses",) if whole else (name for name, _ in _PARTS))),
                    path,
                    "AMASS SMPL-X",
                )
                poses = file["poses"] if whole else np.concatenate([file[name] for name, _ in _PARTS], axis=1)
                body, width, fps = "SMPL-X", 165, float(file["mocap_frame_rate"])
            elif "mocap_framerate" in keys:
                require_keys(keys, ("poses", "trans", "betas"), path, "AMASS SMPL+H")
                poses, body, width, fps = file["poses"], "SMPL+H", 156, float(file["mocap_framerate"])
            else:
                require_keys(
                    keys, ("mocap_frame_rate or mocap_framerate", "poses", "trans", "betas"), path, "an AMASS file"
                )
            if poses.ndim != 2 or poses.shape[1] != width:
                raise InputError(
                    ErrorCode.FILE_INVALID, f"{path} has poses of shape {poses.shape}, AMASS {body} has (T, {width})"
                )
            transl, betas = file["trans"], file["betas"].reshape(-1)
            gender = _text(file["gender"]) if "gender" in keys else "neutral"
            body_model = str(file["body_model"]) if "body_model" in keys else NEUTRAL_BODY
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a readable AMASS file: {error}") from error
    pose = smplx_pose(poses, f"{path}: poses")
    transl = checked_array(transl, f"{path}: trans", (len(pose), 3), np.float64)
    betas, notes = kept_betas(betas, body, gender, len(pose), path)
    if body == "SMPL+H":
        transl = transl + SMPL_PELVIS_M - SMPLX_PELVIS_M  # the pelvis stays
        notes.append("AMASS SMPL+H: jaw and eyes are not in the file; legs of another shape may stand off its floor")
    return HoiMotion(pose, transl, betas, fps, body_model, camera_in_front(transl[0]), notes=tuple(notes))


def _text(value: np.ndarray) -> str:
    """The gender, which some files write as bytes."""
    item = value.item()
    return item.decode() if isinstance(item, bytes) else str(item)
