"""Where the camera of a wider scene stands, how it moves, and what it makes of the picture."""

from dataclasses import replace

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.camera import Camera
from training.scenes.afterwards import Acted
from training.scenes.camera import sample_camera
from training.scenes.conditions import CameraRange
from training.scenes.drawing import Props, Stage
from training.scenes.layout import Layout, PlacedObject
from training.scenes.posture import JOINT
from training.scenes.rasteriser import Mesh
from training.scenes.reach import Unreachable
from training.scenes.scene import TRIED_HEIGHT_PX, enlarged_to

VIEW_TRIES = 8
WHOLE_BODY_SHARE = 0.5
ANYWHERE_SHARE = 0.3
"""Of the scenes."""
SHOWN = 0.5
"""Share of the target's silhouette that is visible in the first frame."""
ROOM_M = 0.9


def points_to_see(
    rng: np.random.Generator,
    thing: PlacedObject,
    transforms: np.ndarray,  # (T, 55, 4, 4)
    surfaces: list[np.ndarray],  # (V, 3) a frame
    done: Acted,
) -> np.ndarray:  # (N, 3)
    """World points of the whole person or of all but the legs, and of the thing wherever it goes."""
    whole = bool(rng.random() < WHOLE_BODY_SHARE)
    legs = [j for name, j in JOINT.items() if name.partition("_")[2] in ("knee", "ankle", "foot")]
    joints = [j for j in range(22) if whole or j not in legs]
    points = [transforms[:, joints, :3, 3].reshape(-1, 3), done.T_world_target[:, :3, 3]]
    points += [np.stack([s[s[:, 2].argmax()] for s in surfaces])]
    points += [thing.T_world[None, :3, 3] + [0, 0, thing.model.height_m]]
    return np.concatenate(points)


def framed(
    rng: np.random.Generator,
    props: Props,
    people: list[Mesh],
    target: int,
    points_m: np.ndarray,
    size_px: tuple[int, int],
) -> Camera:
    """A camera anywhere, mostly in front, framed on points (N, 3).

    Args:
        people: in the first frame; target: index of the object that must be seen among them.

    Raises:
        Unreachable: when no view shows the target in the first frame.
    """
    width_px = round(TRIED_HEIGHT_PX * size_px[1] / size_px[0])
    for _ in range(VIEW_TRIES):
        anywhere = rng.random() < ANYWHERE_SHARE
        spread = dict(azimuth_std_rad=1.3, azimuth_limits_rad=(-2.7, 2.7)) if anywhere else {}
        where = CameraRange(**spread, elevation_rad=(0.03, 0.42))
        camera = sample_camera(points_m, TRIED_HEIGHT_PX, width_px, rng, where)
        if (camera.to_camera(points_m)[..., 2] < 0.6).any() or camera.T_world_camera[2, 3] < 0.4:
            continue
        if Stage(props, camera, 1, 0).silhouette_shares(people)[target] > SHOWN:
            return enlarged_to(camera, size_px)
    raise Unreachable("no view shows the target")


def roomy(layout: Layout, camera: Camera, surfaces) -> Layout:
    """The layout in a room that holds camera, person and things."""
    inside = np.concatenate([*(s[::50] for s in surfaces), camera.T_world_camera[None, :3, 3]])
    low = np.minimum(layout.room_low_m, inside.min(0) - ROOM_M)
    high = np.maximum(layout.room_high_m, inside.max(0) + ROOM_M)
    return replace(layout, room_low_m=np.array([*low[:2], 0.0]), room_high_m=high)


def panned(camera: Camera, count: int, rng: np.random.Generator) -> list[Camera]:
    """The camera of every frame: it turns a few degrees and drifts a few centimetres, from the first on."""
    time = np.arange(count) / count
    turn_deg = rng.uniform(2, 6) * rng.choice([-1, 1]) * np.sin(np.pi / 2 * time)
    nod_deg, roll_deg = (rng.uniform(-1.5, 1.5) * np.sin(2 * np.pi * time) for _ in range(2))
    drift_m = np.outer(np.sin(np.pi / 2 * time), rng.normal(0, 0.04, 3))
    cameras = []
    for t in range(count):
        T = np.eye(4)
        T[:3, :3] = Rotation.from_euler("yxz", [turn_deg[t], nod_deg[t], roll_deg[t]], degrees=True).as_matrix()
        T[:3, 3] = drift_m[t]
        cameras.append(Camera(camera.K, camera.T_world_camera @ T, camera.width, camera.height, "scene"))
    return cameras


def as_filmed(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:  # (T, H, W, 3) u8
    """Exposure, a tint, soft focus and noise of one camera."""
    gain, gamma, noise = rng.uniform(0.6, 1.25), rng.uniform(0.85, 1.2), rng.uniform(0, 5)
    tint, blur_px = rng.uniform(0.93, 1.07, 3), rng.uniform(0, 1.3) * frames.shape[1] / 480
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        picture = cv2.GaussianBlur(frame, (0, 0), blur_px) if blur_px > 0.2 else frame
        picture = 255 * np.clip(gain * tint * (picture / 255.0) ** gamma, 0, 1)
        out[t] = np.clip(np.rint(picture + noise * rng.standard_normal(picture.shape)), 0, 255)
    return out
