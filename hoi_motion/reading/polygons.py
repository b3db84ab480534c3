"""Polygons as triangles."""

import numpy as np


def fans(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (P,) -> (F, 3), (F,)
    """Triangles of polygons whose corners stand one after the other, all about the first corner of theirs.

    Args:
        counts: of the polygons' corners; one of less than three has no triangle.

    Returns:
        Places of the triangles' corners among all corners, and the polygon of each.
    """
    triangles = np.maximum(counts - 2, 0)
    polygons = np.repeat(np.arange(len(counts)), triangles)
    first = (np.cumsum(counts) - counts)[polygons]
    second = first + 1 + np.arange(len(first)) - (np.cumsum(triangles) - triangles)[polygons]
    return np.column_stack([first, second, second + 1]), polygons
