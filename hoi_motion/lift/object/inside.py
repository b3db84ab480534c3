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
    flat = np.column_stack([np.hypot(points_m[:, 0], points_m[:, 1]), points_m[:, 2]])
    start, way = line[:-1], np.diff(line, axis=0)
    apart = flat[:, None] - start
    along = np.clip((apart * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12), 0, 1)
    distance = np.linalg.norm(apart - along[..., None] * way, axis=-1).min(1)
    # a level line outwards crosses the outline an odd number of times from inside
    low, high = start[:, 1], line[1:, 1]
    spans = (low > flat[:, 1:]) != (high > flat[:, 1:])
    rise = np.where(high == low, 1.0, high - low)
    crossing = start[:, 0] + (flat[:, 1:] - low) / rise * way[:, 0]
    inside = (spans & (crossing > flat[:, :1])).sum(1) % 2 == 1
    return np.where(inside, -distance, distance)
