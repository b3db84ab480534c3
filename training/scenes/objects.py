"""Things to reach for: meshes, colours and analytic distance functions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numba
import numpy as np

SEGMENTS = 24
COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.13, 0.12),
    "blue": (0.13, 0.27, 0.78),
    "green": (0.14, 0.55, 0.22),
    "yellow": (0.92, 0.78, 0.15),
    "orange": (0.93, 0.48, 0.10),
    "purple": (0.48, 0.20, 0.62),
    "white": (0.93, 0.93, 0.91),
    "black": (0.10, 0.10, 0.11),
    "pink": (0.92, 0.50, 0.64),
    "teal": (0.10, 0.58, 0.58),
}
OBJECT_NAMES = ("mug", "cup", "bottle", "can", "jar", "box", "ball", "bowl")
HELD_OUT_NAMES = ("vase", "goblet", "spool")  # no training scene shows them
CYLINDER = 0
SPHERE = 1
BOX = 2


@dataclass(frozen=True)
class ObjectModel:
    """One kind of thing with its size and colour, standing on z = 0 of its own frame.

    Attributes:
        name: noun; colour: colour word.
        vertices_m: (V, 3); faces: (F, 3), shared vertices; albedo: (3,).
        shape: CYLINDER, SPHERE or BOX; half_size_m: (radius, radius, half height) or half extents, centred at
            (0, 0, half height): the solid the hand feels (a mug's handle and the inside of a bowl are left out).
        palm_down: share of the grasp that comes from above, 0 beside the object, 1 on top.
        grasp_height: where the palm goes, share of the height.
        has_handle: whether the handle sticks out along the object's +x.
    """

    name: str
    colour: str
    vertices_m: np.ndarray
    faces: np.ndarray
    albedo: np.ndarray
    shape: int
    half_size_m: np.ndarray
    palm_down: float
    grasp_height: float
    has_handle: bool = False

    @property
    def height_m(self) -> float:
        return 2 * float(self.half_size_m[2])

    @property
    def footprint_m(self) -> float:
        """Radius around the axis that nothing else may enter."""
        return float(np.linalg.norm(self.vertices_m[:, :2], axis=1).max())

    def signed_distance(self, points_world: np.ndarray, T_world_object: np.ndarray) -> np.ndarray:  # (N, 3) -> (N,)
        """Distance to the surface in metres, negative inside."""
        local = (np.asarray(points_world, np.float64) - T_world_object[:3, 3]) @ T_world_object[:3, :3]
        return signed_distance(local, self.shape, self.half_size_m)

    def least_distance(self, vertices_m: np.ndarray, ids: np.ndarray, T_world_object: np.ndarray) -> float:
        """Smallest signed distance of the vertices `ids` to the surface, metres."""
        rotation, origin = T_world_object[:3, :3].copy(), T_world_object[:3, 3].copy()
        return float(least_distance(vertices_m, ids, rotation, origin, self.shape, self.half_size_m))


@numba.njit(cache=True)
def signed_distance(points, shape, half):  # (N, 3) in the object frame -> (N,)
    """Distance to a primitive standing on z = 0, negative inside."""
    out = np.empty(points.shape[0])
    for i in range(points.shape[0]):
        x, y, z = points[i, 0], points[i, 1], points[i, 2] - half[2]
        if shape == SPHERE:
            out[i] = np.sqrt(x * x + y * y + z * z) - half[0]
            continue
        if shape == CYLINDER:
            a, b = np.sqrt(x * x + y * y) - half[0], abs(z) - half[2]
            out[i] = min(max(a, b), 0.0) + np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2)
        else:
            a, b, c = abs(x) - half[0], abs(y) - half[1], abs(z) - half[2]
            out[i] = min(max(a, max(b, c)), 0.0) + np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2 + max(c, 0.0) ** 2)
    return out


@numba.njit(cache=True)
def least_distance(points, ids, rotation, origin, shape, half):  # (V, 3) world, (N,) -> scalar
    """Smallest signed distance of some of the points to a primitive with its frame at `origin`."""
    best = np.inf
    for n in range(ids.shape[0]):
        px, py, pz = points[ids[n], 0] - origin[0], points[ids[n], 1] - origin[1], points[ids[n], 2] - origin[2]
        x = rotation[0, 0] * px + rotation[1, 0] * py + rotation[2, 0] * pz
        y = rotation[0, 1] * px + rotation[1, 1] * py + rotation[2, 1] * pz
        z = rotation[0, 2] * px + rotation[1, 2] * py + rotation[2, 2] * pz - half[2]
        if shape == SPHERE:
            d = np.sqrt(x * x + y * y + z * z) - half[0]
        elif shape == CYLINDER:
            a, b = np.sqrt(x * x + y * y) - half[0], abs(z) - half[2]
            d = min(max(a, b), 0.0) + np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2)
        else:
            a, b, c = abs(x) - half[0], abs(y) - half[1], abs(z) - half[2]
            d = min(max(a, max(b, c)), 0.0) + np.sqrt(max(a, 0.0) ** 2 + max(b, 0.0) ** 2 + max(c, 0.0) ** 2)
        best = min(best, d)
    return best


def revolve(profile: np.ndarray, segments: int = SEGMENTS) -> tuple[np.ndarray, np.ndarray]:
    """Watertight solid of revolution about z from (radius, height) rows that start and end on the axis, bottom up."""
    angle = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    ring = profile[1:-1]
    vertices = np.stack(
        [np.outer(ring[:, 0], np.cos(angle)), np.outer(ring[:, 0], np.sin(angle)), np.repeat(ring[:, 1:], segments, 1)],
        -1,
    ).reshape(-1, 3)
    first, last = len(vertices), len(vertices) + 1
    vertices = np.concatenate([vertices, [[0, 0, profile[0, 1]], [0, 0, profile[-1, 1]]]])
    faces = []
    for s in range(segments):
        t = (s + 1) % segments
        faces.append([first, t, s])
        for r in range(len(ring) - 1):
            a, b, c, d = r * segments + s, r * segments + t, (r + 1) * segments + s, (r + 1) * segments + t
            faces += [[a, b, d], [a, d, c]]
        top = (len(ring) - 1) * segments
        faces.append([top + s, top + t, last])
    return vertices, np.array(faces)


def box_mesh(size_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Box with its bottom face centred on the origin."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)]) * size_m
    quads = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return corners, np.array([t for q in quads for t in ([q[0], q[1], q[2]], [q[0], q[2], q[3]])])


def _handle(radius: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Closed half ring on the +x side of a mug."""
    rings, around, thick = 10, 8, 0.0065
    bow = np.linspace(-0.55 * np.pi, 0.55 * np.pi, rings)
    spread = 2 * np.pi * np.arange(around) / around
    reach, rise = 0.034, 0.32 * height
    centres = np.stack([radius - 0.004 + reach * np.cos(bow), np.zeros(rings), 0.5 * height + rise * np.sin(bow)], 1)
    outward = np.stack([np.cos(bow), np.zeros(rings), np.sin(bow)], 1)
    vertices = (
        centres[:, None]
        + thick * np.cos(spread)[None, :, None] * outward[:, None]
        + thick * np.sin(spread)[None, :, None] * np.array([0, 1.0, 0])
    ).reshape(-1, 3)
    faces = []
    for r in range(rings - 1):
        for s in range(around):
            t = (s + 1) % around
            a, b, c, d = r * around + s, r * around + t, (r + 1) * around + s, (r + 1) * around + t
            faces += [[a, d, b], [a, c, d]]
    last = (rings - 1) * around
    faces += [[0, s, s + 1] for s in range(1, around - 1)]
    faces += [[last, last + s + 1, last + s] for s in range(1, around - 1)]
    return vertices, np.array(faces)


def _hollow(outer: np.ndarray, wall: float) -> np.ndarray:
    """Profile of an open vessel: the outer profile upwards, then the inner wall back down to the axis."""
    inner = outer[::-1].copy()
    inner[:, 0] = np.maximum(inner[:, 0] - wall, 0)
    inner[:, 1] = np.maximum(inner[:, 1], outer[0, 1] + wall)
    inner[0] = [outer[-1, 0] - wall, outer[-1, 1]]
    inner = inner[inner[:, 0] > 0]
    return np.concatenate([outer, inner, [[0, outer[0, 1] + wall]]])


def enlarged(model: ObjectModel, factor: float | np.ndarray) -> ObjectModel:  # factor: one, or (3,) along x, y, z
    return replace(model, vertices_m=model.vertices_m * factor, half_size_m=model.half_size_m * factor)


def _ball(r: float, h: float) -> np.ndarray:
    polar = np.linspace(-np.pi / 2, np.pi / 2, 17)
    profile = np.stack([r * np.cos(polar), r + r * np.sin(polar)], 1)
    profile[[0, -1], 0] = 0
    return profile


@dataclass(frozen=True)
class _Turned:
    """A kind of thing that is round about its axis.

    Attributes:
        radius_m, height_m: from, to; a ball is as high as it is wide.
        profile: radius and height of a specimen -> its outline, rows (radius, height) from the foot's middle upwards.
        wall_m: thickness of the wall of an open vessel; 0 is a solid.
        palm_down, grasp_height, shape, has_handle: as of an ObjectModel.
    """

    radius_m: tuple[float, float]
    height_m: tuple[float, float]
    profile: Callable[[float, float], list | np.ndarray]
    wall_m: float = 0.0
    palm_down: float = 0.1
    grasp_height: float = 0.55
    shape: int = CYLINDER
    has_handle: bool = False

    def specimen(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vertices (V, 3), faces (F, 3) and half size (3,) of a random one."""
        r = rng.uniform(*self.radius_m)
        h = 2 * r if self.shape == SPHERE else rng.uniform(*self.height_m)
        profile = np.array(self.profile(r, h))
        vertices, faces = revolve(_hollow(profile, self.wall_m) if self.wall_m else profile)
        if self.has_handle:
            more, handle_faces = _handle(r, h)
            vertices, faces = np.concatenate([vertices, more]), np.concatenate([faces, handle_faces + len(vertices)])
        return vertices, faces, np.array([r, r, h / 2])


_TURNED = {
    "mug": _Turned(
        (0.050, 0.058),
        (0.100, 0.120),
        lambda r, h: [[0, 0], [r * 0.96, 0], [r, 0.01], [r, h]],
        wall_m=0.005,
        has_handle=True,
    ),
    "cup": _Turned(
        (0.048, 0.055),
        (0.12, 0.15),
        lambda r, h: [[0, 0], [r * 0.78, 0], [r * 0.9, 0.5 * h], [r, h]],
        wall_m=0.004,
        grasp_height=0.65,
    ),
    "bottle": _Turned(
        (0.046, 0.053),
        (0.22, 0.27),
        lambda r, h: [
            [0, 0],
            [r, 0],
            [r, 0.62 * h],
            [0.8 * r, 0.72 * h],
            [0.36 * r, 0.83 * h],
            [0.36 * r, h],
            [0, h],
        ],
        grasp_height=0.35,
    ),
    "can": _Turned(
        (0.043, 0.049),
        (0.12, 0.145),
        lambda r, h: [[0, 0], [0.9 * r, 0], [r, 0.008], [r, h - 0.008], [0.9 * r, h], [0, h]],
    ),
    "jar": _Turned(
        (0.050, 0.057),
        (0.12, 0.15),
        lambda r, h: [
            [0, 0],
            [r, 0],
            [r, 0.78 * h],
            [0.84 * r, 0.82 * h],
            [0.9 * r, 0.83 * h],
            [0.9 * r, h],
            [0, h],
        ],
        grasp_height=0.45,
    ),
    "bowl": _Turned(
        (0.075, 0.090),
        (0.070, 0.085),
        lambda r, h: [[0, 0], [0.5 * r, 0], [0.78 * r, 0.35 * h], [0.93 * r, 0.7 * h], [r, h]],
        wall_m=0.005,
        palm_down=0.55,
        grasp_height=0.85,
    ),
    "ball": _Turned((0.052, 0.066), (0.104, 0.132), _ball, palm_down=0.45, grasp_height=0.5, shape=SPHERE),
    "vase": _Turned(
        (0.055, 0.065),
        (0.19, 0.23),
        lambda r, h: [
            [0, 0],
            [0.55 * r, 0],
            [0.9 * r, 0.18 * h],
            [r, 0.35 * h],
            [0.85 * r, 0.52 * h],
            [0.4 * r, 0.72 * h],
            [0.36 * r, 0.82 * h],
            [0.6 * r, h],
        ],
        wall_m=0.004,
        grasp_height=0.35,
    ),
    "goblet": _Turned(
        (0.046, 0.054),
        (0.18, 0.21),
        lambda r, h: [
            [0, 0],
            [0.8 * r, 0],
            [0.8 * r, 0.03 * h],
            [0.16 * r, 0.07 * h],
            [0.14 * r, 0.45 * h],
            [0.75 * r, 0.55 * h],
            [r, 0.72 * h],
            [0.9 * r, h],
            [0, h],
        ],
        grasp_height=0.75,
    ),
    "spool": _Turned(
        (0.055, 0.065),
        (0.11, 0.14),
        lambda r, h: [
            [0, 0],
            [r, 0],
            [r, 0.2 * h],
            [0.45 * r, 0.24 * h],
            [0.45 * r, 0.76 * h],
            [r, 0.8 * h],
            [r, h],
            [0, h],
        ],
        grasp_height=0.85,
    ),
}
BOX_M = np.array([[0.085, 0.12], [0.085, 0.11], [0.12, 0.18]])
"""Least and greatest length of a box along x, y and z."""


def make_object(name: str, colour: str, rng: np.random.Generator) -> ObjectModel:
    """A random specimen of a kind.

    Raises:
        ValueError: naming the kinds there are.
    """
    albedo = np.array(COLOURS[colour])
    if name == "box":
        size = np.array([rng.uniform(*limits) for limits in BOX_M])
        vertices, faces = box_mesh(size)
        return ObjectModel(name, colour, vertices, faces, albedo, BOX, size / 2, palm_down=0.1, grasp_height=0.55)
    if name not in _TURNED:
        raise ValueError(f"no object {name!r}; known: {', '.join(OBJECT_NAMES + HELD_OUT_NAMES)}")
    kind = _TURNED[name]
    vertices, faces, half = kind.specimen(rng)
    how = kind.shape, half, kind.palm_down, kind.grasp_height, kind.has_handle
    return ObjectModel(name, colour, vertices, faces, albedo, *how)
