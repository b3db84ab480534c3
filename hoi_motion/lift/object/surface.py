"""Closed surfaces of the shapes: box, ball, cylinder, and what is round about an upright axis, walls and handle too."""

from functools import cache

import numpy as np

SIDES = 24
WALL_M = 0.004
LEAST_BORE = 0.3  # of a radius is left inside, however thick the wall
# a handle is a half ring, so high of the thing's height, of a rod so thick of how far it sticks out
HANDLE_HEIGHT = 0.62
HANDLE_ROD = 0.17
HANDLE_RINGS = 12
ROD_SIDES = 8


def surface_of(
    shape: str, size_m: np.ndarray, profile: np.ndarray | None, is_open: bool, handle: float
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) m about the middle and outward faces (F, 3); the arguments are those of `Primitive`."""
    if shape == "box":
        return box_corners() * size_m, _BOX_FACES
    if shape == "sphere":
        points, faces = _unit_sphere()
        return points * size_m, faces
    vertices, faces = revolved(outside_line(size_m, profile, is_open))
    if handle > 0:
        outer = outside_line(size_m, profile, False)
        rod, rod_faces = _handle_rod(handle * size_m[0], HANDLE_HEIGHT * size_m[2] / 2)
        wall = np.interp(0.0, outer[:, 1], outer[:, 0]) - WALL_M / 2
        vertices, faces = (
            np.concatenate([vertices, rod + [wall, 0, 0]]),
            np.concatenate([faces, rod_faces + len(vertices)]),
        )
    return vertices, faces


def outside_line(size_m: np.ndarray, profile: np.ndarray | None, is_open: bool) -> np.ndarray:  # (K, 2)
    """Radius and height, metres, along the outside of what is round about z, bottom first; back down inside if open."""
    shares = np.array([[1.0, 0.0], [1.0, 1.0]]) if profile is None else profile
    outer = np.column_stack([shares[:, 0] * size_m[0] / 2, (shares[:, 1] - 0.5) * size_m[2]])
    return hollowed(outer, WALL_M) if is_open else outer


def hollowed(outer: np.ndarray, wall_m: float) -> np.ndarray:  # (K, 2) -> (2K, 2)
    """Radius and height along the outside of an open vessel, upwards, and back down along its inside."""
    inner = outer[::-1].copy()
    inner[:, 0] = np.maximum(inner[:, 0] - wall_m, LEAST_BORE * inner[:, 0])
    inner[:, 1] = np.maximum(inner[:, 1], outer[0, 1] + wall_m)
    return np.concatenate([outer, inner])


def revolved(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # (K, 2)
    """A closed surface round about z: a line of radii and heights, bottom first, closed at both ends by its axis."""
    count = len(line)
    vertices = np.concatenate([*(ring(r, h) for r, h in line), [[0, 0, line[0, 1]], [0, 0, line[-1, 1]]]])
    here, there = np.arange(SIDES), (np.arange(SIDES) + 1) % SIDES
    faces = [np.column_stack([there, here, np.full(SIDES, count * SIDES)])]
    for k in range(count - 1):
        low, high = k * SIDES, (k + 1) * SIDES
        faces.append(np.column_stack([here + low, there + low, there + high]))
        faces.append(np.column_stack([here + low, there + high, here + high]))
    last = (count - 1) * SIDES
    faces.append(np.column_stack([here + last, there + last, np.full(SIDES, count * SIDES + 1)]))
    return vertices, np.concatenate(faces)


def ring(radius: float, height: float) -> np.ndarray:  # (SIDES, 3)
    angle = np.arange(SIDES) * 2 * np.pi / SIDES
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), np.full(SIDES, height)])


def _handle_rod(reach_m: float, half_m: float) -> tuple[np.ndarray, np.ndarray]:
    """A bent rod from (0, 0, -half_m) to (0, 0, half_m) that reaches to +x."""
    rod_m = HANDLE_ROD * reach_m
    bend = np.linspace(-np.pi / 2, np.pi / 2, HANDLE_RINGS)
    around = np.arange(ROD_SIDES) * 2 * np.pi / ROD_SIDES
    outward = np.column_stack([np.cos(bend), np.zeros(HANDLE_RINGS), np.sin(bend)])
    middle = outward * [reach_m - rod_m, 0, half_m]
    sides = np.cos(around)[:, None] * outward[:, None] + np.sin(around)[:, None] * np.array([0, 1.0, 0])
    vertices = (middle[:, None] + rod_m * sides).reshape(-1, 3)
    here, there = np.arange(ROD_SIDES), (np.arange(ROD_SIDES) + 1) % ROD_SIDES
    faces = []
    for k in range(HANDLE_RINGS - 1):
        low, high = k * ROD_SIDES, (k + 1) * ROD_SIDES
        faces.append(np.column_stack([here + low, there + low, there + high]))
        faces.append(np.column_stack([here + low, there + high, here + high]))
    fan = np.column_stack([np.zeros(ROD_SIDES - 2, int), here[1:-1], here[2:]])
    faces += [fan[:, ::-1], fan + (HANDLE_RINGS - 1) * ROD_SIDES]
    return vertices, np.concatenate(faces)


def box_corners() -> np.ndarray:  # (8, 3) of a cube of 1 m
    return np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


def sphere_points() -> np.ndarray:  # (V, 3) of a ball 1 m across
    return _unit_sphere()[0]


@cache
def _unit_sphere() -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=2, radius=0.5)
    return np.array(sphere.vertices), np.array(sphere.faces)


_BOX_QUADS = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
_BOX_FACES = np.array([half for a, b, c, d in _BOX_QUADS for half in ([a, b, c], [a, c, d])])
