"""Camera: where a picture was taken from, and what of the world falls on which pixel."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.arrays import checked_array, checked_number, checked_text, checked_transforms
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.rigid import moved

LARGEST_SIZE_PX = 32_768
LARGEST_FOCAL_PX = 1e6


@dataclass(frozen=True)
class Camera:
    """Static pinhole camera.

    Attributes:
        K: intrinsics (3, 3), pixels.
        T_world_camera: camera pose in the world (4, 4), metres.
        width, height: image size, pixels.
        focal_source: where the focal length is from, "camera_info", "straight lines", "assumed" or "scene".
    """

    K: np.ndarray  # (3, 3)
    T_world_camera: np.ndarray  # (4, 4)
    width: int
    height: int
    focal_source: str = "assumed"

    def __post_init__(self):
        object.__setattr__(self, "K", checked_intrinsics(self.K))
        object.__setattr__(
            self, "T_world_camera", checked_transforms(self.T_world_camera, "camera.T_world_camera", (4, 4))
        )
        for name in ("width", "height"):
            size = checked_number(
                getattr(self, name), f"camera {name}", 1, LARGEST_SIZE_PX, int, ErrorCode.CAMERA_INVALID
            )
            object.__setattr__(self, name, size)
        checked_text(self.focal_source, "camera focal_source", code=ErrorCode.CAMERA_INVALID)

    @property
    def T_camera_world(self) -> np.ndarray:  # (4, 4)
        return np.linalg.inv(self.T_world_camera)

    def to_camera(self, points_world: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 3)
        """World points, metres, in the camera frame."""
        return moved(self.T_camera_world, np.asarray(points_world))

    def project(self, points_world: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 2)
        """World points, metres, to pixels; NaN behind the camera."""
        points = self.to_camera(points_world)
        depth = np.where(points[..., 2:] > 1e-6, points[..., 2:], np.nan)
        return (points / depth) @ self.K[:2].T


def checked_intrinsics(K) -> np.ndarray:
    """Intrinsics (3, 3), pixels.

    Raises:
        InputError: CAMERA_INVALID for a wrong shape, NaN, or a focal length that is not positive.
    """
    K = checked_array(K, "intrinsics", (3, 3), np.float64, ErrorCode.CAMERA_INVALID, within=LARGEST_FOCAL_PX)
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"intrinsics have focal lengths {K[0, 0]:g}, {K[1, 1]:g}",
            "focal lengths are positive pixels; leave the intrinsics out if they are unknown",
        )
    if abs(K[2, 2] - 1) > 1e-9 or np.abs(K[2, :2]).max() > 1e-9:
        raise InputError(ErrorCode.CAMERA_INVALID, f"last row of the intrinsics is {K[2].tolist()}, expected 0 0 1")
    return K
