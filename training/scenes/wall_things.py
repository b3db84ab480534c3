"""What hangs on walls: pictures and windows, each a flat grid of colours a little before its wall."""

import numpy as np

from training.scenes.layout import Layout
from training.scenes.rasteriser import Mesh

FRONT_M = 0.015
CELLS = 14
MOST = 4


def wall_things(layout: Layout, rng: np.random.Generator) -> list[Mesh]:
    """Up to MOST of them on the walls that are not the floor or the ceiling."""
    return [_thing(layout, rng) for _ in range(int(rng.integers(1, MOST + 1)))]


def _thing(layout: Layout, rng: np.random.Generator) -> Mesh:
    low, high = layout.room_low_m, layout.room_high_m
    across, end = int(rng.integers(2)), int(rng.integers(2))  # the wall square to x or y, at its low or high end
    other = 1 - across
    is_window = rng.random() < 0.4
    size = rng.uniform(0.7, 1.4, 2) if is_window else rng.uniform(0.3, 0.9, 2)
    centre = np.array([rng.uniform(low[other] + 0.6, high[other] - 0.6), rng.uniform(1.2, 1.9)])
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, CELLS + 1), np.linspace(-0.5, 0.5, CELLS + 1))
    points = np.zeros((u.size, 3))
    points[:, other], points[:, 2] = centre[0] + size[0] * u.ravel(), centre[1] + size[1] * v.ravel()
    points[:, across] = (low[across] + FRONT_M) if end == 0 else (high[across] - FRONT_M)
    inwards = np.zeros(3)
    inwards[across] = 1.0 if end == 0 else -1.0
    corner = np.arange(u.size).reshape(u.shape)
    a, b, c, d = (q.ravel() for q in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    if np.cross(points[b[0]] - points[a[0]], points[c[0]] - points[a[0]]) @ inwards < 0:
        faces = faces[:, ::-1]
    cells = _window(rng) if is_window else _picture(rng)  # (CELLS, CELLS, 3)
    corners = points[faces]
    colours = np.repeat(np.tile(cells.reshape(-1, 3), (2, 1)), 3, axis=0)
    count = corners.shape[0] * 3
    return Mesh(
        corners.reshape(-1, 3).astype(np.float32),
        np.arange(count, dtype=np.int32).reshape(-1, 3),
        np.tile(inwards.astype(np.float32), (count, 1)),
        np.clip(colours, 0, 1).astype(np.float32),
        0,
    )


def _picture(rng: np.random.Generator) -> np.ndarray:  # (CELLS, CELLS, 3)
    """A frame, and in it large patches of a few colours."""
    colours = rng.uniform(0.1, 0.95, (4, 3))
    coarse = rng.integers(0, 4, (4, 4))
    cells = colours[np.kron(coarse, np.ones((4, 4), int))[:CELLS, :CELLS]] + rng.normal(0, 0.03, (CELLS, CELLS, 3))
    cells[[0, -1]] = cells[:, [0, -1]] = rng.uniform(0.1, 0.7, 3)
    return cells


def _window(rng: np.random.Generator) -> np.ndarray:  # (CELLS, CELLS, 3)
    """Bright panes, greener below, between bars."""
    shade = np.linspace(0.75, 1.0, CELLS)[:, None, None] * np.ones((CELLS, CELLS, 3))
    green = np.array([0.5, 0.75, 0.4]) * np.linspace(1.3, 0.5, CELLS)[:, None, None]
    cells = np.where(np.arange(CELLS)[:, None, None] < CELLS * rng.uniform(0.2, 0.6), green, shade)
    cells = cells + rng.normal(0, 0.03, (CELLS, CELLS, 3))
    bars = [0, CELLS // 2, CELLS - 1]
    cells[bars] = cells[:, bars] = 0.9
    return cells
