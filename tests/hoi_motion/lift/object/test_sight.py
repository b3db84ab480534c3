"""How the object is seen in the first frame."""

import cv2
import numpy as np

from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.sight import Sight
from hoi_motion.rigid import standing_at


def _bottle(pixel_aspect: float) -> np.ndarray:
    """Size of a bottle 30 cm high and 7 cm wide, by its outline in pixels so many times as high as wide."""
    K = np.array([[600 * pixel_aspect, 0, 320 * pixel_aspect], [0, 600, 240], [0, 0, 1]])
    size_px = (480, round(640 * pixel_aspect))
    camera, T = world_camera(K, "camera_info", size_px, -0.3, np.array([0, 1.5, -1.0])), standing_at([0.1, 0, 0.6])
    vertices = Primitive("cylinder", np.array([0.07, 0.07, 0.3])).surface()[0] @ T[:3, :3].T + T[:3, 3]
    mask = np.zeros(size_px, np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.round(8 * camera.project(vertices)).astype(np.int32)), 1, shift=3)
    return Sight(mask > 0, camera, "bottle").shape_at(camera.to_camera(T[:3, 3])[2]).size_m


def test_a_thing_that_looks_slim_by_pixels_that_are_not_square_is_not_hidden():
    for pixel_aspect in (1.0, 0.5):
        np.testing.assert_allclose(_bottle(pixel_aspect), [0.07, 0.07, 0.3], rtol=0.15)
