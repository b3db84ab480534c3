"""What a depth image of the first frame says about a body: which of its skin is seen, and how far away it really is."""

import numpy as np
import torch

from hoi_motion.body.posed import vertex_normals
from hoi_motion.body.skeleton import Skeleton

# skin more oblique to the line of sight than this cosine is left out: one pixel beside it is at another depth
FACING = 0.35
# skin this far behind what covers it is hidden by the body itself; the cells in which that is looked up
BEHIND_M = 0.03
CELL_PX = 4
# measured and expected distance differ by one factor for a whole body; what differs from it by more is something else
# (a table before the legs, the wall beside a shoulder)
SAME_BODY = 0.04
RATIOS = np.geomspace(0.6, 1.6, 200)
# the depth image measures clothes, the fit has bare skin
CLOTHES_M = 0.008
LEAST_SEEN = 40
# a gain in size below this is not worth one more unit of betas
SIZE_M = 0.01


class MeasuredSurface:
    """A depth image (H, W) in metres along the optical axis, 0 or NaN where unknown, with its camera's intrinsics.

    person_mask: (H, W) where it shows the person, None when nobody says: what stands before them is not their skin.
    """

    def __init__(self, depth_m: np.ndarray, K: np.ndarray, faces: np.ndarray, person_mask: np.ndarray | None = None):
        self._depth_m = depth_m if person_mask is None else np.where(person_mask, depth_m, np.nan)
        self._K, self._faces = np.asarray(K, float), faces

    def seen(self, vertices_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Skin of a body at about the right place that the depth image shows.

        Args:
            vertices_m: (V, 3) in the camera frame.

        Returns:
            Vertex ids (N,) and the depths measured there (N,) of the skin, metres; none when too little is seen.
        """
        ids = self._unhidden(vertices_m)
        column, row = self._pixels(vertices_m[ids])
        measured = self._depth_m[row, column]
        known = np.isfinite(measured) & (measured > 0.1)
        ids, measured = ids[known], measured[known] + CLOTHES_M
        ratio = measured / vertices_m[ids, 2]
        near = np.abs(np.log(ratio[:, None] / RATIOS)) < SAME_BODY
        best = np.median(ratio[near[:, near.sum(0).argmax()]]) if near.any() else 1.0
        same = np.abs(np.log(ratio / best)) < SAME_BODY
        if same.sum() < LEAST_SEEN:
            return ids[:0], measured[:0]
        return ids[same], measured[same]

    def _pixels(self, points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (N, 3) -> columns, rows
        xy = (points_m / points_m[:, 2:]) @ self._K[:2].T
        return tuple(np.round(xy).astype(int).T)

    def _unhidden(self, vertices_m: np.ndarray) -> np.ndarray:
        """Ids of the vertices in the picture that face the camera and that the body itself does not hide."""
        towards = -vertices_m / np.linalg.norm(vertices_m, axis=1, keepdims=True)
        facing = (vertex_normals(vertices_m, self._faces) * towards).sum(1)
        before = vertices_m[:, 2] > 0.1
        column, row = self._pixels(np.where(before[:, None], vertices_m, [0, 0, 1.0]))
        height, width = self._depth_m.shape
        inside = before & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        nearest = np.full((height // CELL_PX + 1, width // CELL_PX + 1), np.inf)
        cell = row[inside] // CELL_PX, column[inside] // CELL_PX
        np.minimum.at(nearest, cell, vertices_m[inside, 2])
        unhidden = inside & (facing > FACING)
        unhidden[inside] &= vertices_m[inside, 2] < nearest[cell] + BEHIND_M
        return np.flatnonzero(unhidden)


def grown_betas(skeleton: Skeleton, betas: torch.Tensor, ratio: float) -> torch.Tensor:  # (B,) -> (B,)
    """Betas of a body of the same shape, so many times as large; as near as the shape space knows one."""
    joints = skeleton.joints_m + skeleton.joint_directions_m @ betas
    more = (ratio - 1) * (joints - joints[0]).flatten()
    directions = (skeleton.joint_directions_m - skeleton.joint_directions_m[:1]).flatten(0, 1)  # (55 * 3, B)
    square = directions.T @ directions + SIZE_M**2 * torch.eye(len(betas))
    return betas + torch.linalg.solve(square, directions.T @ more)
