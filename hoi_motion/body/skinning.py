"""Fast linear blend skinning in numpy and numba, for rendering and for distance queries."""

import numba
import numpy as np

from hoi_motion.body.joints import PARENTS
from hoi_motion.body.model import BodyModel


def rotation_matrices(axis_angle: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., 3, 3)
    """Rodrigues' formula."""
    axis_angle = np.asarray(axis_angle, np.float64)
    angle = np.linalg.norm(axis_angle, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(axis_angle / np.maximum(angle, 1e-12), -1, 0)
    zero = np.zeros_like(x)
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape, 3)
    angle = angle[..., None]
    return np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * (k @ k)


class ShapedBody:
    """A body with fixed betas, ready to be posed frame by frame without torch.

    Attributes:
        rest_vertices_m: (V, 3) float32; rest_joints_m: (55, 3) float64.
    """

    def __init__(self, body: BodyModel, betas: np.ndarray):
        betas = np.asarray(betas, np.float64)
        count = len(betas)
        self.body = body
        self.betas = betas
        self.rest_vertices_m = (body.v_template_m + body.shapedirs_m[..., :count] @ betas).astype(np.float32)
        skeleton = body.skeleton
        self.rest_joints_m = skeleton.joints_m.numpy() + skeleton.joint_directions_m[..., :count].numpy() @ betas
        self._indices, self._weights = body.main_influences

    def joint_transforms(self, pose_rad: np.ndarray, transl_m: np.ndarray) -> np.ndarray:
        """World pose (..., 55, 4, 4) of every joint from pose (..., 55, 3) and translation (..., 3)."""
        local = rotation_matrices(pose_rad)
        world = np.zeros((*local.shape[:-2], 4, 4))
        world[..., 3, 3] = 1
        for j, parent in enumerate(PARENTS):
            if parent < 0:
                world[..., j, :3, :3] = local[..., j, :, :]
                world[..., j, :3, 3] = self.rest_joints_m[j] + transl_m
            else:
                above = world[..., parent, :3, :3]
                bone = self.rest_joints_m[j] - self.rest_joints_m[parent]
                world[..., j, :3, :3] = above @ local[..., j, :, :]
                world[..., j, :3, 3] = above @ bone + world[..., parent, :3, 3]
        return world

    def vertices(self, joint_transforms: np.ndarray) -> np.ndarray:  # (55, 4, 4) -> (V, 3) float32
        """Surface of one frame from `joint_transforms`."""
        skinning = joint_transforms[:, :3].copy()
        skinning[:, :, 3] -= np.einsum("jab,jb->ja", skinning[:, :, :3], self.rest_joints_m)
        return _skin(self.rest_vertices_m, self._indices, self._weights, skinning.astype(np.float32))


@numba.njit(cache=True, fastmath=True)
def _skin(rest, indices, weights, transforms):
    out = np.empty_like(rest)
    for v in range(rest.shape[0]):
        x, y, z = rest[v, 0], rest[v, 1], rest[v, 2]
        ox = oy = oz = np.float32(0)
        for k in range(indices.shape[1]):
            w = weights[v, k]
            if w <= 0:
                break
            m = transforms[indices[v, k]]
            ox += w * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
            oy += w * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
            oz += w * (m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        out[v, 0], out[v, 1], out[v, 2] = ox, oy, oz
    return out
