"""Poses of SMPL, SMPL+H and SMPL-X as ours: joint order, up axes, and where the root is.

All three turn the body about its pelvis joint, which does not lie in the origin of the rest pose: a point of the body
is R (x - J0) + J0 + transl, with J0 the pelvis of the resting body. So the pelvis is at J0 + transl whatever the
orientation, and turning the world by W moves the translation to W (transl + J0) - J0, not to W transl.
"""

from functools import lru_cache

import numpy as np

from hoi_motion.arrays import checked_array, given_array
from hoi_motion.body.change import SMPLX_PELVIS_M
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.motion import HoiMotion

NEUTRAL_BODY = "smplx-neutral"
MAX_BETAS = 400
WHOLE_TURN_RAD = 2 * np.pi
# pelvis joint of the resting body of mean shape, metres; a shape moves it by a centimetre or two
SMPL_PELVIS_M = np.array([-0.0018, -0.2233, 0.0282])
# from the pelvis to the middle between the hip joints, in the body's frame
SMPL_HIPS_M = np.array([0.0027, -0.0911, -0.0055])

# world from: y up; and a camera (x right, y down, z ahead) taken as level
R_WORLD_Y_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
R_WORLD_CAMERA = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])

# rows of the 55 SMPL-X joints that the joints of the other bodies are: SMPL-X's own, SMPL+H (no jaw and eyes), SMPL
# (its joints 22 and 23 are whole hands, which SMPL-X has not) and SMPL's or SMPL-X's body alone
_ROWS = {
    55: list(range(55)),
    52: [*range(22), *range(25, 55)],
    24: [*range(22), -1, -1],
    22: list(range(22)),
}
_IMAGE_SIZE_PX = (640, 480)


def smplx_pose(pose_rad, field: str) -> np.ndarray:  # (T, J, 3) or (T, 3 J) -> (T, 55, 3)
    """Axis-angle pose in SMPL-X order; joints the other body lacks are zero, its whole-hand joints are dropped.

    Raises:
        InputError: FILE_INVALID naming `field`, for no frames, NaN, another number of joints than 55, 52, 24, 22, or
            angles that are not radians: in most frames some joint turns by more than a full turn.
    """
    pose = given_array(pose_rad, field)
    if pose.ndim == 2 and pose.shape[1] % 3 == 0:
        pose = pose.reshape(len(pose), pose.shape[1] // 3, 3)
    pose = checked_array(pose, field, ("T", "J", 3), np.float64)
    if len(pose) == 0:
        raise InputError(ErrorCode.FILE_INVALID, f"{field} has no frames")
    if pose.shape[1] not in _ROWS:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{field} has {counted(pose.shape[1], 'joint')}",
            "known bodies have 24 (SMPL), 52 (SMPL+H) or 55 (SMPL-X) joints, 3 numbers each",
        )
    largest_rad = float(np.median(np.linalg.norm(pose[:, 1:], axis=-1).max(1)))
    if largest_rad > WHOLE_TURN_RAD:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{field} turns joints by {largest_rad:.1f} rad, more than once about, in most frames",
            "angles are read as rotation vectors in radians: if these are degrees, multiply them by pi / 180",
        )
    rows = _ROWS[pose.shape[1]]
    result = np.zeros((len(pose), 55, 3))
    for source, row in enumerate(rows):
        if row >= 0:
            result[:, row] = pose[:, source]
    return result


