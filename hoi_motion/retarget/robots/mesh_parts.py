"""A mesh as convex parts, for links that carry a finger: PyBullet takes a mesh that moves as its convex hull.

The hull of a palm and the finger that stands on it also fills what lies between that finger and its partner.
"""

from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import ConvexHull, QhullError

from hoi_motion.errors import ErrorCode, RetargetError

SLAB_M = 0.008  # a finger curves little over such a length
FINEST_M = 2e-4  # points of a part that are nearer to each other count once
MOST_SLABS = 125  # a hand of a metre


def slabs(mesh: trimesh.Trimesh, along: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Convex hulls of the slices of a mesh across a direction: vertices (V, 3) and faces (F, 3) of each, flat ones of
    what is flat.

    Args:
        along: (3,) the product with a vertex is its place along the finger, metres: with a scale, its length is not 1.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a mesh that is longer than any hand, or a line.
    """
    points, at = np.asarray(mesh.vertices, float), np.asarray(mesh.vertices, float) @ along
    ends = mesh.edges_unique
    low_m, high_m = float(at.min()), float(at.max())
    if high_m - low_m > MOST_SLABS * SLAB_M:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            f"a mesh of the hand is {high_m - low_m:.3g} m long",
            "check its unit, and the scale of its <mesh>",
        )
    cuts_m = np.linspace(low_m, high_m, max(1, int(np.ceil((high_m - low_m) / SLAB_M))) + 1)
    on_cuts = [_cut(points, at, ends, cut_m) for cut_m in cuts_m]
    parts = []
    for i, (below_m, above_m) in enumerate(zip(cuts_m, cuts_m[1:])):
        inside = points[(at >= below_m) & (at <= above_m)]
        corners = np.concatenate([inside, on_cuts[i], on_cuts[i + 1]])
        grain = FINEST_M / max(float(np.linalg.norm(along)), 1e-9)
        corners = np.unique(np.round(corners / grain), axis=0) * grain
        hull = _hull(corners)
        if hull is not None:
            parts.append(hull)
    if not parts:
        raise RetargetError(
            ErrorCode.ROBOT_UNKNOWN,
            "a mesh of the hand has no surface: all its points lie on one line",
            "take it out of the robot's file, or the mesh from where the robot comes from",
        )
    return parts


def _hull(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:  # (C, 3) -> (V, 3), (F, 3)
    """The convex hull of points; of a sheet without thickness, such as a label, a flat one; None of a line."""
    try:
        hull = ConvexHull(corners)
    except (QhullError, ValueError):  # fewer than four points, or all in one plane
        return _flat_hull(corners)
    number = np.full(len(corners), -1)
    number[hull.vertices] = np.arange(len(hull.vertices))
    return corners[hull.vertices], number[hull.simplices]


def _flat_hull(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    middle = corners.mean(axis=0)
    axes = np.linalg.svd(corners - middle, full_matrices=False)[2]
    try:
        around = ConvexHull((corners - middle) @ axes[:2].T).vertices
    except (QhullError, ValueError):
        return None
    return corners[around], np.array([[0, i, i + 1] for i in range(1, len(around) - 1)])


def _cut(points: np.ndarray, at: np.ndarray, ends: np.ndarray, cut_m: float) -> np.ndarray:  # (C, 3)
    """Where edges (E, 2) cross a plane."""
    first, second = at[ends[:, 0]], at[ends[:, 1]]
    crosses = (first - cut_m) * (second - cut_m) < 0
    share = ((cut_m - first) / np.where(crosses, second - first, 1.0))[crosses, None]
    return points[ends[crosses, 0]] * (1 - share) + points[ends[crosses, 1]] * share


def write_parts(parts: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """An OBJ with an object for each part, of which PyBullet makes one convex hull each."""
    lines, first = [], 1
    for i, (vertices, faces) in enumerate(parts):
        lines.append(f"o part{i}")
        lines += [f"v {x:.7g} {y:.7g} {z:.7g}" for x, y, z in vertices]
        lines += [f"f {a} {b} {c}" for a, b, c in faces + first]
        first += len(vertices)
    path.write_text("\n".join(lines) + "\n")
