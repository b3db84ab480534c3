"""Camera: where a picture was taken from, and what of the world falls on which pixel."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.arrays import checked_array, checked_number, checked_text, checked_transforms
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.rigid import moved

LARGEST_SIZE_PX = 32_768
LARGEST_FOCAL_PX = 1e6
LEAST_FOCAL, LARGEST_FOCAL = 0.1, 100.0
"""Focal lengths in longer sides of the picture: lenses that see 157 degrees, and half of one."""
SHORT_FOCAL = 0.25
"""Lenses that see more than 127 degrees have a shorter one, and show no straight lines."""
GIVEN, OF_PHOTO = "camera_info", "EXIF"
"""Where known intrinsics are from: a calibration, whoever sent it, or what a camera wrote into its photo."""
USUAL_OFF_MIDDLE = 0.15
"""Share of a picture's side by which the principal points of its cameras are off its middle, at most, but for crops."""


@dataclass(frozen=True)
class Camera:
    """Static pinhole camera.

    Attributes:
        K: intrinsics (3, 3), pixels.
        T_world_camera: camera pose in the world (4, 4), metres.
        width, height: image size, pixels.
        focal_source: where the focal length is from, "camera_info" (given), "EXIF" (of a photo), "straight lines",
            "assumed" or "scene".
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


def checked_source(source) -> str:
    """Raises: InputError: CAMERA_INVALID for what is no source of intrinsics."""
    if source not in (GIVEN, OF_PHOTO):
        raise InputError(
            ErrorCode.CAMERA_INVALID, f"intrinsics_source is {shown(source)}", f"it is {GIVEN!r} or {OF_PHOTO!r}"
        )
    return source


def intrinsics_of_picture(K, size_px: tuple[int, int]) -> np.ndarray:
    """Intrinsics (3, 3) of a picture of this (height, width), pixels.

    Raises:
        InputError: CAMERA_INVALID, also for a focal length that no picture of that size has.
    """
    K = checked_intrinsics(K)
    height, width = size_px
    focal_px = (K[0, 0], K[1, 1])
    if min(focal_px) < LEAST_FOCAL * max(size_px) or max(focal_px) > LARGEST_FOCAL * max(size_px):
        raise InputError(
            ErrorCode.CAMERA_INVALID,
            f"intrinsics have focal lengths {K[0, 0]:g}, {K[1, 1]:g} px, the picture has {width}x{height} pixels",
            "give pixels of this picture, no shares of its size and no millimetres",
        )
    return K


def intrinsics_notes(K: np.ndarray | None, size_px: tuple[int, int]) -> tuple[str, ...]:  # (3, 3)
    """Note of a motion on given intrinsics that are probably those of another picture."""
    if K is None:
        return ()
    height, width = size_px
    if min(K[0, 0], K[1, 1]) < SHORT_FOCAL * max(size_px):
        return (
            f"doubtful: intrinsics: focal lengths {K[0, 0]:g}, {K[1, 1]:g} px are those of a fisheye in a picture of "
            f"{width}x{height}: they may be millimetres, or of a smaller picture",
        )
    off = abs(K[0, 2] / width - 0.5), abs(K[1, 2] / height - 0.5)
    if max(off) <= USUAL_OFF_MIDDLE:
        return ()
    return (
        f"doubtful: intrinsics: their principal point {K[0, 2]:.0f},{K[1, 2]:.0f} lies {max(off):.0%} of a side off "
        f"the middle of the picture of {width}x{height}: unless this is a crop, they are of a picture of another size, "
        "and all distances are off as much as the sizes differ",
    )
