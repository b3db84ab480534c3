"""PosedBody: the body of one motion in every frame, posed when first asked for and then kept; imports no torch."""

from functools import cached_property

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, TavidError
from hoi_motion.motion import HoiMotion

FRAMES_A_BATCH = 64


class PosedBody:
    """Shared by everything that draws or measures a motion.

    Attributes:
        body: the BodyModel; motion: the motion, which belongs to it.

    Raises:
        TavidError: `error` with FILE_INVALID, or the code given, when the motion belongs to another body.
    """

    def __init__(
        self,
        body,
        motion: HoiMotion,
        error: type[TavidError] = InputError,
        code: ErrorCode = ErrorCode.FILE_INVALID,
    ):
        check_body(body, motion, error, code)
        self.body, self.motion = body, motion

    @cached_property
    def keypoints_m(self) -> np.ndarray:  # (T, 76, 3) float32
        """The 55 joints and 21 surface points (`body.keypoint_names`), world, without the other vertices."""
        motion = self.motion
        return self.body.joints(motion.pose_rad, motion.transl_m, motion.betas).numpy()

    @cached_property
    def skin_m(self) -> np.ndarray:  # (T, V, 3) float32
        """The whole skin, world."""
        return self._surface[0]

    @cached_property
    def joints_m(self) -> np.ndarray:  # (T, 55, 3) float64
        """The joints under the skin, world."""
        return self._surface[1]

    @cached_property
    def _surface(self) -> tuple[np.ndarray, np.ndarray]:
        motion = self.motion
        return surface_in_batches(self.body, motion.pose_rad, motion.transl_m, motion.betas)


def check_body(
    body, motion: HoiMotion, error: type[TavidError] = InputError, code: ErrorCode = ErrorCode.FILE_INVALID
) -> None:
    """Raises: TavidError: `error` with `code` when the motion belongs to another body, or has more betas."""
    if body.name != motion.body_model:
        raise error(
            code,
            f"the motion belongs to body {motion.body_model!r}, loaded is {body.name!r}",
            "give the body the motion was made with (--body FILE), or put it on the free one: hoi-convert --free-body",
        )
    if len(motion.betas) > body.num_betas:
        raise error(
            code,
            f"the motion has {len(motion.betas)} betas, the body {body.name} has {body.num_betas}",
            "load it with more betas, from a file that has them",
        )


def surface_in_batches(body, pose_rad, transl_m, betas) -> tuple[np.ndarray, np.ndarray]:
    """Skin (T, V, 3) float32 and joints (T, 55, 3) float64, in batches that bound the memory."""
    vertices, joints = [], []
    for start in range(0, len(pose_rad), FRAMES_A_BATCH):
        frames = slice(start, start + FRAMES_A_BATCH)
        skin, skeleton = body.vertices_and_joints(pose_rad[frames], transl_m[frames], betas)
        vertices.append(np.asarray(skin, np.float32))
        joints.append(np.asarray(skeleton, np.float64))
    return np.concatenate(vertices), np.concatenate(joints)


def vertex_normals(vertices_m: np.ndarray, faces: np.ndarray) -> np.ndarray:  # (V, 3)
    """Area-weighted unit normals."""
    a, b, c = (vertices_m[faces[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    corners, count = faces.T.ravel(), len(vertices_m)
    sums = [np.bincount(corners, np.tile(along, 3), count) for along in face_normals.T]  # many times as fast as add.at
    normals = np.stack(sums, axis=1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
