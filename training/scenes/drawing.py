"""Filming a scene: what rests is drawn once into a plate, what moves is composited over it frame by frame."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from hoi_motion.camera import Camera
from training.scenes.figure import ACTOR_INSTANCE, COMPANION_INSTANCE, Figure
from training.scenes.layout import Layout
from training.scenes.objects import box_mesh
from training.scenes.rasteriser import GBuffer, Light, Mesh, View, draw, draw_room, resolve, shade

CREASE_COSINE = 0.75  # edges sharper than this keep their two normals
LEG_M = 0.05


def creased_mesh(vertices_m: np.ndarray, faces: np.ndarray, albedo: np.ndarray, instance: int) -> Mesh:
    """Object-frame mesh with every face corner its own vertex: smooth where the surface is, sharp at edges."""
    corners = vertices_m[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    units = face_normals / np.maximum(np.linalg.norm(face_normals, axis=1, keepdims=True), 1e-12)
    # All pairs (corner, face around the same vertex): corners sorted by vertex, each paired with its whole run.
    vertex = faces.ravel()
    order = np.argsort(vertex, kind="stable")
    degree = np.bincount(vertex)
    start = np.concatenate([[0], np.cumsum(degree)])[:-1]
    count = 3 * len(faces)
    corner = np.repeat(np.arange(count), degree[vertex])
    within = np.arange(len(corner)) - np.repeat(np.cumsum(degree[vertex]) - degree[vertex], degree[vertex])
    around = order[start[vertex[corner]] + within] // 3
    near = (units[around] * units[corner // 3]).sum(1) > CREASE_COSINE
    normals = np.zeros((count, 3))
    for axis in range(3):
        normals[:, axis] = np.bincount(corner[near], face_normals[around[near], axis], count)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return Mesh(
        corners.reshape(-1, 3).astype(np.float32),
        np.arange(count, dtype=np.int32).reshape(-1, 3),
        normals.astype(np.float32),
        np.tile(albedo.astype(np.float32), (count, 1)),
        instance,
    )


def moved(mesh: Mesh, T_world: np.ndarray) -> Mesh:
    """The mesh at a pose (4, 4)."""
    rotation = T_world[:3, :3].astype(np.float32)
    vertices = mesh.vertices_m @ rotation.T + T_world[:3, 3].astype(np.float32)
    return Mesh(vertices, mesh.faces, mesh.normals @ rotation.T, mesh.albedo, mesh.instance)


class Props:
    """Meshes of the table and the objects, made once a scene and filmed from several cameras."""

    def __init__(self, layout: Layout):
        self.layout = layout
        self.table = _table_meshes(layout)
        shared = {id(o.model): o.model for o in layout.objects}
        shared = {key: creased_mesh(m.vertices_m, m.faces, m.albedo, 0) for key, m in shared.items()}
        self.objects = [replace(shared[id(o.model)], instance=o.instance) for o in layout.objects]


class Stage:
    """Props, room, light and camera of one scene."""

    def __init__(self, props: Props, camera: Camera, supersampling: int, light_seed: int):
        self.layout, self.table, self.objects, self.factor = props.layout, props.table, props.objects, supersampling
        self.view = View.supersampled(
            np.array(camera.K), camera.T_camera_world, camera.height, camera.width, supersampling
        )
        self.light = _sample_light(np.random.default_rng(light_seed), camera, props.layout)

    def film(
        self, figure: Figure, vertices: list[np.ndarray], target: int, T_world_target: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frames (T, H, W, 3) u8, instance ids (T, H, W) u8 and depth (T, H, W) f32.

        Args:
            vertices: bare surface of the actor, (V, 3) a frame; target: index of the object that moves.
        """
        return self.film_several((figure.mesh(surface) for surface in vertices), {target: T_world_target})

    def film_several(
        self, people: Iterable[Mesh | list[Mesh]], moving: dict[int, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same with any number of people and of objects that move.

        Args:
            people: the figures of every frame; moving: poses (T, 4, 4) of what moves, by index of the object.
        """
        resting = [None if i in moving else o.T_world for i, o in enumerate(self.layout.objects)]
        plate, plate_shadow = self._plate(resting)
        out = []
        for t, shown in enumerate(people):
            shown = shown if isinstance(shown, list) else [shown]
            things = [moved(self.objects[index], T[t]) for index, T in moving.items()]
            out.append(self._frame(plate.copy(), plate_shadow.copy(), [*shown, *things]))
        return tuple(np.stack(column) for column in zip(*out))

    def full_frame(self, figure: Figure, surface: np.ndarray, poses: list[np.ndarray]) -> tuple:
        """One frame drawn from nothing, with the objects at the given poses; equal to `film`'s."""
        plate, shadow = self._plate([None] * len(poses))
        movers = [moved(mesh, T) for mesh, T in zip(self.objects, poses)]
        return self._frame(plate, shadow, [figure.mesh(surface), *movers])

    def _plate(self, poses: list[np.ndarray | None]) -> tuple[GBuffer, np.ndarray]:
        buffer, shadow = GBuffer.empty(self.view.height, self.view.width), self.light.empty_map()
        layout = self.layout
        walls = np.stack([layout.wall_albedo * s for s in (1.12, 1.12, 1.05, 1.05)] + [layout.floor_albedo, np.ones(3)])
        draw_room(buffer, self.view, layout.room_low_m, layout.room_high_m, walls)
        still = self.table + [moved(mesh, T) for mesh, T in zip(self.objects, poses) if T is not None]
        for mesh in still:
            draw(buffer, self.view, mesh)
            self.light.cast(shadow, mesh)
        return buffer, shadow

    def _frame(self, buffer: GBuffer, shadow: np.ndarray, movers: list[Mesh]) -> tuple:
        for mesh in movers:
            draw(buffer, self.view, mesh)
            self.light.cast(shadow, mesh)
        # people receive no shadow: a coarse map of it lies in patches on a round surface
        instance = np.where(buffer.instance == COMPANION_INSTANCE, np.uint8(ACTOR_INSTANCE), buffer.instance)
        colour = shade(buffer._replace(instance=instance), self.view, self.light, shadow, ACTOR_INSTANCE)
        return resolve(colour, buffer, self.factor)

    def silhouette_shares(self, people: list[Mesh]) -> np.ndarray:
        """Visible share of every object's own silhouette, objects where they rest."""
        everything, _ = self._plate([o.T_world for o in self.layout.objects])
        for person in people:
            draw(everything, self.view, person)
        shares = []
        for mesh, thing in zip(self.objects, self.layout.objects):
            alone = GBuffer.empty(self.view.height, self.view.width)
            draw(alone, self.view, moved(mesh, thing.T_world))
            shown = (everything.instance == thing.instance).sum()
            shares.append(shown / max((alone.instance == thing.instance).sum(), 1))
        return np.array(shares)

    def visible_share(self, people: list[Mesh], points_m: np.ndarray) -> float:
        """Share of points on a person that the camera sees, objects where they rest."""
        buffer, _ = self._plate([o.T_world for o in self.layout.objects])
        for person in people:
            draw(buffer, self.view, person)
        screen = self.view.project(points_m)
        column, row = np.rint(screen[:, 0]).astype(int), np.rint(screen[:, 1]).astype(int)
        inside = (column >= 0) & (column < self.view.width) & (row >= 0) & (row < self.view.height)
        nearest = buffer.depth_m[np.where(inside, row, 0), np.where(inside, column, 0)]
        return float((inside & (screen[:, 2] < nearest + 0.025)).mean())


def _table_meshes(layout: Layout) -> list[Mesh]:
    if layout.table is None:
        return []
    size, centre, albedo = layout.table.size_m, layout.table.centre_m, layout.table.albedo
    vertices, faces = box_mesh(size)
    parts = [creased_mesh(vertices + centre - [0, 0, size[2] / 2], faces, albedo, 0)]
    leg_height = centre[2] - size[2] / 2
    leg, faces = box_mesh(np.array([LEG_M, LEG_M, leg_height]))
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot = np.array([centre[0], centre[1], 0]) + [sx * (size[0] / 2 - LEG_M), sy * (size[1] / 2 - LEG_M), 0]
            parts.append(creased_mesh(leg + foot, faces, albedo * 0.8, 0))
    return parts


def _sample_light(rng: np.random.Generator, camera: Camera, layout: Layout) -> Light:
    """Light from above on the camera's side, so that the actor's front is lit."""
    towards_camera = camera.T_world_camera[:2, 3] - layout.area_centre_m
    azimuth = np.arctan2(towards_camera[1], towards_camera[0]) + rng.uniform(-1.0, 1.0)
    elevation = rng.uniform(0.75, 1.2)
    direction = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    ambient = rng.uniform(0.58, 0.70)
    return Light(direction, rng.uniform(1.08, 1.16) - ambient, ambient, np.array([0.3, 0.0, 0.8]))
