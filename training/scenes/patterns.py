"""Things that are not of one colour: stripes, checks, a label, a marbled glaze."""

from dataclasses import replace

import numpy as np

from training.scenes.drawing import creased_mesh
from training.scenes.layout import Layout
from training.scenes.objects import COLOURS
from training.scenes.rasteriser import Mesh

FINE_M = 0.012
"""Edges of triangles that carry a pattern."""
MOST_PARTS = 14
PLAIN_SHARE = 0.25
"""Of the things."""


def patterned_things(layout: Layout, rng: np.random.Generator) -> list[Mesh]:
    """Meshes of all objects; things of one model look alike, as they do without patterns."""
    models = {id(o.model): o.model for o in layout.objects}
    meshes = {}
    for key, model in models.items():
        mesh = creased_mesh(model.vertices_m, model.faces, model.albedo, 0)
        meshes[key] = mesh if rng.random() < PLAIN_SHARE else patterned(mesh, model.height_m, rng)
    return [replace(meshes[id(o.model)], instance=o.instance) for o in layout.objects]


def patterned(mesh: Mesh, height_m: float, rng: np.random.Generator) -> Mesh:
    """The mesh with smaller triangles, part of which have another colour; most of it keeps its own."""
    fine = divided(mesh, FINE_M)
    x, y, z = fine.vertices_m.astype(float).T
    around, up = np.arctan2(y, x), z / height_m
    kind, phase = rng.integers(4), rng.uniform(0, 2 * np.pi)
    if kind == 0:
        other = np.sin(2 * np.pi * rng.uniform(2.0, 6.0) * up + phase) > 0.3
    elif kind == 1:
        count = rng.integers(3, 7)
        other = (np.sin(count * around + phase) > 0) & (np.sin(2 * np.pi * rng.uniform(1.5, 4.0) * up + phase) > 0)
    elif kind == 2:
        low = rng.uniform(0.15, 0.35)
        other = (up > low) & (up < low + rng.uniform(0.25, 0.45)) & (np.cos(around - phase) > rng.uniform(-0.6, 0.4))
    else:
        waves = rng.normal(0, 45.0, (3, 3))
        other = np.sin(fine.vertices_m @ waves + rng.uniform(0, 2 * np.pi, 3)).sum(1) > 0.5
    own = fine.albedo[0].astype(float)
    colour = np.array(COLOURS[str(rng.choice(list(COLOURS)))])
    shade = rng.uniform(0.35, 0.75) * own if rng.random() < 0.4 else colour
    albedo = np.where(other[:, None], shade, own)
    return replace(fine, albedo=albedo.astype(np.float32))


def divided(mesh: Mesh, edge_m: float) -> Mesh:
    """The same surface in triangles with edges of about a length, each with corners of its own."""
    corners, normals = mesh.vertices_m[mesh.faces], mesh.normals[mesh.faces]  # (F, 3, 3)
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1).max(1)
    parts = np.clip(np.ceil(longest / edge_m), 1, MOST_PARTS).astype(int)
    places, turned, colours = [], [], []
    for n in np.unique(parts):
        weights = _split(int(n))  # (n * n, 3, 3)
        of = parts == n
        for out, values in ((places, corners), (turned, normals), (colours, mesh.albedo[mesh.faces])):
            out.append(np.einsum("pkc,fcd->fpkd", weights, values[of]).reshape(-1, 3))
    whole = [np.concatenate(out).astype(np.float32) for out in (places, turned, colours)]
    count = len(whole[0])
    return Mesh(whole[0], np.arange(count, dtype=np.int32).reshape(-1, 3), whole[1], whole[2], mesh.instance)


def _split(n: int) -> np.ndarray:  # (n * n, 3, 3)
    """Barycentric corners of the n * n small triangles of a triangle."""

    def corner(i: int, j: int) -> list[float]:
        return [(n - i - j) / n, i / n, j / n]

    small = [[corner(i, j), corner(i + 1, j), corner(i, j + 1)] for i in range(n) for j in range(n - i)]
    small += [
        [corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)] for i in range(n - 1) for j in range(n - 1 - i)
    ]
    return np.array(small)
