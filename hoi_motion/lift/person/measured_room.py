"""What a depth image of the first frame says about the room: which way is up, and where the floor is."""

import numpy as np

# neighbours that span a piece of surface are so many of them apart in a picture of this height
STEP_PX = 4
STEP_HEIGHT_PX = 480
# along a plane the inverse of the depth grows evenly, however steeply one looks; by this share less evenly is an edge
EDGE = 0.02
# cosines between up and the normals of pieces that may be level, and of those that are
MAYBE_LEVEL = np.cos(np.deg2rad(25))
LEVEL = np.cos(np.deg2rad(4))
NARROWINGS = 4
# so many pieces are compared with all others
ASKED = 400
# a level surface is at least this share of the picture
LEAST_SHARE = 0.01
# the floor is at most this far from where the person is thought to stand (a table is further up), and that thick
NEAR_M = 0.45
THICK_M = 0.02
LEAST_DEPTH_M = 0.1


class MeasuredRoom:
    """A depth image (H, W) in metres along the optical axis, 0 or NaN where unknown, with its camera's intrinsics."""

    def __init__(self, depth_m: np.ndarray, K: np.ndarray):
        step = max(1, round(STEP_PX * depth_m.shape[0] / STEP_HEIGHT_PX))
        rows, columns = np.mgrid[: depth_m.shape[0] : step, : depth_m.shape[1] : step]
        depth = np.nan_to_num(depth_m[::step, ::step].astype(float), posinf=0.0)
        points = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(K).T * depth[..., None]
        here, right, below = points[1:-1, 1:-1], points[1:-1, 2:], points[2:, 1:-1]
        normals = np.cross(below - here, right - here)
        length = np.linalg.norm(normals, axis=-1)
        known = _is_even(depth) & (length > 1e-12)
        self._points, self._normals = here[known], normals[known] / length[known][:, None]
        self._least = LEAST_SHARE * known.size

    def up(self, expected_pitch_rad: float) -> np.ndarray | None:  # (3,)
        """Unit vector upwards in the camera frame: what most surfaces that may be level agree on; None without any.

        A plane has one direction and all else many: shoulders, chairs and round things do not agree.

        Args:
            expected_pitch_rad: of the camera, positive looks up.
        """
        expected = np.array([0.0, -np.cos(expected_pitch_rad), np.sin(expected_pitch_rad)])
        maybe = self._normals[self._normals @ expected > MAYBE_LEVEL]
        if len(maybe) < self._least:
            return None
        asked = maybe[np.linspace(0, len(maybe) - 1, min(len(maybe), ASKED)).astype(int)]
        up = asked[(asked @ maybe.T > LEVEL).sum(1).argmax()]
        for _ in range(NARROWINGS):
            level = maybe[maybe @ up > LEVEL]
            if len(level) < self._least:
                return None
            up = np.median(level, axis=0)
            up /= np.linalg.norm(up)
        return up

    def floor_m(self, up: np.ndarray, at_m: np.ndarray, expected_m: float) -> float | None:
        """Height of the floor over the camera (negative) under a place; None when none is near the expected height.

        The level frame (camera.py) has no roll, so that a level floor has a slope in it.

        Args:
            up: (3,), of `up`; at_m: (3,) the place in the camera frame.
        """
        heights = self._points[self._normals @ up > LEVEL] @ up - up[0] * at_m[0]
        heights = np.sort(heights[np.abs(heights - expected_m) < NEAR_M])
        if not len(heights):
            return None
        inside = np.searchsorted(heights, heights + THICK_M) - np.arange(len(heights))
        best = inside.argmax()
        return float(np.median(heights[best : best + inside[best]])) if inside[best] >= self._least else None


def _is_even(depth_m: np.ndarray) -> np.ndarray:  # (H, W) -> (H - 2, W - 2) bool
    """Whether a pixel and its four neighbours lie in one plane; false where one of them is unknown."""
    inverse = 1 / np.where(depth_m > LEAST_DEPTH_M, depth_m, np.nan)
    here = inverse[1:-1, 1:-1]
    bends = [
        np.abs(inverse[1:-1, 2:] + inverse[1:-1, :-2] - 2 * here),
        np.abs(inverse[2:, 1:-1] + inverse[:-2, 1:-1] - 2 * here),
    ]
    # unknown neighbours are no numbers, and no comparison holds for them
    return np.max(bends, axis=0) < EDGE * here
