"""Signed distance to the surface of a rigid object: negative inside, metres, object frame."""

from functools import cached_property

import numpy as np
from scipy.spatial import ConvexHull, KDTree, QhullError

from hoi_motion.errors import CheckError, ErrorCode

SAMPLE_SPACING_M = 0.003
MAX_SAMPLES = 20_000
NEAREST_SAMPLES = 6
ROUND_SHARE = 0.02
ROUND_FILL = 0.9


class ObjectSurface:
    """A closed triangle surface with its signed distance.

    The nearest triangles are found with a tree of surface samples, and their distance is computed exactly. Inside a
    convex surface the depth is the distance to the nearest face plane, which is exact; on others the sign is that of
    the nearest triangle seen most from above (it decides ties at edges and corners correctly).

    Attributes:
        vertices_m: (V, 3).
        triangles_m: (F, 3, 3) corners of every triangle with an area, outward; normals: (F, 3), of unit length.
        volume_m3; centre_m: (3,) centroid of the volume.
        is_convex: no vertex lies more than 0.1 mm in front of any face.
        replaced_by_hull: the given mesh was open, so its convex hull stands in for it.
    """

    def __init__(self, vertices_m: np.ndarray, faces: np.ndarray, name: str = "object"):
        self._name, self.vertices_m = name, np.asarray(vertices_m, np.float64)
        faces, self.replaced_by_hull = np.asarray(faces), False
        if not _is_closed(faces, self.vertices_m):
            faces, self.replaced_by_hull = _hull_faces(self.vertices_m, name), True
        self.triangles_m = self.vertices_m[faces]
        self.volume_m3, self.centre_m = _volume_and_centre(self.triangles_m)
        if self.volume_m3 < 0:
            self.triangles_m = self.triangles_m[:, ::-1]
            self.volume_m3 = -self.volume_m3
        normals = np.cross(*np.diff(self.triangles_m, axis=1).transpose(1, 0, 2))
        area2 = np.linalg.norm(normals, axis=1)
        keep = area2 > 1e-14
        self.triangles_m, self.normals = self.triangles_m[keep], normals[keep] / area2[keep, None]
        self._areas_m2 = area2[keep] / 2
        self._offsets_m = np.einsum("fi,fi->f", self.normals, self.triangles_m[:, 0])
        self.is_convex = bool((self.vertices_m @ self.normals.T - self._offsets_m).max() < 1e-4)

    @cached_property
    def _tree(self) -> tuple[KDTree, np.ndarray]:
        """Tree of surface samples and the triangle of each."""
        spacing = max(SAMPLE_SPACING_M, np.sqrt(self._areas_m2.sum() / MAX_SAMPLES))
        points, owners = [], []
        edges = np.linalg.norm(self.triangles_m - np.roll(self.triangles_m, 1, axis=1), axis=2).max(axis=1)
        steps = np.ceil(edges / spacing).astype(int).clip(1)
        for n in np.unique(steps):
            i, j = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
            i, j = (i[i + j < n] + 1 / 3) / n, (j[i + j < n] + 1 / 3) / n
            weights = np.stack([1 - i - j, i, j], axis=1)  # (S, 3)
            which = np.flatnonzero(steps == n)
            points.append((weights @ self.triangles_m[which]).reshape(-1, 3))
            owners.append(np.repeat(which, len(weights)))
        return KDTree(np.concatenate(points)), np.concatenate(owners)

    @cached_property
    def hull_m(self) -> np.ndarray:  # (H, 3)
        """Corners of the convex hull, object frame."""
        return self.vertices_m[np.unique(_hull_faces(self.vertices_m, self._name))]

    @cached_property
    def is_round(self) -> bool:
        """Whether it is a sphere: all corners are equally far from the centre, and it fills the sphere through them."""
        low, high = self.bounds_m
        away = np.linalg.norm(self.vertices_m - (low + high) / 2, axis=1)
        filled = self.volume_m3 / (4 / 3 * np.pi * away.mean() ** 3)
        return bool(np.ptp(away) < ROUND_SHARE * away.mean() and filled > ROUND_FILL)

    @property
    def bounds_m(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner of the axis-aligned box, object frame."""
        return self.vertices_m.min(axis=0), self.vertices_m.max(axis=0)

    def signed_distance(self, points_m: np.ndarray) -> np.ndarray:  # (P, 3) -> (P,)
        """Distance to the surface, metres, negative inside; points in the object frame."""
        points = np.asarray(points_m, np.float64)
        if not len(points):
            return np.zeros(0)
        tree, owners = self._tree
        nearest = tree.query(points, k=min(NEAREST_SAMPLES, tree.n))[1].reshape(len(points), -1)
        candidates = owners[nearest]  # (P, k)
        triangles = self.triangles_m[candidates]
        closest = closest_on_triangles(points[:, None], triangles)
        distance = np.linalg.norm(points[:, None] - closest, axis=2)  # (P, k)
        best = distance.min(axis=1)
        height = np.einsum("pki,pki->pk", points[:, None] - triangles[:, :, 0], self.normals[candidates])
        if self.is_convex:
            depth = (points @ self.normals.T - self._offsets_m).max(axis=1)
            return np.where(depth <= 0, depth, best)
        tied = np.where(distance <= best[:, None] + 1e-7, height, 0.0)
        sign = np.sign(np.take_along_axis(tied, np.abs(tied).argmax(axis=1)[:, None], axis=1)[:, 0])
        return np.where(sign < 0, -best, best)


def closest_on_triangles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:  # (..., 3), (..., 3, 3) -> (..., 3)
    """Closest point on each triangle (Ericson, Real-Time Collision Detection, section 5.1.5)."""
    a, b, c = triangles[..., 0, :], triangles[..., 1, :], triangles[..., 2, :]
    ab, ac, bc = b - a, c - a, c - b

    def dot(u, v):
        return np.einsum("...i,...i->...", u, v)[..., None]

    d1, d2 = dot(ab, points - a), dot(ac, points - a)
    d3, d4 = dot(ab, points - b), dot(ac, points - b)
    d5, d6 = dot(ab, points - c), dot(ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    total = np.maximum(va + vb + vc, 1e-30)
    inside = a + ab * (vb / total) + ac * (vc / total)
    on_ab = a + ab * np.clip(d1 / np.maximum(dot(ab, ab), 1e-30), 0, 1)
    on_ac = a + ac * np.clip(d2 / np.maximum(dot(ac, ac), 1e-30), 0, 1)
    on_bc = b + bc * np.clip(dot(bc, points - b) / np.maximum(dot(bc, bc), 1e-30), 0, 1)
    on_edges = np.stack([on_ab, on_ac, on_bc])
    best_edge = ((on_edges - points) ** 2).sum(axis=-1).argmin(axis=0)
    on_edge = np.take_along_axis(on_edges, best_edge[None, ..., None], axis=0)[0]
    return np.where((va >= 0) & (vb >= 0) & (vc >= 0), inside, on_edge)


def lowest_over_m(corners_m: np.ndarray, half_m: np.ndarray) -> float:  # (H, 3), (2,)
    """Height of the lowest point of a convex hull over the rectangle |x|, |y| <= half_m; infinite where none is.

    The hull may be larger than the rectangle and have no corner over it: a mixture of its corners is sought.
    """
    from scipy.optimize import linprog  # what starts without checking anything does without it

    sides = np.concatenate([corners_m[:, :2].T, -corners_m[:, :2].T])
    found = linprog(corners_m[:, 2], sides, np.tile(half_m, 2), np.ones((1, len(corners_m))), [1.0])
    return float(found.fun) if found.success else np.inf


def box_signed_distance(points_m: np.ndarray, size_m: np.ndarray) -> np.ndarray:  # (..., 3) -> (...)
    """Signed distance to a box with full extents `size_m` centred in its frame; exact."""
    q = np.abs(points_m) - np.asarray(size_m) / 2
    return np.linalg.norm(np.maximum(q, 0), axis=-1) + np.minimum(q.max(axis=-1), 0)


def _is_closed(faces: np.ndarray, vertices_m: np.ndarray) -> bool:
    """Whether every edge is used once in each direction, after merging coincident vertices."""
    merged = np.unique(np.round(vertices_m, 6), axis=0, return_inverse=True)[1].reshape(-1)[faces]
    merged = merged[(merged != np.roll(merged, 1, axis=1)).all(axis=1)]
    edges = np.concatenate([merged[:, [0, 1]], merged[:, [1, 2]], merged[:, [2, 0]]])
    forward = edges[:, 0] * (len(vertices_m) + 1) + edges[:, 1]
    backward = edges[:, 1] * (len(vertices_m) + 1) + edges[:, 0]
    return len(edges) > 0 and np.array_equal(np.sort(forward), np.sort(backward))


def _hull_faces(vertices_m: np.ndarray, name: str) -> np.ndarray:  # (F, 3), outward
    try:
        hull = ConvexHull(vertices_m)
    except QhullError as error:
        raise CheckError(
            ErrorCode.CHECK_NOT_RUN, f"the mesh of {name!r} is flat or broken", "give a mesh with a volume"
        ) from error
    faces = hull.simplices.copy()
    corners = vertices_m[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    inward = np.einsum("fi,fi->f", normals, hull.equations[:, :3]) < 0
    faces[inward] = faces[inward][:, ::-1]
    return faces


def _volume_and_centre(triangles_m: np.ndarray) -> tuple[float, np.ndarray]:
    """Volume and centroid of a closed surface by the divergence theorem."""
    origin = triangles_m.mean(axis=(0, 1))
    a, b, c = (triangles_m - origin).transpose(1, 0, 2)
    volumes = np.einsum("fi,fi->f", a, np.cross(b, c)) / 6
    total = volumes.sum()
    if abs(total) < 1e-12:
        return 0.0, origin
    return float(total), origin + ((a + b + c) / 4 * volumes[:, None]).sum(axis=0) / total
