"""Software rasteriser: triangles into a G-buffer, then one shading pass with a soft shadow.

Pixel (row i, column j) is the ray through image coordinates (u, v) = (j, i), as in `hoi_motion.Camera.project`.
Supersampling by n samples at (j + (2a + 1 - n) / 2n, ...), so nothing shifts. Static geometry goes into a plate once;
a frame starts from a copy of the plate, which gives the same pixels as drawing everything again.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

NEAR_M = 0.05
NORMAL_OFFSET_M = 0.02  # shadow lookups leave the surface by this much, against self-shadowing
_jit = numba.njit(cache=True, fastmath=False)


@dataclass
class Mesh:
    """World-space triangles ready to draw.

    Attributes:
        vertices_m: (V, 3) float32; faces: (F, 3) int32; normals: (V, 3) float32; albedo: (V, 3) float32 in 0..1.
        instance: id written into the instance map.
    """

    vertices_m: np.ndarray
    faces: np.ndarray
    normals: np.ndarray
    albedo: np.ndarray
    instance: int


class GBuffer(NamedTuple):
    """Depth (H, W) metres along the optical axis, instance (H, W) u8, surface (H, W, 6): albedo and world normal."""

    depth_m: np.ndarray
    instance: np.ndarray
    surface: np.ndarray

    @classmethod
    def empty(cls, height: int, width: int) -> "GBuffer":
        return cls(
            np.full((height, width), np.inf, np.float32),
            np.zeros((height, width), np.uint8),
            np.zeros((height, width, 6), np.float32),
        )

    def copy(self) -> "GBuffer":
        return GBuffer(self.depth_m.copy(), self.instance.copy(), self.surface.copy())


class Rays(NamedTuple):
    """How a sample and its depth become a point: K_inverse (3, 3) and T_world_camera (4, 4)."""

    K_inverse: np.ndarray
    T_world_camera: np.ndarray


@dataclass(frozen=True)
class View:
    """Pinhole view at (super)sample resolution.

    Attributes:
        K: (3, 3) pixels; T_camera_world: (4, 4); height, width: samples.
    """

    K: np.ndarray
    T_camera_world: np.ndarray
    height: int
    width: int

    @classmethod
    def supersampled(cls, K: np.ndarray, T_camera_world: np.ndarray, height: int, width: int, factor: int) -> "View":
        scaled = K * factor
        scaled[:2, 2] += (factor - 1) / 2
        scaled[2, 2] = 1
        return cls(scaled, T_camera_world, height * factor, width * factor)

    def project(self, points_m: np.ndarray) -> np.ndarray:  # (V, 3) -> (V, 3) float32
        """Column and row in samples, and depth in metres."""
        return _project(np.ascontiguousarray(points_m, np.float32), self.K, self.T_camera_world)

    @property
    def rays(self) -> Rays:
        return Rays(np.linalg.inv(self.K), np.linalg.inv(self.T_camera_world))


class Shadow(NamedTuple):
    """A light's shadow map as shading reads it.

    Attributes:
        height_m: (R, R) of the occluders towards the light; basis: (3, 3) rows right, up, towards the light.
        centre_m: (3,) world, of what the map covers; extent_m: its side.
    """

    height_m: np.ndarray
    basis: np.ndarray
    centre_m: np.ndarray
    extent_m: float


@dataclass(frozen=True)
class Light:
    """Directional light with a square shadow map.

    Attributes:
        direction: unit vector towards the light, world; diffuse, ambient: strengths.
        centre_m, extent_m: what the shadow map covers; resolution: its side in texels.
    """

    direction: np.ndarray
    diffuse: float
    ambient: float
    centre_m: np.ndarray
    extent_m: float = 4.2
    resolution: int = 384

    def basis(self) -> np.ndarray:  # (3, 3) rows: right, up, towards the light
        right = np.cross([0.0, 1.0, 0.1], self.direction)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(self.direction, right), self.direction])

    def empty_map(self) -> np.ndarray:  # (R, R) height towards the light, metres
        return np.full((self.resolution, self.resolution), -np.inf, np.float32)

    def cast(self, shadow_map: np.ndarray, mesh: Mesh) -> None:
        """Add an occluder to the map."""
        local = (mesh.vertices_m - self.centre_m) @ self.basis().T
        texel = (local[:, :2] / self.extent_m + 0.5) * self.resolution
        _cast(np.concatenate([texel, local[:, 2:]], 1).astype(np.float32), mesh.faces, shadow_map)


def draw(buffer: GBuffer, view: View, mesh: Mesh, cull: bool = True) -> None:
    """Depth-tested triangles; faces wound counter-clockwise seen from outside are front faces."""
    _draw(view.project(mesh.vertices_m), mesh.faces, mesh.normals, mesh.albedo, np.uint8(mesh.instance), cull, buffer)


def draw_room(buffer: GBuffer, view: View, low_m: np.ndarray, high_m: np.ndarray, albedo: np.ndarray) -> None:
    """Inside of an axis-aligned box seen from within, instance 0.

    Args:
        albedo: (6, 3) colours of the faces -x, +x, -y, +y, -z (the floor), +z.
    """
    low, high = np.asarray(low_m, np.float64), np.asarray(high_m, np.float64)
    _draw_room(view.rays, low, high, np.asarray(albedo, np.float32), buffer)


def shade(buffer: GBuffer, view: View, light: Light, shadow_map: np.ndarray, unshadowed: int) -> np.ndarray:
    """Colours (H, W, 3) float32 in 0..1; pixels of instance `unshadowed` receive no shadow."""
    shadow = Shadow(shadow_map, light.basis(), np.asarray(light.centre_m, np.float64), light.extent_m)
    return _shade(buffer, view.rays, light.direction, light.diffuse, light.ambient, shadow, unshadowed)


def resolve(colour: np.ndarray, buffer: GBuffer, factor: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples to pixels: mean colour (H, W, 3) u8, most frequent instance (H, W) u8 (nearer wins a tie), its depth."""
    return _resolve(colour, buffer.instance, buffer.depth_m, factor)


