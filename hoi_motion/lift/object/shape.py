"""The object's shape from its first-frame mask: the upright primitive whose outline covers the mask best."""

from dataclasses import dataclass

import cv2
import numpy as np

GRID_PX = 64
BONUS = {"cylinder": 0.015, "box": 0.0, "sphere": 0.02}
SIDES = 24


@dataclass(frozen=True)
class Primitive:
    """A primitive about its own centre, z up.

    Attributes:
        shape: "box", "cylinder" or "sphere"; size_m: (3,) full extents; yaw_rad: turn about z.
        overlap: intersection over union of its outline with the mask.
    """

    shape: str
    size_m: np.ndarray
    yaw_rad: float = 0.0
    overlap: float = 0.0

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) m and faces (F, 3), before the yaw, which belongs to the pose."""
        vertices, faces = _UNIT[self.shape]()
        return vertices * self.size_m, faces

    @property
    def half_height_m(self) -> float:
        return float(self.size_m[2] / 2)

    @property
    def radius_m(self) -> float:
        """Mean horizontal half extent."""
        return float(self.size_m[:2].mean() / 2)


def fit_primitive(mask: np.ndarray, K: np.ndarray, R_camera_level: np.ndarray, depth_m: float) -> Primitive:
    """Fit a primitive at a given distance to a mask (H, W).

    Args:
        R_camera_level: (3, 3) level axes in the camera frame; depth_m: distance of its centre along the optical axis.
    """
    rows, columns = np.nonzero(mask)
    low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()]) + 1.0
    extent_m = (high - low) * depth_m / K[0, 0]
    zoom = GRID_PX / (1.4 * (high - low).max())
    origin = (low + high) / 2 - GRID_PX / 2 / zoom
    window = (
        cv2.warpAffine(
            mask.astype(np.uint8) * 255,
            np.column_stack([np.eye(2) * zoom, -origin * zoom]),
            (GRID_PX, GRID_PX),
            flags=cv2.INTER_LINEAR,
        )
        > 127
    )
    ray = np.array([*(((low + high) / 2 - 0.5 - K[:2, 2]) / [K[0, 0], K[1, 1]]), 1.0]) * depth_m

    def overlap(shape, size, yaw):
        vertices = _UNIT[shape]()[0] * np.abs(size)
        c, s = np.cos(yaw), np.sin(yaw)
        points = vertices @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ R_camera_level.T + ray
        if points[:, 2].min() < 0.05:
            return 0.0
        xy = (points / points[:, 2:]) @ K[:2].T
        # the outline is compared centred: where the object lies is fitted later
        xy = (xy - (xy.min(0) + xy.max(0)) / 2) * zoom + GRID_PX / 2 - 0.5
        drawn = np.zeros((GRID_PX, GRID_PX), np.uint8)
        cv2.fillConvexPoly(drawn, cv2.convexHull(np.round(xy * 8).astype(np.int32)), 1, shift=3)
        drawn = drawn > 0
        return (drawn & window).sum() / max((drawn | window).sum(), 1)

    best = None
    starts = [
        ("sphere", np.full(3, extent_m.mean()), 0.0),
        ("cylinder", np.array([extent_m[0], extent_m[0], extent_m[1]]), 0.0),
    ]
    starts += [
        ("box", np.array([extent_m[0], extent_m[0], extent_m[1]]) * [0.8, 0.8, 0.9], yaw) for yaw in (0, np.pi / 4)
    ]
    starts += [("box", np.array([extent_m[0], 0.6 * extent_m[0], 0.8 * extent_m[1]]), 0.0)]
    for shape, size, yaw in starts:
        size, value = _climbed(lambda s: overlap(shape, s, yaw), shape, size)
        if best is None or value + BONUS[shape] > best.overlap + BONUS[best.shape]:
            best = Primitive(shape, size, yaw, float(value))
    return best


def _climbed(score, shape: str, size: np.ndarray) -> tuple[np.ndarray, float]:
    """Coordinate search over the free extents, in shrinking relative steps."""
    free = {"sphere": [[0, 1, 2]], "cylinder": [[0, 1], [2]], "box": [[0], [1], [2]]}[shape]
    value = score(size)
    for step in (1.25, 1.1, 1.04):
        for _ in range(6):
            trials = []
            for axes in free:
                for factor in (step, 1 / step):
                    trial = size.copy()
                    trial[axes] *= factor
                    # a box no deeper than four times its width, nor thinner than a fourth
                    if 0.25 <= trial[1] / trial[0] <= 4:
                        trials.append(trial)
            values = [score(t) for t in trials]
            if max(values) <= value + 1e-4:
                break
            size, value = trials[int(np.argmax(values))], max(values)
    return size, value


def _unit_box():
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    faces = np.array(
        [
            [0, 1, 3],
            [0, 3, 2],
            [4, 6, 7],
            [4, 7, 5],
            [0, 4, 5],
            [0, 5, 1],
            [2, 3, 7],
            [2, 7, 6],
            [0, 2, 6],
            [0, 6, 4],
            [1, 5, 7],
            [1, 7, 3],
        ]
    )
    return corners, faces


def _unit_cylinder():
    angle = np.arange(SIDES) * 2 * np.pi / SIDES
    ring = 0.5 * np.column_stack([np.cos(angle), np.sin(angle)])
    vertices = np.concatenate(
        [np.column_stack([ring, np.full(SIDES, z)]) for z in (-0.5, 0.5)] + [[[0, 0, -0.5], [0, 0, 0.5]]]
    )
    faces = []
    for i in range(SIDES):
        j = (i + 1) % SIDES
        faces += [
            [i, j, SIDES + j],
            [i, SIDES + j, SIDES + i],
            [j, i, 2 * SIDES],
            [SIDES + i, SIDES + j, 2 * SIDES + 1],
        ]
    return vertices, np.array(faces)


def _unit_sphere():
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
    return np.array(sphere.vertices), np.array(sphere.faces)


_UNIT = {"box": _unit_box, "cylinder": _unit_cylinder, "sphere": _unit_sphere}
