"""AMASS SMPL-X npz, in and out. AMASS worlds are z up in metres like ours; their origin is kept."""

import io
import zipfile

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.files import write_whole
from hoi_motion.motion import Camera, HoiMotion

DEFAULT_BODY = "smplx-neutral"
BETAS = 16
_PARTS = (("root_orient", 3), ("pose_body", 63), ("pose_jaw", 3), ("pose_eye", 6), ("pose_hand", 90))
_IMAGE_SIZE_PX = (640, 480)


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
    """Read the SMPL-X variant of AMASS (`mocap_frame_rate`, `poses` of 165 numbers or its parts).

    Betas that are zero at the end are dropped. The format holds no camera: one is made that sees the first frame from
    3 m in front, with focal_source "assumed".

    Raises:
        InputError: FILE_INVALID for a damaged file, SMPL+H or another layout.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = set(file.files)
            if "mocap_frame_rate" not in keys:
                found = "SMPL+H (mocap_framerate)" if "mocap_framerate" in keys else f"keys {sorted(keys)[:8]}"
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{path} is not AMASS SMPL-X: {found}",
                    "download the SMPL-X variant of AMASS, whose key is mocap_frame_rate",
                )
            poses = file["poses"] if "poses" in keys else np.concatenate([file[name] for name, _ in _PARTS], axis=1)
            if poses.ndim != 2 or poses.shape[1] != 165:
                raise InputError(ErrorCode.FILE_INVALID, f"{path} has poses of shape {poses.shape}, expected (T, 165)")
            transl, betas = file["trans"], file["betas"].reshape(-1)
            fps = float(file["mocap_frame_rate"])
            body_model = str(file["body_model"]) if "body_model" in keys else DEFAULT_BODY
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a readable AMASS file: {error}") from error
    used = np.flatnonzero(betas)
    betas = betas[: max(10, int(used[-1]) + 1 if len(used) else 0)]
    return HoiMotion(poses.reshape(-1, 55, 3), transl, betas, fps, body_model, _camera_in_front(transl[0]))


def _camera_in_front(place_m: np.ndarray) -> Camera:
    width, height = _IMAGE_SIZE_PX
    focal = float(np.hypot(width, height))
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    T_world_camera[:3, 3] = place_m + np.array([0.0, -3.0, 0.0])
    return Camera(K, T_world_camera, width, height, "assumed")
