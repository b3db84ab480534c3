"""The object's shape from its first-frame mask: the upright shape of a family whose outline covers the mask best."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hoi_motion.lift.object.family import LEAST_RADIUS, TURNED, UNNAMED, VASE, Family
from hoi_motion.lift.object.surface import box_corners, ring, sphere_points, surface_of
from hoi_motion.rigid import R_about_z

# masks are compared with shapes in a window of so many pixels a side, and so many times as large as the mask; larger
# where the object may go on behind something
GRID_PX = 64
WINDOW, WINDOW_IF_HIDDEN = 1.4, 2.2
# steps of the search, coarse to fine: factors of sizes, of shares, and of places as shares of the mask's extent
SIZE_STEPS = (1.25, 1.1, 1.04, 1.015)
SHARE_STEPS = (0.15, 0.07, 0.03, 0.015)
PLACE_STEPS = (0.15, 0.06, 0.02, 0.01)
# so many steps of each size at most, each of which must score better by this
ROUNDS = 6
LEAST_GAIN = 1e-4
BOX_YAWS_RAD = np.deg2rad([0.0, 22.5, 45.0, 67.5])
# of a thing with a handle, mask that the shape does not cover may be the handle: it counts only this much
HANDLE_COST = 0.2
# a handle is seen where this share of the mask lies beyond one side
LEAST_HANDLE = 0.05
HANDLE_REACH = (0.12, 0.6)  # of the width
# a named shape that fits this much worse than the best plain shape is rejected
WRONG_NAME = 0.15
# no box is deeper than so many times its width, nor wider than so many times its depth
MOST_DEEP = 4.0
# cost of unequal sides (per unit of the logarithm of their ratio): where the outline does not show a box's depth, it is
# as deep as wide
UNEQUAL_COST = 0.02
# what may be anything is as narrow as it looks and turned broadside: cost per unit of the logarithms of both ratios,
# and per square of the share of the outline that does not fit, since the worse a shape fits, the less it says of what
# is not seen. Set by eye on 29 real clips
SLIM_COST = 1.6
# cost of the mean second difference of radii: what is turned has no more waists than the outline shows
ROUGH_COST = 0.1


@dataclass(frozen=True)
class Primitive:
    """A shape about its own centre, z up.

    Attributes:
        shape: "box", "cylinder", "sphere" or "revolved"; size_m: (3,) full extents, without a handle.
        yaw_rad: turn about z.
        overlap: intersection over union of its outline with the mask.
        profile: of what is revolved: (K, 2) radius and height as shares of the largest radius and of the height.
        is_open: it has walls and no lid; handle: how far a handle at +x sticks out, a share of the width; 0 is none.
        off_middle_px: (2,) from the middle of the mask's box to where its own middle is seen.
    """

    shape: str
    size_m: np.ndarray
    yaw_rad: float = 0.0
    overlap: float = 0.0
    profile: np.ndarray | None = None
    is_open: bool = False
    handle: float = 0.0
    off_middle_px: tuple[float, float] = (0.0, 0.0)

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (V, 3) m and faces (F, 3), before the yaw, which belongs to the pose."""
        return surface_of(self.shape, self.size_m, self.profile, self.is_open, self.handle)

    @property
    def half_height_m(self) -> float:
        return float(self.size_m[2] / 2)

    @property
    def radius_m(self) -> float:
        """Mean horizontal half extent."""
        return float(self.size_m[:2].mean() / 2)


def fit_primitive(
    mask: np.ndarray,
    K: np.ndarray,
    R_camera_level: np.ndarray,
    depth_m: float,
    families: tuple[Family, ...] = UNNAMED,
    hidden: np.ndarray | None = None,
) -> Primitive:
    """Fit a shape at a given distance to a mask (H, W).

    Args:
        R_camera_level: (3, 3) level axes in the camera frame; depth_m: distance of its centre along the optical axis.
        families: which shapes it may have.
        hidden: (H, W) bool, where something stands before it: there the outline says nothing.
    """
    outline = _Outline(mask, K, R_camera_level, depth_m, hidden)
    best = max((outline.fitted(family) for family in families), key=lambda found: found[0])[1]
    if families is UNNAMED:
        return best
    plain = max((outline.fitted(family) for family in UNNAMED), key=lambda found: found[0])[1]
    return best if best.overlap > plain.overlap - WRONG_NAME else plain


