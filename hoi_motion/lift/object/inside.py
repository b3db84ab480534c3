"""How deep points lie inside a shape that was fitted to an outline."""

import numpy as np

from hoi_motion.lift.object.shape import Primitive
from hoi_motion.lift.object.surface import outside_line


def signed_distance_m(shape: Primitive, points_m: np.ndarray) -> np.ndarray:  # (N, 3) -> (N,)
    """Distance to the surface, negative inside; points in the shape's frame, a handle left out.

    Of an open vessel only the walls are inside.
    """
    if shape.shape == "sphere":
        return np.linalg.norm(points_m, axis=1) - shape.radius_m
    if shape.shape == "box":
        beyond = np.abs(points_m) - shape.size_m / 2
        return np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)
    line = outside_line(shape.size_m, shape.profile, shape.is_open)
    line = np.vstack([[0.0, line[0, 1]], line, [0.0, line[-1, 1]]])
    half_plane_m = np.column_stack([np.hypot(points_m[:, 0], points_m[:, 1]), points_m[:, 2]])
    distance_m = _distance_to_line(half_plane_m, line)
    return np.where(_is_within(half_plane_m, line), -distance_m, distance_m)


def _distance_to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:  # (N, 2), (M, 2) -> (N,)
    start, way = line[:-1], np.diff(line, axis=0)
    apart = points[:, None] - start
    along = np.clip((apart * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12), 0, 1)
    return np.linalg.norm(apart - along[..., None] * way, axis=-1).min(1)


def _is_within(points: np.ndarray, line: np.ndarray) -> np.ndarray:  # (N, 2), (M, 2) -> (N,) bool
    """Whether points (radius, height) are between the axis and a line that begins and ends on it.

    A level ray outwards crosses the line an odd number of times from there.
    """
    radius, height = points[:, :1], points[:, 1:]
    (start_radius, start_height), (end_radius, end_height) = line[:-1].T, line[1:].T
    spans = (start_height > height) != (end_height > height)
    rise = np.where(end_height == start_height, 1.0, end_height - start_height)
    crossing = start_radius + (height - start_height) / rise * (end_radius - start_radius)
    return (spans & (crossing > radius)).sum(1) % 2 == 1
