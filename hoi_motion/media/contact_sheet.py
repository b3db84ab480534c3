"""A motion as one picture: front, side and top view (rows) over time (columns)."""

import cv2
import numpy as np

from hoi_motion.body import LABEL_RGB, SKIN_RGB, VERTEX_LABELS
from hoi_motion.body.posed import vertex_normals
from hoi_motion.motion import SIDE_OF_HAND, HoiMotion
from hoi_motion.rigid import moved

CELL_PX = 260
SAMPLE_SPACING_M = 0.006
_IN_FACE = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / [[3], [6], [6], [6]]
"""Four points on every face of the body leave no holes at this cell size."""
# rows: image right, image down, towards the viewer, in the actor's frame (x to the right of a viewer in front, y away)
VIEWS = {
    "front": ((1, 0, 0), (0, 0, -1), (0, -1, 0)),
    "side": ((0, 1, 0), (0, 0, -1), (1, 0, 0)),
    "top": ((1, 0, 0), (0, -1, 0), (0, 0, 1)),
}
# BGR
_BACKGROUND = (250, 250, 250)
_FLOOR = (205, 205, 205)
_OBJECT = (175, 150, 130)
_TARGET = (30, 110, 235)
_SUPPORT = (95, 130, 165)
_TEXT = (60, 60, 60)


def contact_sheet(motion: HoiMotion, body, columns: int = 8) -> np.ndarray:  # (H, W, 3) uint8 BGR
    """Orthographic views of `columns` frames spread over the motion, seen in the direction the actor faces."""
    frames = np.unique(np.linspace(0, motion.num_frames - 1, columns).round().astype(int))
    pose, transl = motion.pose_rad[frames], motion.transl_m[frames]
    skin, joints = (
        np.asarray(a) for a in body.vertices_and_joints(np.array(pose), np.array(transl), np.array(motion.betas))
    )
    R_view_world = _facing(joints[0])
    scene = [_scene_points(motion, body, skin[i], frame) for i, frame in enumerate(frames)]
    # frame the person and what is near; a large table may extend beyond the image
    keep = np.concatenate([skin.reshape(-1, 3), *(o.vertices_world(f) for o in motion.objects for f in frames)])
    keep = keep @ R_view_world.T
    middle, extent = (keep.min(0) + keep.max(0)) / 2, (keep.max(0) - keep.min(0)).max() * 1.1
    rows = []
    for name, axes in VIEWS.items():
        cells = []
        for (points, normals, colors), frame in zip(scene, frames):
            cell = _splat(points @ R_view_world.T - middle, normals @ R_view_world.T, colors, np.array(axes), extent)
            if name != "top":
                floor = int(CELL_PX / 2 + middle[2] / extent * CELL_PX)
                cv2.line(cell, (0, floor), (CELL_PX - 1, floor), _FLOOR, 1)
            _caption(cell, motion, frame, name)
            cells.append(cell)
        rows.append(np.hstack(cells))
    return np.vstack(rows)


def _scene_points(motion: HoiMotion, body, skin: np.ndarray, frame: int):
    """Coloured surface points of one frame: positions, normals (world) and BGR colours."""
    colors = np.tile(np.array(SKIN_RGB[::-1], np.float32), (len(skin), 1))
    if body.vertex_labels is not None:
        palette = np.array([LABEL_RGB[label][::-1] for label in VERTEX_LABELS], np.float32)
        colors = palette[body.vertex_labels]
    corners, normals = skin[body.faces], vertex_normals(skin, body.faces)[body.faces]
    points = np.einsum("sk,fki->fsi", _IN_FACE, corners).reshape(-1, 3)
    normals = np.einsum("sk,fki->fsi", _IN_FACE, normals).reshape(-1, 3)
    parts = [(points, normals, np.repeat(colors[body.faces[:, 0]], len(_IN_FACE), axis=0))]
    for item in motion.objects:
        parts.append(_sampled(item.vertices_world(frame), item.faces, _TARGET if item.is_target else _OBJECT))
    for box in motion.supports:
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * box.size_m / 2
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
        parts.append(_sampled(moved(box.T_world_box, corners), faces, _SUPPORT))
    return tuple(np.concatenate(arrays) for arrays in zip(*parts))


def _sampled(vertices: np.ndarray, faces: np.ndarray, color) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points spread evenly over a triangle surface, with normals and one colour."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area2 = np.linalg.norm(normals, axis=1)
    counts = np.ceil(area2 / 2 / SAMPLE_SPACING_M**2).astype(int).clip(1, 40_000)
    owner = np.repeat(np.arange(len(faces)), counts)
    u, v = np.random.default_rng(0).random((2, len(owner)))
    u, v = np.where(u + v > 1, 1 - u, u)[:, None], np.where(u + v > 1, 1 - v, v)[:, None]
    points = corners[owner, 0] * (1 - u - v) + corners[owner, 1] * u + corners[owner, 2] * v
    normals = (normals / np.maximum(area2, 1e-12)[:, None])[owner]
    return points, normals, np.tile(np.array(color, np.float32), (len(owner), 1))


def _splat(points, normals, colors, axes: np.ndarray, extent_m: float) -> np.ndarray:
    """Points drawn far to near as squares of 2x2 pixels, shaded by how much they face the viewer."""
    size = CELL_PX
    cell = np.full((size, size, 3), _BACKGROUND, np.uint8)
    seen = points @ axes.T
    order = np.argsort(seen[:, 2])
    shade = 0.55 + 0.45 * np.abs(normals @ axes[2])
    shaded = np.clip(colors * shade[:, None], 0, 255).astype(np.uint8)[order]
    corner = (seen[order, :2] / extent_m * size + size / 2).astype(int)
    # all pixels of a point before those of a nearer one: of an index that is named twice the last value stays
    pixels = (corner[:, None] + [[0, 0], [0, 1], [1, 0], [1, 1]]).reshape(-1, 2)
    inside = ((pixels >= 0) & (pixels < size)).all(1)
    x, y = pixels[inside].T
    cell[y, x] = np.repeat(shaded, 4, axis=0)[inside]
    return cell


def _caption(cell: np.ndarray, motion: HoiMotion, frame: int, view: str) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(cell, f"{view}  {frame / motion.fps:.2f} s", (8, 18), font, 0.45, _TEXT, 1, cv2.LINE_AA)
    touching = [c.hand for c in motion.contacts if c.start_frame <= frame < c.end_frame]
    if touching:
        words = " and ".join(sorted({SIDE_OF_HAND[hand] for hand in touching}))
        cv2.putText(cell, f"contact: {words}", (8, CELL_PX - 10), font, 0.42, _TARGET, 1, cv2.LINE_AA)


def _facing(joints: np.ndarray) -> np.ndarray:  # (55, 3) -> (3, 3)
    """Rotation about z after which the actor faces -y, towards the viewer of the front view."""
    left = (joints[1] - joints[2])[:2]  # from the right to the left hip
    left = left / max(np.linalg.norm(left), 1e-9)
    return np.array([[left[0], left[1], 0], [-left[1], left[0], 0], [0, 0, 1]])
