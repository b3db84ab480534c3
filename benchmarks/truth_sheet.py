"""A sheet that shows manual annotation and lift, one cell per annotated frame."""

import cv2
import numpy as np

from benchmarks.eye_truth import BONES, JOINTS, EyeTruth, lifted_joints_px, touching
from hoi_motion.body.joints import MIDDLE_RGB, side_rgb
from hoi_motion.motion import HoiMotion

CELL_PX = (480, 400)  # width, height
COLUMNS = 3
MARGIN_PX = 50
TRUTH = (255, 255, 255)
BOX = (60, 255, 60)
OBJECT = (255, 160, 0)
MISS = (120, 255, 255)


def truth_sheet(truth: EyeTruth, frames: np.ndarray, motion: HoiMotion) -> np.ndarray:  # (H, W, 3) uint8 RGB
    """The lift in colours (left blue, right red, object orange), truth in white and green, errors as thin lines.

    Args:
        frames: (T, H, W, 3) uint8, the clip in the truth's pixels.
    """
    lifted, touch = lifted_joints_px(motion, truth), touching(motion)
    # all cells show the same part of the picture
    known = np.concatenate([truth.joints_px.reshape(-1, 2), truth.boxes_px.reshape(-1, 2)])
    low = np.maximum(np.nanmin(known, 0) - MARGIN_PX, 0).astype(int)
    high = np.minimum(np.nanmax(known, 0) + MARGIN_PX, truth.size_px).astype(int)
    scale = float((CELL_PX / (high - low)).min())
    cells = []
    for row, t in enumerate(truth.frames):
        part = cv2.resize(frames[t, low[1] : high[1], low[0] : high[0]], None, fx=scale, fy=scale)
        cell = np.zeros((CELL_PX[1], CELL_PX[0], 3), np.uint8)
        cell[: part.shape[0], : part.shape[1]] = (0.7 * part).astype(np.uint8)[: CELL_PX[1], : CELL_PX[0]]
        pen = _Pen(cell, low, scale)
        hull = motion.camera.project(motion.target.vertices_world(int(t)))
        pen.hull(hull * truth.size_px / [motion.camera.width, motion.camera.height])
        pen.box(truth.boxes_px[row])
        for a, b in BONES:
            i, j = JOINTS.index(a), JOINTS.index(b)
            pen.line(lifted[t, i], lifted[t, j], _colour(a, b), 3)
            pen.line(truth.joints_px[row, i], truth.joints_px[row, j], TRUTH, 1)
        for i, name in enumerate(JOINTS):
            pen.line(truth.joints_px[row, i], lifted[t, i], MISS, 1)
            pen.dot(truth.joints_px[row, i], _colour(name, name), filled=bool(truth.visible[row, i]))
        hands = " ".join(hand for hand in touch if touch[hand][t])
        cv2.putText(cell, f"{truth.name} {t} {hands}", (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, BOX, 1, cv2.LINE_AA)
        cells.append(cell)
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    return np.vstack([np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)])


def _colour(a: str, b: str) -> tuple[int, int, int]:
    sides = {name.split("_")[0] for name in (a, b)}
    return side_rgb(sides.pop()) if len(sides) == 1 else MIDDLE_RGB


class _Pen:
    """Draws at points of the whole picture; unknown points are left out."""

    def __init__(self, cell: np.ndarray, low: np.ndarray, scale: float):
        self._cell, self._low, self._scale = cell, low, scale

    def _at(self, xy) -> tuple[int, int]:
        return tuple(int(v) for v in np.clip((np.asarray(xy) - self._low) * self._scale, -4000, 4000))

    def line(self, a, b, colour, width: int) -> None:
        if np.isfinite([*a, *b]).all():
            cv2.line(self._cell, self._at(a), self._at(b), colour, width, cv2.LINE_AA)

    def dot(self, xy, colour, filled: bool) -> None:
        if np.isfinite(xy).all():
            cv2.circle(self._cell, self._at(xy), 5, colour, -1 if filled else 1, cv2.LINE_AA)

    def box(self, box) -> None:
        if np.isfinite(box).all():
            cv2.rectangle(self._cell, self._at(box[:2]), self._at(box[2:]), BOX, 1)

    def hull(self, points) -> None:
        points = points[np.isfinite(points).all(-1)]
        if len(points) > 2:
            around = cv2.convexHull(np.array([self._at(p) for p in points], np.int32))
            cv2.polylines(self._cell, [around], True, OBJECT, 2, cv2.LINE_AA)
