"""How the object is seen in the first frame: its outline, the rays through it, its shape at a metre's distance."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.lift.object.family import UNNAMED, families_of
from hoi_motion.lift.object.shape import Primitive, fit_primitive
from hoi_motion.rigid import standing_at

# what is this much nearer than the object in a depth image occludes it
BEFORE_SHARE = 0.04
LEAST_DEPTH_M = 0.05
# this share of the mask's border must touch an occluder
LEAST_HIDDEN_BORDER = 0.08
# a mask that is narrower or lower than things of its name by more than this factor shows a part of one
CUT_FACTOR = 1.2


@dataclass(frozen=True)
class Sight:
    """One look at the object: whatever its distance, it lies on this ray and covers these pixels.

    Attributes:
        mask: (H, W) bool, not empty.
        camera: of the picture, in the world frame.
        noun: what the object is called; empty when nobody says.
        depth_m: (H, W) depth image of that frame, or None.
    """

    mask: np.ndarray
    camera: Camera
    noun: str = ""
    depth_m: np.ndarray | None = None

    @cached_property
    def shape_at_1_m(self) -> Primitive:
        """The shape that covers the mask from a distance of 1 m along the optical axis."""
        return self._fitted(self.camera.T_camera_world[:3, :3])

    def _fitted(self, R_camera_level: np.ndarray) -> Primitive:
        families, best = families_of(self.noun), None
        for hidden in self._hidden(R_camera_level):
            shape = fit_primitive(self.mask, self.camera.K, R_camera_level, 1.0, families, hidden)
            if best is None or shape.overlap > best.overlap:
                best = shape
        return best

    def _hidden(self, R_camera_level: np.ndarray) -> list[np.ndarray | None]:
        """Where something may stand before the object, (H, W) bool each; None where nothing does.

        A depth image shows it. Without one, an object of known proportions that looks too narrow is taken to continue
        on one side, and one that looks too low, below.
        """
        before = self._before()
        if before is not None:
            return [before]
        families = families_of(self.noun)
        if families is UNNAMED or self.depth_m is not None:
            return [None]
        low, high = families[0].aspect
        # an upright thing seen from above looks lower, and its round foot adds to that
        cosine = float(np.linalg.norm(R_camera_level[:2, 2]))
        sine = abs(float(R_camera_level[2, 2]))
        rows, columns = np.nonzero(self.mask)
        # pixels need not be square
        aspect = (np.ptp(rows) + 1) / (np.ptp(columns) + 1) * self.camera.K[0, 0] / self.camera.K[1, 1]
        row, column = np.indices(self.mask.shape)
        if aspect > CUT_FACTOR * (high * cosine + sine):
            return [column < columns.min(), column > columns.max()]
        if aspect * CUT_FACTOR < low * cosine:
            return [row > rows.max()]
        return [None]

    def _before(self) -> np.ndarray | None:
        """What a depth image shows in front of the object, where it touches the outline."""
        if self.depth_m is None:
            return None
        known = self.depth_m > LEAST_DEPTH_M
        if not (self.mask & known).any():
            return None
        near_m = (1 - BEFORE_SHARE) * np.percentile(self.depth_m[self.mask & known], 10)
        before = known & (self.depth_m < near_m) & ~self.mask
        border = cv2.dilate(self.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        border &= ~self.mask
        return before if (before & border).sum() > LEAST_HIDDEN_BORDER * border.sum() else None

    @property
    def middle_px(self) -> np.ndarray:  # (2,) x, y
        """Where the middle of the whole object is seen, the part that is hidden included and a handle left out."""
        return mask_middle(self.mask) + np.array(self.shape_at_1_m.off_middle_px)

    def shape_at(self, distance_m: float) -> Primitive:
        """The shape that covers the mask from another distance."""
        return replace(self.shape_at_1_m, size_m=self.shape_at_1_m.size_m * distance_m)

    def rise_and_half(self, up_camera: np.ndarray | None = None) -> tuple[float, float]:
        """Per metre of its distance: how much higher than the camera its centre is, and half its height.

        Args:
            up_camera: (3,) unit vector upwards in the camera frame; None is the camera's own.
        """
        if up_camera is None:
            return float(self.ray[2]), self.shape_at_1_m.half_height_m
        shape = self._fitted(_level_axes(up_camera))
        middle_px = mask_middle(self.mask) + np.array(shape.off_middle_px)
        return float(up_camera @ sight_ray(self.camera, middle_px)), shape.half_height_m

    @cached_property
    def ray(self) -> np.ndarray:  # (3,)
        """From the camera through the middle of the object, in the world frame; 1 along the optical axis."""
        return self.camera.T_world_camera[:3, :3] @ sight_ray(self.camera, self.middle_px)

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


def mask_middle(mask: np.ndarray) -> np.ndarray:  # (2,) x, y in pixels
    rows, columns = np.nonzero(mask)
    return np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2


def sight_ray(camera: Camera, xy_px) -> np.ndarray:  # (3,) in the camera frame, z = 1
    return np.linalg.inv(camera.K) @ np.array([xy_px[0], xy_px[1], 1.0])