class _Outline:
    """A mask in a small window, and how well shapes cover it.

    Attributes:
        extent_px, extent_m: (2,) of the mask's box, in the picture and at the object's distance.
        window: (GRID_PX, GRID_PX) bool, the mask there; hidden: likewise, where something stands before it, or None.
        zoom: window pixels to one of the picture; low_px: (2,) of the window's first pixel, in the picture.
        ray: (3,) m, the middle of the mask's box in the camera frame, at the object's distance.
    """

    def __init__(self, mask, K, R_camera_level, depth_m: float, hidden):
        """Args: as in `fit_primitive`."""
        self.K, self.R_camera_level = K, R_camera_level
        rows, columns = np.nonzero(mask)
        low, high = np.array([columns.min(), rows.min()]) - 0.5, np.array([columns.max(), rows.max()]) + 0.5
        self.extent_px, middle = high - low, (low + high) / 2
        self.extent_m = self.extent_px * depth_m / K[0, 0]
        window = WINDOW if hidden is None or not hidden.any() else WINDOW_IF_HIDDEN
        self.zoom = GRID_PX / (window * self.extent_px.max())
        self.low_px = middle - (GRID_PX - 1) / 2 / self.zoom
        self.window = self._in_window(mask)
        if not self.window.any():  # it is thinner than a pixel of the window
            side = 2 * int(np.ceil(0.5 / self.zoom)) + 1
            self.window = self._in_window(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)))
        self.hidden = None
        if hidden is not None and hidden.any():
            self.hidden = self._in_window(hidden) & ~self.window
        self.ray = np.array([*((middle - K[:2, 2]) / [K[0, 0], K[1, 1]]), 1.0]) * depth_m

    def _in_window(self, mask: np.ndarray) -> np.ndarray:  # (GRID_PX, GRID_PX) bool
        window = np.column_stack([np.eye(2) * self.zoom, -self.low_px * self.zoom])
        image = mask.astype(np.uint8) * 255
        return cv2.warpAffine(image, window, (GRID_PX, GRID_PX), flags=cv2.INTER_LINEAR) > 127

    def fitted(self, family: Family) -> tuple[float, Primitive]:
        """How good the best shape of a family is, and that shape."""
        shares = self._radii(len(family.starts)) if family is TURNED or family is VASE else np.array(family.starts)
        starts = self._starts(family)
        if family.slim:  # the outline alone first: at the start of a climb nothing fits yet
            starts.append(self._best(replace(family, slim=False), shares)[1:3])
        value, size, yaw, shares, off = self._best(family, shares, starts)
        profile = None if family.profile is None else family.profile(*shares)
        drawn = self._drawn(family, size, yaw, shares, off)
        overlap = float(self._overlap(drawn, False))
        handle, turned = self._handle(drawn) if family.has_handle else (0.0, 0.0)
        off_px = tuple(float(v) for v in off * self.extent_px)
        shape = Primitive(family.shape, size, yaw + turned, overlap, profile, family.is_open, handle, off_px)
        return value + family.bonus if overlap >= family.least_overlap else -np.inf, shape

    def _best(self, family: Family, shares: np.ndarray, starts: list | None = None):
        found = [self._climbed(family, *start, shares) for start in starts or self._starts(family)]
        return max(found, key=lambda f: f[0])

    def _starts(self, family: Family) -> list[tuple[np.ndarray, float]]:
        w, h = self.extent_m
        if family.shape == "box":
            whole = np.array([w, min(w, h) if family.slim else w, h])
            return [(whole * [0.8, 0.8, 0.9], yaw) for yaw in BOX_YAWS_RAD]
        if self.hidden is not None:
            w, h = (np.clip(w, h / family.aspect[1], None), np.clip(h, w * family.aspect[0], None))
        if family.axes == ((0, 1, 2),):
            side = max(w, h) if self.hidden is not None else (w + h) / 2
            return [(np.full(3, side), 0.0)]
        sine, cosine = abs(self.R_camera_level[2, 2]), np.linalg.norm(self.R_camera_level[:2, 2])
        return [(np.array([w, w, max(h - w * sine, 0.3 * h) / max(cosine, 0.3)]), 0.0)]

    def _radii(self, count: int) -> np.ndarray:
        """Shares of the mask's width in so many of its rows, bottom up, between the middles of foot and top.

        From above these are ovals, whose near and far ends are the mask's.
        """
        rows, columns = np.flatnonzero(self.window.any(1)), np.flatnonzero(self.window.any(0))
        oval = abs(self.R_camera_level[2, 2]) * len(columns) / 2
        oval = min(oval, 0.4 * len(rows))
        spans = self.window.sum(1)[np.round(np.linspace(rows[-1] - oval, rows[0] + oval, count)).astype(int)]
        return np.clip(spans / max(spans.max(), 1), LEAST_RADIUS, 1.0)

    def _climbed(self, family: Family, size: np.ndarray, yaw: float, shares: np.ndarray):
        """Coordinate search over sizes, shares and, where the mask's middle is not the shape's, its place."""
        off = np.zeros(2)
        best = self._score(family, yaw, size, shares, off), size, shares, off
        for steps in zip(SIZE_STEPS, SHARE_STEPS, PLACE_STEPS):
            for _ in range(ROUNDS):
                value, *place = best
                trials = self._neighbours(family, *place, *steps)
                found = max(((self._score(family, yaw, *trial), *trial) for trial in trials), key=lambda f: f[0])
                if found[0] <= value + LEAST_GAIN:
                    break
                best = found
        value, size, shares, off = best
        return value, size, yaw, shares, off

    def _score(self, family: Family, yaw: float, size: np.ndarray, shares: np.ndarray, off: np.ndarray) -> float:
        if not 1 / MOST_DEEP <= size[1] / size[0] <= MOST_DEEP:
            return -1.0
        ratio = size[2] / size[0]
        miss = max(0.0, np.log(family.aspect[0] / ratio), np.log(ratio / family.aspect[1]))
        overlap = self._overlap(self._drawn(family, size, yaw, shares, off), family.has_handle)
        rough = np.abs(np.diff(shares, 2)).mean() if len(shares) > 2 else 0.0
        return overlap - miss - self._unseen_cost(family, size, overlap) - ROUGH_COST * rough

    def _neighbours(
        self, family: Family, size, shares, off, factor: float, share_step: float, place_step: float
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Sizes, shares and places one step from the given ones, along one coordinate each."""
        found = [(_scaled(size, axes, by), shares, off) for axes in family.axes for by in (factor, 1 / factor)]
        for i, (low, high) in enumerate(family.bounds):
            for step in (share_step, -share_step):
                found.append((size, _shifted(shares, i, step, low, high), off))
        moves = family.has_handle or self.hidden is not None
        for i, axes in ((0, (0, 1)), (1, (2,))) if moves else ():
            for step in (place_step, -place_step):
                aside, grown = _shifted(off, i, step, -1, 1), _scaled(size, axes, 1 + 2 * abs(step))
                # one side may also stay while the other moves
                found += [(size, shares, aside), (grown, shares, aside)]
        return found

    def _unseen_cost(self, family: Family, size: np.ndarray, overlap: float) -> float:
        """For a depth, or a width, that is not what such things usually have."""
        if not family.slim:
            return UNEQUAL_COST * abs(np.log(size[1] / size[0]))
        unusual = abs(np.log([size[1] / min(size[0], size[2]), size[0] / self.extent_m[0]])).sum()
        return SLIM_COST * (1 - overlap) ** 2 * unusual

    def _drawn(self, family: Family, size, yaw: float, shares, off) -> np.ndarray:  # (GRID_PX, GRID_PX) bool
        turn = R_about_z(yaw).T @ self.R_camera_level.T
        outlines = []
        for points in _convex_parts(family, size, shares):
            seen = points @ turn + self.ray
            if seen[:, 2].min() < 0.05:
                return np.zeros((GRID_PX, GRID_PX), bool)
            outlines.append((seen / seen[:, 2:]) @ self.K[:2].T)
        low, high = (f([f(xy, 0) for xy in outlines], 0) for f in (np.min, np.max))
        # the outline is compared centred, unless its place is looked for too: where the object lies is fitted later
        shift = off * self.extent_px * self.zoom + (GRID_PX - 1) / 2
        drawn = np.zeros((GRID_PX, GRID_PX), np.uint8)
        for xy in outlines:
            xy = _narrowed((xy - (low + high) / 2) * self.zoom) + shift
            cv2.fillConvexPoly(drawn, cv2.convexHull(np.round(xy * 8).astype(np.int32)), 1, shift=3)
        return drawn > 0

    def _overlap(self, drawn: np.ndarray, has_handle: bool) -> float:
        if self.hidden is not None:
            drawn = drawn & ~self.hidden
        both, missed = (drawn & self.window).sum(), (self.window & ~drawn).sum()
        return both / max(drawn.sum() + (HANDLE_COST if has_handle else 1.0) * missed, 1)

    def _handle(self, drawn: np.ndarray) -> tuple[float, float]:
        """How far a handle sticks out, a share of the width, and the turn that brings it to that side."""
        columns = np.flatnonzero(drawn.any(0))
        beyond = self.window & ~drawn
        right, left = beyond[:, columns[-1] + 1 :], beyond[:, : columns[0]]
        side, turn = (right, 0.0) if right.sum() >= left.sum() else (left, np.pi)
        if side.sum() < LEAST_HANDLE * self.window.sum():
            return 0.0, 0.0
        reach = side.any(0).sum() / len(columns)
        return float(np.clip(reach, *HANDLE_REACH)), turn


def _narrowed(xy: np.ndarray) -> np.ndarray:  # (N, 2)
    """Half a pixel in from all sides: filling a polygon fills every pixel that its border touches."""
    middle = (xy.min(0) + xy.max(0)) / 2
    away = xy - middle
    return middle + np.sign(away) * np.maximum(np.abs(away) - 0.5, 0)


def _scaled(size: np.ndarray, axes, factor: float) -> np.ndarray:
    trial = size.copy()
    trial[list(axes)] *= factor
    return trial


def _shifted(values: np.ndarray, i: int, step: float, low: float, high: float) -> np.ndarray:
    trial = values.copy()
    trial[i] = np.clip(trial[i] + step, low, high)
    return trial


def _convex_parts(family: Family, size: np.ndarray, shares) -> list[np.ndarray]:
    """Points whose hulls together have the shape's outline."""
    if family.shape == "box":
        return [box_corners() * size]
    if family.shape == "sphere":
        return [sphere_points() * size]
    rings = [
        ring(r * size[0] / 2, (h - 0.5) * size[2])
        for r, h in (family.profile(*shares) if family.profile else [[1.0, 0.0], [1.0, 1.0]])
    ]
    return [np.concatenate(pair) for pair in zip(rings, rings[1:])]
