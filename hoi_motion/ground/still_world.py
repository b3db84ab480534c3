"""A motion that a moving camera saw, in a world that stands still, and back."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion


def in_still_world(motion: HoiMotion, body) -> HoiMotion:
    """The motion with what its camera does taken out: the world is that of the first frame, and stands still.

    Through `motion.camera` it is no longer seen where the clip's later frames show it. A motion whose camera stands
    still is returned as it is.

    Args:
        body: BodyModel of the motion.
    """
    if motion.T_first_camera is None:
        return motion
    return _carried(motion, motion.T_first_camera, body).replace(T_first_camera=None)


def as_filmed(still: HoiMotion, T_first_camera: np.ndarray | None, body) -> HoiMotion:
    """What `in_still_world` has taken out put back.

    Args:
        T_first_camera: (T, 4, 4) m, of the motion before; None returns the motion as it is.
        body: BodyModel of the motion.
    """
    if T_first_camera is None:
        return still
    return _carried(still, np.linalg.inv(T_first_camera), body).replace(T_first_camera=T_first_camera)


def _carried(motion: HoiMotion, T_camera: np.ndarray, body) -> HoiMotion:  # (T, 4, 4)
    """Person and objects moved with the camera that stands where the first frame's does, frame by frame."""
    T_world = motion.camera.T_world_camera @ T_camera @ motion.camera.T_camera_world  # (T, 4, 4)
    rest_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas.copy())[0, 0].numpy()
    R, shift_m = T_world[:, :3, :3], T_world[:, :3, 3]
    pose_rad = motion.pose_rad.copy()
    pose_rad[:, 0] = (Rotation.from_matrix(R) * Rotation.from_rotvec(motion.pose_rad[:, 0])).as_rotvec()
    return motion.replace(
        pose_rad=pose_rad,
        transl_m=np.einsum("tij,tj->ti", R, motion.transl_m + rest_m) + shift_m - rest_m,
        objects=tuple(
            dataclasses.replace(thing, T_world_object=T_world @ thing.T_world_object) for thing in motion.objects
        ),
    )
