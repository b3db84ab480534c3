"""The lifted motion from a second viewpoint, to show what the original camera cannot."""

import numpy as np

from hoi_motion.body import LABEL_RGB, SKIN_RGB, VERTEX_LABELS, PosedBody
from hoi_motion.body.joints import index_of
from hoi_motion.body.posed import vertex_normals
from hoi_motion.motion import HANDS, SIDE_OF_HAND, HoiMotion
from tavid_planner.drawn_world import DrawnWorld, Viewpoint, viewpoint_around

TARGET = (60, 200, 90)
TOUCHED = (245, 140, 20)
OTHER = (140, 153, 173)
SUPPORT = (170, 130, 95)
# azimuth relative to the camera's own direction, and elevation above the horizon
TURN_DEG = 65.0
ABOVE_DEG = 14.0
# objects farther than this from person and target may be outside the view
NEAR_M = 0.6
RING_PX = 15


def second_view(motion: HoiMotion, posed: PosedBody, size_px: tuple[int, int]) -> np.ndarray:
    """The body, the objects, their supports, and a ring where a hand touches.

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
        world = DrawnWorld(client)
        scene = _Scene(world, motion, posed)
        for t in range(motion.num_frames):
            scene.show(t)
            picture = world.picture(viewpoint, size_px)
            for hand in sorted({c.hand for c in motion.contacts if c.start_frame <= t < c.end_frame}):
                place = viewpoint.pixels(grips_m[hand][t : t + 1], size_px)[0]
                cv2.circle(picture, tuple(int(v) for v in place.round()), RING_PX, TOUCHED, 2, cv2.LINE_AA)
            frames.append(picture)
    return np.stack(frames)


def viewpoint_of(motion: HoiMotion, skin_m: np.ndarray, size_px: tuple[int, int]) -> Viewpoint:
    """A camera on the side where the target is nearer than the person, far enough to see both throughout.

    Args:
        skin_m: (T, V, 3), world.
    """
    towards = towards_viewer(motion, skin_m[0].mean(0))
    return viewpoint_around(_shown_points(motion, skin_m), towards, size_px)


def towards_viewer(motion: HoiMotion, person_m: np.ndarray) -> np.ndarray:  # (3,) -> (3,)
    """Unit vector (world) towards a camera on the side where the target is nearer than the person."""
    ahead = motion.camera.T_world_camera[:3, 2].copy()
    ahead[2] = 0
    # a camera that looks straight down has no horizontal direction
    ahead = ahead / np.linalg.norm(ahead) if np.linalg.norm(ahead) > 1e-6 else np.array([0.0, 1.0, 0.0])
    beside = motion.target.T_world_object[0, :3, 3] - person_m if motion.target is not None else -ahead
    to_right = np.cross(ahead, [0, 0, 1])
    turn = np.deg2rad(TURN_DEG) * (1 if beside @ to_right > 0 else -1)
    towards = np.cos(turn) * -ahead + np.sin(turn) * to_right
    above = np.deg2rad(ABOVE_DEG)
    return np.cos(above) * towards + np.array([0, 0, np.sin(above)])


def _shown_points(motion: HoiMotion, skin_m: np.ndarray) -> np.ndarray:  # (N, 3)
    """The points that the view must contain: person and target over time, and objects near them."""
    some = np.unique(np.linspace(0, motion.num_frames - 1, 12).round().astype(int))
    points = skin_m[some][:, ::10].reshape(-1, 3)
    if motion.target is not None:
        points = np.concatenate([points, *(motion.target.vertices_world(t) for t in some)])
    low, high = points.min(0) - NEAR_M, points.max(0) + NEAR_M
    near = [o.vertices_world(0) for o in motion.objects if not o.is_target]
    near = [v for v in near if ((v > low) & (v < high)).all()]
    return np.concatenate([points, *near])


class _Scene:
    """The motion as a PyBullet scene; the body's mesh is replaced for every frame."""

    def __init__(self, world: DrawnWorld, motion: HoiMotion, posed: PosedBody):
        self.world, self.motion, self.posed = world, motion, posed
        self.parts = _coloured_parts(posed.body)
        self.person: list[int] = []
        for box in motion.supports:
            world.move(world.box(box.size_m, SUPPORT), box.T_world_box)
        self.objects = {
            thing.name: world.mesh(thing.vertices_m, thing.faces, _colour(thing)) for thing in motion.objects
        }

    def show(self, t: int) -> None:
        """Move everything to its place in frame `t`."""
        for thing in self.motion.objects:
            body = self.objects[thing.name]
            self.world.move(body, thing.T_world_object[t])
            touched = any(
                c.object_name == thing.name and c.start_frame <= t < c.end_frame for c in self.motion.contacts
            )
            self.world.paint(body, TOUCHED if touched else _colour(thing))
        for body in self.person:
            self.world.remove(body)
        skin = self.posed.skin_m[t]
        normals = vertex_normals(skin, self.posed.body.faces)
        self.person = [self.world.mesh(skin[used], faces, colour, normals[used]) for used, faces, colour in self.parts]


def _coloured_parts(body) -> list[tuple[np.ndarray, np.ndarray, tuple[int, int, int]]]:
    """The faces of a body by colour: vertices of each colour, faces indexed into these, colour."""
    faces = np.asarray(body.faces)
    if body.vertex_labels is None:
        colours = np.tile(SKIN_RGB, (len(faces), 1))
    else:
        palette = np.array([LABEL_RGB[label] for label in VERTEX_LABELS])
        colours = palette[np.asarray(body.vertex_labels)[faces[:, 0]]]
    parts = []
    for colour in np.unique(colours, axis=0):
        used, among = np.unique(faces[(colours == colour).all(1)], return_inverse=True)
        parts.append((used, among.reshape(-1, 3), tuple(colour.tolist())))
    return parts


def _colour(thing) -> tuple[int, int, int]:
    return TARGET if thing.is_target else OTHER
