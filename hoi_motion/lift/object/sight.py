"""How the object is seen in the first frame: its outline, the rays through it, its shape at a metre's distance."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hoi_motion.lift.object.shape import Primitive, fit_primitive
from hoi_motion.motion import Camera
from hoi_motion.rigid import standing_at


@dataclass(frozen=True)
class Sight:
    """One look at the object: whatever its distance, it lies on this ray and covers these pixels.

    Attributes:
        mask: (H, W) bool, not empty.
        camera: of the picture, in the world frame.
    """

    mask: np.ndarray
    camera: Camera

    @cached_property
    def shape_at_1_m(self) -> Primitive:
        """The primitive that covers the mask from a distance of 1 m along the optical axis."""
        return fit_primitive(self.mask, self.camera.K, self.camera.T_camera_world[:3, :3], 1.0)

    def shape_at(self, distance_m: float) -> Primitive:
        """The primitive that covers the mask from another distance."""
        return replace(self.shape_at_1_m, size_m=self.shape_at_1_m.size_m * distance_m)

    def rise_and_half(self, up_camera: np.ndarray | None = None) -> tuple[float, float]:
        """Per metre of its distance: how much higher than the camera its centre is, and half its height.

        Args:
            up_camera: (3,) unit vector upwards in the camera frame; None is the camera's own.
        """
        if up_camera is None:
            return float(self.ray[2]), self.shape_at_1_m.half_height_m
        shape = fit_primitive(self.mask, self.camera.K, _level_axes(up_camera), 1.0)
        return float(up_camera @ sight_ray(self.camera, mask_middle(self.mask))), shape.half_height_m

    @cached_property
    def ray(self) -> np.ndarray:  # (3,)
        """From the camera through the middle of the mask, in the world frame; 1 along the optical axis."""
        return self.camera.T_world_camera[:3, :3] @ sight_ray(self.camera, mask_middle(self.mask))

    def resting_pose(self, distance_m: float, shape: Primitive) -> np.ndarray:  # (4, 4)
        """World pose of the upright shape whose centre is at this distance; nothing rests below the floor."""
        T = standing_at(self.camera.T_world_camera[:3, 3] + distance_m * self.ray, shape.yaw_rad)
        T[2, 3] = max(T[2, 3], shape.half_height_m)
        return T


def _level_axes(up_camera: np.ndarray) -> np.ndarray:  # (3, 3)
    """Axes right, ahead and up of a camera, level, as columns in its own frame."""
    right = np.cross([0.0, 0.0, 1.0], up_camera)
    # a camera that looks straight down: its own right is level
    right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    return np.column_stack([right, np.cross(up_camera, right), up_camera])


def mask_middle(mask: np.ndarray) -> tuple[float, float]:  # x, y in pixels
    rows, columns = np.nonzero(mask)
    return (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2


def sight_ray(camera: Camera, xy_px) -> np.ndarray:  # (3,) in the camera frame, z = 1
    return np.linalg.inv(camera.K) @ np.array([xy_px[0], xy_px[1], 1.0])
