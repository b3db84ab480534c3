"""GVHMR's `hmr4d_results.pt`: SMPL-X in a gravity-aligned world (y up) and in the camera."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import SMPLX_PELVIS_M, turned
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import Camera, HoiMotion
from hoi_motion.reading.torch_file import load_torch

KEYS = ("smpl_params_global", "smpl_params_incam", "K_fullimg")
PARAMETERS = ("body_pose", "betas", "global_orient", "transl")


def read_gvhmr(path, fps: float | None = None) -> HoiMotion:
    """Read the global motion; the camera is that of the first frame, from the two sets of parameters and K_fullimg.

    Raises:
        InputError: FILE_INVALID for a damaged file, other keys or shapes, code in the file, or no `fps`.
    """
    data = load_torch(path, known=(*KEYS, *PARAMETERS))
    family.require_keys(data if isinstance(data, dict) else (), KEYS, path, "a GVHMR result")
    fps = family.require_fps(fps, path, "GVHMR")
    orient_rad, body_rad, transl_m, betas = _parameters(data, "smpl_params_global", path)
    seen_rad, _, seen_m, _ = _parameters(data, "smpl_params_incam", path)
    if len(seen_rad) != len(orient_rad):
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} has {len(orient_rad)} global frames and {len(seen_rad)} in the camera"
        )
    pose = family.smplx_pose(np.concatenate([orient_rad, body_rad], 1), f"{path}: global_orient and body_pose")
    pelvis_m = (transl_m + SMPLX_PELVIS_M) @ family.R_WORLD_Y_UP.T
    pose[:, 0] = turned(pose[:, 0], family.R_WORLD_Y_UP)
    betas, notes = family.kept_betas(betas, "SMPL-X", "neutral", len(pose), path)
    notes.append("GVHMR: the global motion (y up) turned to z up; hands, jaw and eyes are not in the file")
    # the same pelvis in both frames gives the camera
    T_world_camera = np.eye(4)
    R_camera_root = Rotation.from_rotvec(seen_rad[0].copy())
    T_world_camera[:3, :3] = (Rotation.from_rotvec(pose[0, 0]) * R_camera_root.inv()).as_matrix()
    T_world_camera[:3, 3] = pelvis_m[0] - T_world_camera[:3, :3] @ (seen_m[0] + SMPLX_PELVIS_M)
    all_K = checked_array(data["K_fullimg"], f"{path}: K_fullimg", ("T", 3, 3), np.float64)
    if not len(all_K):
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: K_fullimg is empty")
    K = all_K[0]
    camera = Camera(K, T_world_camera, max(1, round(2 * K[0, 2])), max(1, round(2 * K[1, 2])), "assumed")
    return family.grounded_motion(pose, pelvis_m, fps, betas, notes, camera)


def _parameters(data, group: str, path) -> tuple[np.ndarray, ...]:
    values = data[group]
    family.require_keys(values if isinstance(values, dict) else (), PARAMETERS, path, f"a GVHMR result ({group})")
    shapes = {"body_pose": ("T", 63), "betas": ("T", "B"), "global_orient": ("T", 3), "transl": ("T", 3)}
    arrays = {k: checked_array(values[k], f"{path}: {group}.{k}", shape, np.float64) for k, shape in shapes.items()}
    lengths = {k: len(v) for k, v in arrays.items()}
    if len(set(lengths.values())) > 1 or not lengths["transl"]:
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: {group} has {lengths} frames")
    return arrays["global_orient"], arrays["body_pose"], arrays["transl"], arrays["betas"]
