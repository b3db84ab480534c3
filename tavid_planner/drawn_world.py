"""Rendering with a PyBullet client: a tiled floor, meshes in plain colours, one light."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.io.glb_document import box_mesh, flat_sides

FLOOR_TILES = ((226, 226, 222), (208, 208, 204))
TILE_M = 1.0
TILES = 5
FOV_DEG = 35.0
# share of the picture left free around what is shown
MARGIN = 1.12
SUPERSAMPLING = 1.5
LIGHT = (1.0, -0.6, 2.2)
_TILE_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


@dataclass(frozen=True)
class Viewpoint:
    """A pinhole camera for the picture, with OpenGL matrices.

    Attributes:
        view, projection: (4, 4), row-major, for column vectors.
    """

    view: np.ndarray
    projection: np.ndarray

    def pixels(self, points_m: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:  # (N, 3) -> (N, 2)
        """Where world points are in a picture of (width, height)."""
        clip = np.c_[points_m, np.ones(len(points_m))] @ (self.projection @ self.view).T
        seen = clip[:, :2] / clip[:, 3:]
        return np.stack([(seen[:, 0] + 1) / 2 * size_px[0], (1 - seen[:, 1]) / 2 * size_px[1]], axis=1) - 0.5


def viewpoint_around(points_m: np.ndarray, towards: np.ndarray, size_px: tuple[int, int]) -> Viewpoint:
    """A camera far enough away to see all points.

    Args:
        points_m: (N, 3), world; towards: (3,) from the points to the camera; size_px: (width, height).
    """
    middle = (points_m.min(0) + points_m.max(0)) / 2
    view = _looking(-towards)
    half_up = np.tan(np.deg2rad(FOV_DEG) / 2)
    half = np.array([half_up * size_px[0] / size_px[1], half_up])
    seen = (points_m - middle) @ view.T  # right, up, towards the camera
    distance = float((np.abs(seen[:, :2]) * MARGIN / half + seen[:, 2:]).max())
    eye = middle + towards * distance
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = view, -view @ eye
    near, far = 0.05, distance + 20.0
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = 1 / half
    projection[2] = 0, 0, -(far + near) / (far - near), -2 * far * near / (far - near)
    projection[3, 2] = -1
    return Viewpoint(matrix, projection)


def _looking(direction: np.ndarray) -> np.ndarray:  # (3,) -> (3, 3)
    """Rows right, up and backwards of an upright camera that looks in a direction."""
    back = -direction / np.linalg.norm(direction)
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back])


class DrawnWorld:
    """Bodies are PyBullet's indices; colours are 0..255.

    Args:
        client: an empty PyBullet client.
    """

    def __init__(self, client: int):
        from hoi_motion.physics.bullet import pybullet

        self.bullet, self.client = pybullet, client
        self._floor()

    def mesh(self, vertices_m: np.ndarray, faces: np.ndarray, colour, normals: np.ndarray | None = None) -> int:
        """Add a mesh; without normals it is flat-shaded."""
        if normals is None:
            vertices_m, normals, faces = flat_sides(vertices_m, faces)
        from hoi_motion.physics.bullet import visual_mesh

        look = dict(rgbaColor=_rgba(colour), specularColor=[0, 0, 0])
        shape = visual_mesh(self.client, vertices_m, faces, normals, **look)
        return self.bullet.createMultiBody(0, -1, shape, physicsClientId=self.client)

    def box(self, size_m: np.ndarray, colour) -> int:
        return self.mesh(*box_mesh(size_m), colour)

    def paint(self, body: int, colour) -> None:
        self.bullet.changeVisualShape(body, -1, rgbaColor=_rgba(colour), physicsClientId=self.client)

    def remove(self, body: int) -> None:
        self.bullet.removeBody(body, physicsClientId=self.client)

    def move(self, body: int, T_world_body: np.ndarray) -> None:
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_matrix(T_world_body[:3, :3]).as_quat().tolist()
        place = T_world_body[:3, 3].tolist()
        self.bullet.resetBasePositionAndOrientation(body, place, turn, physicsClientId=self.client)

    def picture(self, viewpoint: Viewpoint, size_px: tuple[int, int]) -> np.ndarray:  # (H, W, 3) uint8
        import cv2

        width, height = (round(SUPERSAMPLING * side) for side in size_px)
        image = self.bullet.getCameraImage(
            width,
            height,
            viewpoint.view.T.ravel().tolist(),
            viewpoint.projection.T.ravel().tolist(),
            lightDirection=LIGHT,
            shadow=1,
            renderer=self.bullet.ER_TINY_RENDERER,
            physicsClientId=self.client,
        )[2]
        image = np.reshape(np.asarray(image), (height, width, 4))[..., :3].astype(np.uint8)
        return cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)

    def _floor(self) -> None:
        """Tiles of two greys, so that positions on the floor are visible."""
        steps = np.arange(-TILES, TILES)
        for k, colour in enumerate(FLOOR_TILES):
            corners = np.array(
                [(i + a, j + b, 0) for i in steps for j in steps if (i + j) % 2 == k for a, b in _TILE_CORNERS], float
            )
            quads = np.arange(len(corners)).reshape(-1, 4)
            faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
            self.mesh(corners * TILE_M, faces, colour, np.tile([0.0, 0.0, 1.0], (len(corners), 1)))


def _rgba(colour) -> list[float]:
    return [*(float(c) / 255 for c in colour), 1.0]
