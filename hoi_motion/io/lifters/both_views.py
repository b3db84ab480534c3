"""A person in a world with y up and in the camera at once, as GVHMR and GEM write it: the two give the first camera."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import turned
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import HoiMotion


def motion_of_views(
    pose_rad: np.ndarray,  # (T, 55, 3)
    pelvis_m: np.ndarray,  # (T, 3)
    seen_rad: np.ndarray,  # (T, 3)
    seen_pelvis_m: np.ndarray,  # (T, 3)
    all_K,  # (T, 3, 3)
    fps: float,
    betas: np.ndarray,  # (B,)
    notes: list[str],
    path,
) -> HoiMotion:
    """The motion in our world, with the camera of the first frame.

    Args:
        pose_rad: in the world with y up, its root's orientation in the first row; pelvis_m: there.
        seen_rad: the root's orientation in the camera; seen_pelvis_m: the pelvis there.
        all_K: pixels, as the file has it.

    Raises:
        InputError: FILE_INVALID for other shapes, or views of another number of frames.
    """
    if len(seen_rad) != len(pose_rad):
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} has {len(pose_rad)} global frames and {len(seen_rad)} in the camera"
        )
    pose_rad = pose_rad.copy()
    pose_rad[:, 0] = turned(pose_rad[:, 0], family.R_WORLD_Y_UP)
    pelvis_m = pelvis_m @ family.R_WORLD_Y_UP.T
    # the same pelvis in both frames gives the camera
    T_world_camera = np.eye(4)
    R_camera_root = Rotation.from_rotvec(seen_rad[0].copy())
    T_world_camera[:3, :3] = (Rotation.from_rotvec(pose_rad[0, 0]) * R_camera_root.inv()).as_matrix()
    T_world_camera[:3, 3] = pelvis_m[0] - T_world_camera[:3, :3] @ seen_pelvis_m[0]
    all_K = checked_array(all_K, f"{path}: K_fullimg", ("T", 3, 3), np.float64)
    if not len(all_K):
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: K_fullimg is empty")
    K = all_K[0]
    camera = Camera(K, T_world_camera, max(1, round(2 * K[0, 2])), max(1, round(2 * K[1, 2])), "assumed")
    return family.grounded_motion(pose_rad, pelvis_m, fps, betas, notes, camera)


def parameters(data: dict, group: str, shapes: dict[str, tuple], path, name: str) -> dict[str, np.ndarray]:
    """Arrays of one group of a file, of one and the same number of frames.

    Raises:
        InputError: FILE_INVALID for other keys or shapes, no frames, or arrays of different lengths.
    """
    values = data[group]
    family.require_keys(values if isinstance(values, dict) else (), tuple(shapes), path, f"{name} ({group})")
    arrays = {k: checked_array(values[k], f"{path}: {group}.{k}", shape, np.float64) for k, shape in shapes.items()}
    lengths = {k: len(v) for k, v in arrays.items()}
    if len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: {group} has {lengths} frames")
    return arrays
