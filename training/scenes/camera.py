"""Where the camera stands: varied, but always with the actor's hands, head and the objects large in the picture."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.camera import Camera
from training.scenes.conditions import CameraRange
from training.scenes.layout import PlacedObject
from training.scenes.posture import JOINT, SIDES

WHOLE_BODY_SHARE = 0.12  # of the scenes show the feet too
MARGIN = 0.93  # share of the half image that the points to show may fill
HEADROOM_M = 0.03


@dataclass(frozen=True)
class Filming:
    """How a scene is filmed, whatever happens in it.

    Attributes:
        size_px: (height, width); num_frames, fps: of the clip.
        supersampling: samples a pixel along each axis; with_depth: the sample keeps the depth of all frames.
    """

    size_px: tuple[int, int]
    num_frames: int
    fps: float
    supersampling: int
    with_depth: bool


def sample_camera(
    points_m: np.ndarray, height: int, width: int, rng: np.random.Generator, where: CameraRange = CameraRange()
) -> Camera:
    """Camera in front of an actor at the origin facing +x, framed on the given world points.

    Args:
        points_m: (N, 3) everything that must be in the picture.
    """
    azimuth = np.clip(rng.normal(where.azimuth_mean_rad, where.azimuth_std_rad), *where.azimuth_limits_rad)
    elevation = rng.uniform(*where.elevation_rad)
    vertical_fov = np.deg2rad(rng.uniform(*where.vertical_fov_deg))
    focal = 0.5 * height / np.tan(vertical_fov / 2)
    backwards = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    rotation = np.stack([right, np.cross(-backwards, right), -backwards], 1)  # world from optical
    rotation = rotation @ Rotation.from_euler("z", rng.normal(0, 0.012)).as_matrix()
    K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]])
    half = MARGIN * np.array([width, height]) / 2 / focal
    eye = points_m.mean(0) + 2 * backwards
    for _ in range(12):  # centre the box of the projections, then fit the distance
        local = (points_m - eye) @ rotation
        flat = local[:, :2] / local[:, 2:]
        low, high = flat.min(0), flat.max(0)
        depth = float(local[:, 2].mean())
        eye = eye + rotation[:, :2] @ ((low + high) / 2) * depth
        fill = float(((high - low) / 2 / half).max())
        eye = eye + backwards * depth * (fill - 1) * 0.8
    eye = eye + rotation[:, :2] @ (rng.uniform(-0.03, 0.03, 2))
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = rotation, eye
    return Camera(K, T, width, height, "scene")


def head_and_arms_m(
    transforms: np.ndarray, first_surface: np.ndarray, frames: tuple[int, ...]
) -> list[np.ndarray]:  # (T, 55, 4, 4), (V, 3) -> (3,) each
    """World points of a person for the picture: the crown first and last, shoulders and elbows in given frames."""
    head = JOINT["head"]
    crown = np.array([0, 0, first_surface[:, 2].max() - transforms[0][head][2, 3] + HEADROOM_M])
    points = [transforms[t][head][:3, 3] + crown for t in (0, -1)]
    joints = [JOINT[f"{side}_{name}"] for side in SIDES for name in ("shoulder", "elbow")]
    return points + [transforms[t][joint][:3, 3] for t in frames for joint in joints]


def corners_m(thing: PlacedObject) -> list[np.ndarray]:  # (3,) each
    """World points about a thing at rest that should be in the picture."""
    at, r = thing.T_world[:3, 3], thing.model.footprint_m + 0.02
    return [at + [dx * r, dy * r, dz] for dx in (-1, 1) for dy in (-1, 1) for dz in (-0.04, thing.model.height_m)]
