"""The lifted motion from a second viewpoint: what the camera that took the picture cannot show."""

from dataclasses import dataclass

import numpy as np

from hoi_motion.body import VERTEX_LABELS, PosedBody
from hoi_motion.body.joints import index_of
from hoi_motion.body.model import vertex_normals
from hoi_motion.motion import HANDS, SIDE_OF_HAND, HoiMotion

SKIN, TARGET, TOUCHED, OTHER, SUPPORT = (
    (205, 160, 130),
    (60, 200, 90),
    (245, 140, 20),
    (140, 153, 173),
    (170, 130, 95),
)
CLOTHES = {
    "hair": (60, 42, 30),
    "brow": (60, 42, 30),
    "shirt": (70, 110, 170),
    "sleeve": (70, 110, 170),
    "trousers": (60, 62, 75),
    "shoe": (40, 40, 42),
}
FLOOR_TILES = ((226, 226, 222), (208, 208, 204))
TILE_M, TILES = 1.0, 5
# turned about the vertical, away from the camera's own direction, and above the horizon
TURN_DEG, ABOVE_DEG = 65.0, 14.0
FOV_DEG = 35.0
# of the picture, left free around what is shown
MARGIN = 1.12
# what is farther than this from person and target is not made room for
NEAR_M = 0.6
SUPERSAMPLING = 1.5
LIGHT = (1.0, -0.6, 2.2)
RING_PX = 15


@dataclass(frozen=True)
class Viewpoint:
    """A pinhole camera for the picture, its matrices as OpenGL has them.

    Attributes:
        view, projection: (4, 4), row by row, for column vectors.
    """

    view: np.ndarray
    projection: np.ndarray

    def pixels(self, points_m: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:  # (N, 3) -> (N, 2)
        """Where world points are in a picture of (width, height)."""
        clip = np.c_[points_m, np.ones(len(points_m))] @ (self.projection @ self.view).T
        seen = clip[:, :2] / clip[:, 3:]
        return np.stack([(seen[:, 0] + 1) / 2 * size_px[0], (1 - seen[:, 1]) / 2 * size_px[1]], axis=1) - 0.5


def second_view(motion: HoiMotion, posed: PosedBody, size_px: tuple[int, int]) -> np.ndarray:
    """The body, the objects, what they stand on, and a ring where a hand touches.

    Args:
        posed: the motion's body; size_px: (width, height).

    Returns:
        (T, height, width, 3) uint8 RGB.

    Raises:
        CheckError: CHECK_NOT_RUN when PyBullet does not start.
    """
    import cv2

    from hoi_motion.physics.world import bullet_client

    viewpoint = viewpoint_of(motion, posed.skin_m, size_px)
    grips_m = {hand: posed.keypoints_m[:, index_of(f"{SIDE_OF_HAND[hand]}_middle1")] for hand in HANDS}
    frames = []
    with bullet_client() as client:
        scene = _Scene(client, motion, posed)
        for t in range(motion.num_frames):
            scene.show(t)
            picture = scene.picture(viewpoint, size_px)
            for hand in sorted({c.hand for c in motion.contacts if c.start_frame <= t < c.end_frame}):
                place = viewpoint.pixels(grips_m[hand][t : t + 1], size_px)[0]
                cv2.circle(picture, tuple(int(v) for v in place.round()), RING_PX, TOUCHED, 2, cv2.LINE_AA)
            frames.append(picture)
    return np.stack(frames)


def viewpoint_of(motion: HoiMotion, skin_m: np.ndarray, size_px: tuple[int, int]) -> Viewpoint:
    """From the side on which the target is nearer than the person, far enough to see person and target throughout.

    Args:
        skin_m: (T, V, 3), world.
    """
    shown = _shown_points(motion, skin_m)
    middle = (shown.min(0) + shown.max(0)) / 2
    ahead = motion.camera.T_world_camera[:3, 2].copy()
    ahead[2] = 0
    # a camera that looks straight down has no direction of its own
    ahead = ahead / np.linalg.norm(ahead) if np.linalg.norm(ahead) > 1e-6 else np.array([0.0, 1.0, 0.0])
    target = motion.target.T_world_object[0, :3, 3] if motion.target is not None else middle
    beside = target - skin_m[0].mean(0)
    to_right = np.cross(ahead, [0, 0, 1])
    turn = np.deg2rad(TURN_DEG) * (1 if beside @ to_right > 0 else -1)
    towards = np.cos(turn) * -ahead + np.sin(turn) * to_right
    towards = np.cos(np.deg2rad(ABOVE_DEG)) * towards + np.array([0, 0, np.sin(np.deg2rad(ABOVE_DEG))])
    view = _looking(-towards)
    half_up = np.tan(np.deg2rad(FOV_DEG) / 2)
    half = np.array([half_up * size_px[0] / size_px[1], half_up])
    seen = (shown - middle) @ view.T  # right, up, towards the viewer
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
    """Rows right, up and backwards of a camera that looks there, upright."""
    back = -direction / np.linalg.norm(direction)
    right = np.cross([0, 0, 1], back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back])


