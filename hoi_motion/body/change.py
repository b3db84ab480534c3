"""A motion on another body, and in a rotated world."""

import dataclasses

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.motion import HoiMotion

LEAST_BETAS = 10
"""Every body is loaded with so many at least."""
SMPLX_PELVIS_M = np.array([0.0031, -0.3514, 0.0120])


def is_smplx(body_model: str) -> bool:
    """Whether a motion's body is SMPL-X itself; the free body has its joints, but other shapes and another origin."""
    return body_model.startswith("smplx")


def turned_root(
    orient_rad: np.ndarray,  # (T, 3)
    transl_m: np.ndarray,  # (T, 3)
    pelvis_m: np.ndarray,  # (3,)
    R: np.ndarray,  # (3, 3)
) -> tuple[np.ndarray, np.ndarray]:
    """Global orientation and translation after the world is turned by `R`; `pelvis_m` is the rest pelvis J0."""
    return turned(orient_rad, R), (transl_m + pelvis_m) @ R.T - pelvis_m


def turned(orient_rad: np.ndarray, R: np.ndarray) -> np.ndarray:  # (T, 3), (3, 3) -> (T, 3)
    return (Rotation.from_matrix(R) * Rotation.from_rotvec(np.array(orient_rad))).as_rotvec()


def on_body(motion: HoiMotion, body) -> HoiMotion:
    """The same poses on another BodyModel: its mean shape, the pelvis where it was.

    A motion of the same body is returned as it is. With legs of another length the feet may leave the floor.
    """
    if motion.body_model == body.name:
        return motion
    # the free body rests with its pelvis in the origin
    rest_m = SMPLX_PELVIS_M if is_smplx(motion.body_model) else np.zeros(3)
    transl_m = motion.transl_m + rest_m - body.skeleton.joints_m[0].numpy()
    note = f"poses of {motion.body_model} on {body.name} of mean shape, the pelvis where it was"
    if motion.betas.any():
        note += "; its legs may be of another length and leave the floor (hoi-ground puts a person on it)"
    betas = np.zeros(LEAST_BETAS)
    return motion.replace(transl_m=transl_m, betas=betas, body_model=body.name, notes=(*motion.notes, note))


def in_world(motion: HoiMotion, T_new_world: np.ndarray, body) -> HoiMotion:
    """The same motion with person, objects, supports and camera in another world frame.

    Args:
        T_new_world: (4, 4) m, takes points of the motion's world to the new one; body: BodyModel of the motion.
    """
    R, shift_m = T_new_world[:3, :3], T_new_world[:3, 3]
    rest_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas)[0, 0].numpy()
    orient_rad, transl_m = turned_root(motion.pose_rad[:, 0], motion.transl_m, rest_m, R)
    pose_rad = motion.pose_rad.copy()
    pose_rad[:, 0] = orient_rad
    return motion.replace(
        pose_rad=pose_rad,
        transl_m=transl_m + shift_m,
        objects=tuple(
            dataclasses.replace(thing, T_world_object=T_new_world @ thing.T_world_object) for thing in motion.objects
        ),
        supports=tuple(dataclasses.replace(s, T_world_box=T_new_world @ s.T_world_box) for s in motion.supports),
        camera=dataclasses.replace(motion.camera, T_world_camera=T_new_world @ motion.camera.T_world_camera),
    )
