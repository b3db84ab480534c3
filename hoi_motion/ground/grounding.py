"""A motion of one person from any frame, tilted, drifting or sliding, as one on level ground."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.change import turned_root
from hoi_motion.body.mass import mass_weights
from hoi_motion.body.model import BodyModel
from hoi_motion.body.posed import check_body
from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.ground.gravity import up_direction
from hoi_motion.ground.path import grounded_path
from hoi_motion.ground.soles import sole_vertices
from hoi_motion.ground.still_world import in_still_world
from hoi_motion.motion import HoiMotion

STANDS = 0.5
SLIDE_PERCENT = 95


@dataclass(frozen=True)
class Grounding:
    """What was done.

    Attributes:
        motion: on level ground, z up, the origin on the floor under the first frame's pelvis, which looks along -y.
        tilt_rad: between the given z and gravity.
        drift_m: (T,) how far the pelvis was moved against the given path, both turned alike and alike in the first
            frame.
        slide_before_m_s, slide_after_m_s: speed of the stillest standing point of the soles, 95th percentile of the
            frames.
    """

    motion: HoiMotion
    tilt_rad: float
    drift_m: np.ndarray
    slide_before_m_s: float
    slide_after_m_s: float


def ground_motion(motion: HoiMotion, body: BodyModel) -> Grounding:
    """Set a person on level ground: gravity from the way they stand, the path from feet that stand still.

    Poses are kept except for a rotation of the whole body, the same in all frames. The result does not depend on the
    frame in which the motion was given. The camera stays where it was seen from in the first frame; what it did after
    that is taken out.

    Args:
        body: the BodyModel of this motion.

    Raises:
        InputError: FILE_INVALID for a motion with objects, whose path would no longer be theirs.
    """
    if motion.objects:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the motion has {counted(len(motion.objects), 'object')}, which would be left behind",
            "ground the person's motion, then lift the objects with hoi-lift --human",
        )
    check_body(body, motion)
    motion = in_still_world(motion, body)
    skin = body.skin(sole_vertices(body))
    points_m = body.joints(motion.pose_rad, motion.transl_m, motion.betas, skin).numpy().astype(float)
    pelvis_m, soles_m = points_m[:, 0], points_m[:, 55:]
    soles_m = soles_m - pelvis_m[:, None]
    mass_m = np.einsum("j,tjc->tc", mass_weights(), points_m[:, :55]) - pelvis_m
    up = up_direction(soles_m, mass_m, motion.fps)
    R = _R_level(up, motion.pose_rad[0, 0])
    soles_m, given_m = soles_m @ R.T, pelvis_m @ R.T
    found = grounded_path(given_m, soles_m, motion.fps)
    path_m = found.path_m - [*found.path_m[0, :2], 0]
    rest_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), motion.betas)[0, 0].numpy()
    orient_rad, _ = turned_root(motion.pose_rad[:, 0], motion.transl_m, rest_m, R)
    pose_rad = motion.pose_rad.copy()
    pose_rad[:, 0] = orient_rad
    T_new_given = np.eye(4)
    T_new_given[:3, :3], T_new_given[:3, 3] = R, path_m[0] - given_m[0]
    moved_m = path_m - path_m[0] - (given_m - given_m[0])
    tilt_rad = float(np.arccos(np.clip(up[2], -1, 1)))
    slides = [_slide_m_s(path, soles_m, found.standing, motion.fps) for path in (given_m, path_m)]
    drift_m = np.linalg.norm(moved_m, axis=1)
    note = (
        f"set on level ground: gravity was {np.rad2deg(tilt_rad):.1f} degrees off z, the path was moved by up to "
        f"{100 * drift_m.max():.0f} cm, standing feet slide {100 * slides[1]:.1f} cm/s (before: {100 * slides[0]:.0f})"
    )
    grounded = motion.replace(
        pose_rad=pose_rad,
        transl_m=path_m - rest_m,
        camera=replace(motion.camera, T_world_camera=T_new_given @ motion.camera.T_world_camera),
        supports=(),
        contacts=(),
        notes=(*motion.notes, note),
    )
    return Grounding(grounded, tilt_rad, drift_m, *slides)


def _R_level(up: np.ndarray, first_root_rad: np.ndarray) -> np.ndarray:  # (3,), (3,) -> (3, 3)
    """To z up, with what the first frame's body looks along (its head's direction, when it lies) along -y."""
    root = Rotation.from_rotvec(first_root_rad.astype(float)).as_matrix()
    ahead = root[:, 2] - up * (root[:, 2] @ up)
    if np.linalg.norm(ahead) < 0.3:
        ahead = root[:, 1] - up * (root[:, 1] @ up)
    ahead = ahead / np.linalg.norm(ahead)
    return np.stack([np.cross(up, ahead), -ahead, up])


def _slide_m_s(path_m: np.ndarray, soles_m: np.ndarray, standing: np.ndarray, fps: float) -> float:
    """Percentile SLIDE_PERCENT, over the frames in which some point stands, of the speed of their stillest one."""
    if len(path_m) < 2:
        return 0.0
    speed_m_s = np.linalg.norm(np.diff(path_m[:, None, :2] + soles_m[..., :2], axis=0), axis=-1) * fps
    stands = np.minimum(standing[1:], standing[:-1]) > STANDS
    least = np.where(stands, speed_m_s, np.inf).min(1)
    least = least[np.isfinite(least)]
    return float(np.percentile(least, SLIDE_PERCENT)) if len(least) else 0.0