@_jit
def vertex_normals(vertices, faces):  # (V, 3), (F, 3) -> (V, 3)
    """Area-weighted unit normals."""
    normals = np.zeros_like(vertices)
    for f in range(faces.shape[0]):
        i, j, k = faces[f]
        ax, ay, az = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        bx, by, bz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            normals[v, 0] += nx
            normals[v, 1] += ny
            normals[v, 2] += nz
    for v in range(normals.shape[0]):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0:
            normals[v] /= length
    return normals


@_jit
def _project(points, K, T):
    out = np.empty_like(points)
    for v in range(points.shape[0]):
        x, y, z = points[v, 0], points[v, 1], points[v, 2]
        cx = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
        cy = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
        cz = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
        out[v, 2] = cz
        if cz > 1e-6:
            out[v, 0] = K[0, 0] * cx / cz + K[0, 2]
            out[v, 1] = K[1, 1] * cy / cz + K[1, 2]
    return out


@_jit
def _draw(screen, faces, normals, albedo, instance, cull, buffer):
    depth, instances, surface = buffer
    height, width = depth.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f]
        za, zb, zc = screen[a, 2], screen[b, 2], screen[c, 2]
        if za < NEAR_M or zb < NEAR_M or zc < NEAR_M:
            continue
        xa, ya, xb, yb, xc, yc = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        # Rows grow downwards, so a front face has negative area here.
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0 or (cull and area > 0):
            continue
        left, right = max(0, int(np.ceil(min(xa, xb, xc)))), min(width - 1, int(np.floor(max(xa, xb, xc))))
        top, bottom = max(0, int(np.ceil(min(ya, yb, yc)))), min(height - 1, int(np.floor(max(ya, yb, yc))))
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                wa = ((xb - j) * (yc - i) - (xc - j) * (yb - i)) / area
                wb = ((xc - j) * (ya - i) - (xa - j) * (yc - i)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                wa, wb, wc = wa / za, wb / zb, wc / zc
                z = 1 / (wa + wb + wc)
                if z >= depth[i, j]:
                    continue
                depth[i, j] = z
                instances[i, j] = instance
                for k in range(3):
                    surface[i, j, k] = z * (wa * albedo[a, k] + wb * albedo[b, k] + wc * albedo[c, k])
                    surface[i, j, 3 + k] = z * (wa * normals[a, k] + wb * normals[b, k] + wc * normals[c, k])


@_jit
def _cast(texels, faces, shadow_map):
    size = shadow_map.shape[0]
    for f in range(faces.shape[0]):
        a, b, c = faces[f]
        xa, ya, xb, yb, xc, yc = texels[a, 0], texels[a, 1], texels[b, 0], texels[b, 1], texels[c, 0], texels[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0:
            continue
        left, right = max(0, int(np.ceil(min(xa, xb, xc)))), min(size - 1, int(np.floor(max(xa, xb, xc))))
        top, bottom = max(0, int(np.ceil(min(ya, yb, yc)))), min(size - 1, int(np.floor(max(ya, yb, yc))))
        for i in range(top, bottom + 1):
            for j in range(left, right + 1):
                wa = ((xb - j) * (yc - i) - (xc - j) * (yb - i)) / area
                wb = ((xc - j) * (ya - i) - (xa - j) * (yc - i)) / area
                wc = 1 - wa - wb
                if wa >= 0 and wb >= 0 and wc >= 0:
                    h = wa * texels[a, 2] + wb * texels[b, 2] + wc * texels[c, 2]
                    if h > shadow_map[i, j]:
                        shadow_map[i, j] = h


@_jit
def _draw_room(rays, low, high, albedo, buffer):
    K_inverse, T = rays
    depth, instances, surface = buffer
    for i in range(depth.shape[0]):
        for j in range(depth.shape[1]):
            rx = K_inverse[0, 0] * j + K_inverse[0, 2]
            ry = K_inverse[1, 1] * i + K_inverse[1, 2]
            best, side = np.inf, 0
            for k in range(3):
                d = T[k, 0] * rx + T[k, 1] * ry + T[k, 2]
                if d == 0:
                    continue
                wall = high[k] if d > 0 else low[k]
                z = (wall - T[k, 3]) / d
                if z < best:
                    best, side = z, 2 * k + (1 if d > 0 else 0)
            if best < depth[i, j]:
                depth[i, j] = best
                instances[i, j] = 0
                for k in range(3):
                    surface[i, j, k] = albedo[side, k]
                    surface[i, j, 3 + k] = 0
                surface[i, j, 3 + side // 2] = -1 if side % 2 else 1


@_jit
def _shade(buffer, rays, towards_light, diffuse, ambient, shadow, unshadowed):  # -> (H, W, 3)
    height, width = buffer.depth_m.shape
    colour = np.empty((height, width, 3), np.float32)
    for i in range(height):
        for j in range(width):
            z = buffer.depth_m[i, j]
            nx, ny, nz = buffer.surface[i, j, 3], buffer.surface[i, j, 4], buffer.surface[i, j, 5]
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            facing = nx * towards_light[0] + ny * towards_light[1] + nz * towards_light[2]
            lit = 1.0
            if buffer.instance[i, j] != unshadowed and facing > 0 and z < 1e6:
                px, py, pz = _world_point(rays, i, j, z)
                lit = _lit_share(
                    shadow, px + NORMAL_OFFSET_M * nx, py + NORMAL_OFFSET_M * ny, pz + NORMAL_OFFSET_M * nz
                )
            # A wrapped cosine keeps the shape readable on the side away from the light.
            wrapped = max(0.0, (facing + 0.25) / 1.25)
            strength = ambient * (0.8 + 0.2 * nz) + diffuse * wrapped * (0.25 + 0.75 * lit)
            for k in range(3):
                colour[i, j, k] = min(1.0, max(0.0, buffer.surface[i, j, k] * strength))
    return colour


@_jit
def _world_point(rays, i, j, z):
    """Metres, of a sample at a depth."""
    K_inverse, T = rays
    x = (K_inverse[0, 0] * j + K_inverse[0, 2]) * z
    y = (K_inverse[1, 1] * i + K_inverse[1, 2]) * z
    px = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
    py = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
    pz = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
    return px, py, pz


@_jit
def _lit_share(shadow, x, y, z):
    """Share of the texels about a world point in which nothing is nearer to the light: a soft edge."""
    basis, size = shadow.basis, shadow.height_m.shape[0]
    px, py, pz = x - shadow.centre_m[0], y - shadow.centre_m[1], z - shadow.centre_m[2]
    u = ((basis[0, 0] * px + basis[0, 1] * py + basis[0, 2] * pz) / shadow.extent_m + 0.5) * size
    v = ((basis[1, 0] * px + basis[1, 1] * py + basis[1, 2] * pz) / shadow.extent_m + 0.5) * size
    h = basis[2, 0] * px + basis[2, 1] * py + basis[2, 2] * pz
    blocked, count = 0.0, 0
    for dv in range(-2, 3):
        for du in range(-2, 3):
            row, column = int(np.floor(v + 0.5)) + dv, int(np.floor(u + 0.5)) + du
            count += 1
            if 0 <= row < size and 0 <= column < size and shadow.height_m[row, column] > h:
                blocked += 1
    return 1 - blocked / count


@_jit
def _resolve(colour, instances, depth, n):
    height, width = depth.shape[0] // n, depth.shape[1] // n
    frame = np.empty((height, width, 3), np.uint8)
    ids = np.empty((height, width), np.uint8)
    depths = np.empty((height, width), np.float32)
    for i in range(height):
        for j in range(width):
            for k in range(3):
                total = 0.0
                for a in range(n):
                    for b in range(n):
                        total += colour[i * n + a, j * n + b, k]
                frame[i, j, k] = np.uint8(total / (n * n) * 255 + 0.5)
            best_count, best_depth, best = 0, np.float32(np.inf), np.uint8(0)
            for a in range(n * n):
                candidate = instances[i * n + a // n, j * n + a % n]
                count, nearest = 0, np.float32(np.inf)
                for b in range(n * n):
                    if instances[i * n + b // n, j * n + b % n] == candidate:
                        count += 1
                        nearest = min(nearest, depth[i * n + b // n, j * n + b % n])
                if count > best_count or (count == best_count and nearest < best_depth):
                    best_count, best_depth, best = count, nearest, candidate
            ids[i, j], depths[i, j] = best, best_depth
    return frame, ids, depths