def kept_betas(betas, body: str, gender: str, frames: int, path) -> tuple[np.ndarray, list[str]]:
    """Shape of a file as ours, and notes about it.

    Betas are coefficients of one body's own shape space: those of SMPL, SMPL+H and the gendered bodies mean other
    shapes for the neutral SMPL-X, so they are left out. Betas given per frame are averaged.

    Args:
        betas: (B,), (1, B) or (T, B); body: "SMPL", "SMPL+H" or "SMPL-X".
    """
    betas = checked_array(np.atleast_2d(given_array(betas, f"{path}: betas")), f"{path}: betas", ("T", "B"), np.float64)
    if not 1 <= betas.shape[1] <= MAX_BETAS:
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path}: betas has {betas.shape[1]} numbers, expected 1 to {MAX_BETAS}"
        )
    if len(betas) not in (1, frames):
        raise InputError(ErrorCode.FILE_INVALID, f"{path}: betas has {counted(len(betas), 'row')} for {frames} frames")
    if body != "SMPL-X" or gender != "neutral":
        name = body if gender in ("", "neutral") else f"{gender} {body}"
        return np.zeros(10), [
            f"betas of {name} are left out, they mean another shape in neutral SMPL-X: the shape is the mean"
        ]
    mean = betas.mean(0)
    used = np.flatnonzero(mean)
    mean = mean[: max(10, int(used[-1]) + 1 if len(used) else 0)]
    spread = float(np.abs(betas - betas.mean(0)).max())
    return mean, [
        f"betas are the mean over the frames, from which they differ by up to {spread:.2g}"
    ] if spread > 1e-3 else []


def grounded_motion(
    pose_rad: np.ndarray,  # (T, 55, 3)
    pelvis_m: np.ndarray,  # (T, 3)
    fps: float,
    betas: np.ndarray,  # (B,)
    notes: list[str],
    camera: Camera | None = None,
    objects: tuple = (),
) -> HoiMotion:
    """A motion of the neutral SMPL-X body from a world (z up) whose origin means nothing.

    The origin moves to the floor under the first frame's pelvis. The floor is where the lowest point of the clip is,
    by the free body's legs; the file's own body model is not needed.
    """
    lowest_m = np.concatenate([_below_pelvis_m(part) for part in np.array_split(pose_rad, len(pose_rad) // 2000 + 1)])
    lowest_m = lowest_m + pelvis_m[:, 2]
    origin_m = np.array([*pelvis_m[0, :2], lowest_m.min()])
    transl_m = pelvis_m - origin_m - SMPLX_PELVIS_M
    if camera is None:
        camera = camera_in_front(pelvis_m[0] - origin_m)
    else:
        T = camera.T_world_camera.copy()
        T[:3, 3] -= origin_m
        camera = Camera(camera.K, T, camera.width, camera.height, camera.focal_source)
    moved = []
    for thing in objects:
        poses = thing.T_world_object.copy()
        poses[:, :3, 3] -= origin_m
        moved.append(type(thing)(thing.name, thing.vertices_m, thing.faces, poses, thing.shape, thing.is_target))
    floor = "the floor is put under the lowest point of the clip, the file has none"
    return HoiMotion(pose_rad, transl_m, betas, fps, NEUTRAL_BODY, camera, tuple(moved), notes=(*notes, floor))


def _below_pelvis_m(pose_rad: np.ndarray) -> np.ndarray:  # (T, 55, 3) -> (T,)
    """Height of the lowest joint over the pelvis, of the free body."""
    heights_m = _free_body().joints(pose_rad, np.zeros((len(pose_rad), 3)), np.zeros(10)).numpy()[..., 2]
    return (heights_m - heights_m[:, :1]).min(1)


@lru_cache(maxsize=1)
def _free_body():
    from hoi_motion.body import load_body

    return load_body()


def camera_in_front(place_m: np.ndarray) -> Camera:
    """A made-up camera that sees a place (3,) from 3 m in front."""
    width, height = _IMAGE_SIZE_PX
    focal = float(np.hypot(width, height))
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = R_WORLD_CAMERA
    T_world_camera[:3, 3] = place_m + np.array([0.0, -3.0, 0.0])
    return Camera(K, T_world_camera, width, height, "assumed")


def require_keys(found, expected, path, name: str) -> None:
    """Raises: InputError FILE_INVALID with the expected keys when some are missing."""
    missing = [key for key in expected if key not in found]
    if missing:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} is not {name}: {', '.join(map(str, missing))} missing, "
            f"found {', '.join(sorted(map(str, found))[:10]) or 'nothing'}",
            f"expected keys: {', '.join(expected)}",
        )


def require_fps(fps: float | None, path, name: str) -> float:
    if fps is None:
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path}: {name} files hold no frame rate", "give the video's with --fps"
        )
    return float(fps)
