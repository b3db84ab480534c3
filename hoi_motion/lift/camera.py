"""The camera of a clip: intrinsics, tilt, and the world frame on the floor under the actor.

The level frame has the camera's position and heading but stands upright: x right, y ahead, z up. The world frame is
the level frame moved to the floor under the actor's first-frame pelvis.
"""

import numpy as np
import torch

from hoi_motion.camera import GIVEN, Camera, checked_intrinsics


def clip_intrinsics(size_px, intrinsics=None, source: str = GIVEN) -> tuple[np.ndarray, str]:
    """(3, 3) intrinsics, pixels, and where the focal length is from: that of known intrinsics, or "assumed".

    Without them the focal length is the image diagonal, the usual guess (SPEC, CVPR 2021, section 3), which
    straight edges correct (straight_lines.py).
    """
    height, width = size_px
    if intrinsics is not None:
        return np.array(checked_intrinsics(intrinsics)), source
    focal = float(np.hypot(width, height))
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]]), "assumed"


def R_level_camera(pitch_rad: torch.Tensor) -> torch.Tensor:  # () -> (3, 3)
    """Camera axes in the level frame; a positive pitch looks up."""
    c, s = torch.cos(pitch_rad), torch.sin(pitch_rad)
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    right, down, ahead = torch.stack([one, zero, zero]), torch.stack([zero, s, -c]), torch.stack([zero, c, s])
    return torch.stack([right, down, ahead], dim=1)


def world_camera(K, focal_source: str, size_px, pitch_rad: float, origin_level_m: np.ndarray) -> Camera:
    """The camera in the world whose origin lies at `origin_level_m` (3,) of the level frame.

    Args:
        K: (3, 3) px; focal_source: where the focal length is from; size_px: height, width.
        pitch_rad: positive looks up.
    """
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = R_level_camera(torch.tensor(pitch_rad, dtype=torch.float64)).numpy()
    T_world_camera[:3, 3] = -np.asarray(origin_level_m)
    return Camera(K, T_world_camera, width=int(size_px[1]), height=int(size_px[0]), focal_source=focal_source)