def _shown_points(motion: HoiMotion, skin_m: np.ndarray) -> np.ndarray:  # (N, 3)
    """What the picture makes room for: the person and the target over time, and objects that lie near them."""
    some = np.unique(np.linspace(0, motion.num_frames - 1, 12).round().astype(int))
    points = skin_m[some][:, ::10].reshape(-1, 3)
    if motion.target is not None:
        points = np.concatenate([points, *(motion.target.vertices_world(t) for t in some)])
    low, high = points.min(0) - NEAR_M, points.max(0) + NEAR_M
    near = [o.vertices_world(0) for o in motion.objects if not o.is_target]
    near = [v for v in near if ((v > low) & (v < high)).all()]
    return np.concatenate([points, *near])


class _Scene:
    """The motion in a PyBullet client, to be looked at; the body is made anew for every frame."""

    def __init__(self, client: int, motion: HoiMotion, posed: PosedBody):
        from hoi_motion.physics.world import pybullet

        self.bullet, self.client, self.motion, self.posed = pybullet, client, motion, posed
        self.parts = _coloured_parts(posed.body)
        self.person: list[int] = []
        self._floor()
        for box in motion.supports:
            shape = self._visual(pybullet.GEOM_BOX, SUPPORT, halfExtents=(box.size_m / 2).tolist())
            self._move(self._body(shape), box.T_world_box)
        self.objects = {
            thing.name: self._mesh(thing.vertices_m, thing.faces, _colour(thing)) for thing in motion.objects
        }

    def show(self, t: int) -> None:
        """Move everything to where it is in frame `t`."""
        for thing in self.motion.objects:
            body = self.objects[thing.name]
            self._move(body, thing.T_world_object[t])
            touched = any(
                c.object_name == thing.name and c.start_frame <= t < c.end_frame for c in self.motion.contacts
            )
            colour = _rgba(TOUCHED if touched else _colour(thing))
            self.bullet.changeVisualShape(body, -1, rgbaColor=colour, physicsClientId=self.client)
        for body in self.person:
            self.bullet.removeBody(body, physicsClientId=self.client)
        skin = self.posed.skin_m[t]
        normals = vertex_normals(skin, self.posed.body.faces)
        self.person = [self._mesh(skin[used], faces, colour, normals[used]) for used, faces, colour in self.parts]

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
        """Tiles of two greys, so that an eye sees where on the floor something is."""
        steps = np.arange(-TILES, TILES)
        for k, colour in enumerate(FLOOR_TILES):
            corners = np.array(
                [(i + a, j + b, 0) for i in steps for j in steps if (i + j) % 2 == k for a, b in _TILE_CORNERS], float
            )
            quads = np.arange(len(corners)).reshape(-1, 4)
            faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
            self._mesh(corners * TILE_M, faces, colour, np.tile([0.0, 0.0, 1.0], (len(corners), 1)))

    def _mesh(self, vertices: np.ndarray, faces: np.ndarray, colour, normals: np.ndarray | None = None) -> int:
        if normals is None:  # flat sides with sharp edges: every face has corners of its own
            corners = np.asarray(vertices)[np.asarray(faces)]
            across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
            across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
            vertices, normals = corners.reshape(-1, 3), across.repeat(3, axis=0)
            faces = np.arange(len(vertices)).reshape(-1, 3)
        return self._body(
            self._visual(
                self.bullet.GEOM_MESH,
                colour,
                vertices=np.asarray(vertices).tolist(),
                indices=np.asarray(faces).ravel().tolist(),
                normals=np.asarray(normals).tolist(),
            )
        )

    def _visual(self, kind: int, colour, **shape) -> int:
        return self.bullet.createVisualShape(
            kind, rgbaColor=_rgba(colour), specularColor=[0, 0, 0], physicsClientId=self.client, **shape
        )

    def _body(self, visual: int) -> int:
        return self.bullet.createMultiBody(0, -1, visual, physicsClientId=self.client)

    def _move(self, body: int, T_world_body: np.ndarray) -> None:
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_matrix(T_world_body[:3, :3]).as_quat().tolist()
        place = T_world_body[:3, 3].tolist()
        self.bullet.resetBasePositionAndOrientation(body, place, turn, physicsClientId=self.client)


_TILE_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def _coloured_parts(body) -> list[tuple[np.ndarray, np.ndarray, tuple[int, int, int]]]:
    """The faces of a body by colour: vertices that each colour needs, faces among these, colour."""
    faces = np.asarray(body.faces)
    if body.vertex_labels is None:
        colours = np.tile(SKIN, (len(faces), 1))
    else:
        palette = np.array([CLOTHES.get(label, SKIN) for label in VERTEX_LABELS])
        colours = palette[np.asarray(body.vertex_labels)[faces[:, 0]]]
    parts = []
    for colour in np.unique(colours, axis=0):
        used, among = np.unique(faces[(colours == colour).all(1)], return_inverse=True)
        parts.append((used, among.reshape(-1, 3), tuple(colour.tolist())))
    return parts


def _colour(thing) -> tuple[int, int, int]:
    return TARGET if thing.is_target else OTHER


def _rgba(colour) -> list[float]:
    return [*(float(c) / 255 for c in colour), 1.0]
