"""A person seen by a known camera: keypoints projected from a known body motion, without any detector."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from hoi_motion.body import load_body
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.track import KeypointTrack

REAL_CLIPS = Path(__file__).resolve().parents[3] / "shared" / "real_clips"
SIZE_PX = (240, 360)
K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])
DISTANCE_M = 3.2


@dataclass(frozen=True)
class Acted:
    """A known motion: its keypoint track and its joints (T, 76, 3) in the frame of a level camera, optical axes."""

    track: KeypointTrack
    joints_camera_m: np.ndarray
    K: np.ndarray
    size_px: tuple[int, int] = SIZE_PX


@pytest.fixture(scope="session")
def body():
    return load_body()


def depth_image(vertices_m: np.ndarray, wall_m: float = 6.0) -> np.ndarray:  # (V, 3) in the camera frame -> (H, W)
    """What a depth camera sees of a body before a wall."""
    column, row = np.round((vertices_m / vertices_m[:, 2:]) @ K[:2].T).astype(int).T
    inside = (row >= 0) & (row < SIZE_PX[0]) & (column >= 0) & (column < SIZE_PX[1])
    depth = np.full(SIZE_PX, wall_m)
    np.minimum.at(depth, (row[inside], column[inside]), vertices_m[inside, 2])
    # vertices lie a pixel or two apart
    return cv2.erode(depth, np.ones((3, 3)))


def reaching_pose(T: int) -> np.ndarray:  # (T, 55, 3)
    """Standing with hanging arms, then the right arm rises forward."""
    pose = np.zeros((T, 55, 3), np.float32)
    pose[:, 0] = (np.pi, 0, 0)  # y up becomes y down: the figure faces the camera
    pose[:, 16, 2], pose[:, 17, 2] = -1.2, 1.2
    reach = np.clip(np.linspace(-0.5, 1.0, T), 0, 1)
    pose[:, 17, 1] = 0.9 * reach
    pose[:, 17, 2] = 1.2 - 0.7 * reach
    pose[:, 19, 1] = 0.2 + 0.5 * reach
    return pose


@pytest.fixture(scope="session")
def acted(body):
    """A function that gives an `Acted` of T frames."""

    def act(T: int = 9, noise_px: float = 0.0, betas=np.zeros(10)) -> Acted:
        transl = np.tile(np.float32([0, -0.15, DISTANCE_M]), (T, 1))
        joints = body.joints(reaching_pose(T), transl, betas).numpy()
        rng = np.random.default_rng(0)

        def seen(matrix):
            points = np.einsum("kj,tjc->tkc", matrix, joints)
            px = (points / points[..., 2:]) @ K[:2].T
            return points, np.concatenate([px + rng.normal(0, 1, px.shape) * noise_px, np.ones((*px.shape[:2], 1))], -1)

        points, px = seen(km.BODY_MATRIX)
        body_px, hint = np.zeros((T, 33, 3)), np.zeros((T, 33, 3))
        body_px[:, list(km.BODY_KEYPOINTS)] = px
        hint[:, list(km.BODY_KEYPOINTS)] = points - joints[:, :1]
        left, right = seen(km.LEFT_HAND_MATRIX)[1], seen(km.RIGHT_HAND_MATRIX)[1]
        return Acted(KeypointTrack(body_px, left, right, hint, np.ones(T, bool)), joints, K)

    return act


@pytest.fixture
def real_clips() -> Path:
    if not REAL_CLIPS.is_dir():
        pytest.skip("real clips are not part of the project, and none are beside it")
    return REAL_CLIPS
