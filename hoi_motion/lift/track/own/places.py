"""Where the object may be in one frame: the type, and the boxes that look most like it."""

from dataclasses import dataclass

import cv2
import numpy as np

RESTING = 0
FOLLOWED = 1
FOUND = 2
# sizes in which it is looked for, as shares of its size in the first frame
SIZES = (0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5)
PEAKS_A_SIZE = 4
PLACES_A_FRAME = 8
# an outline this much longer than wide is also searched for lying on its side
LONG = 1.25
# least mean likeness of a place, and the factor by which the likeness of its surroundings counts against it
LEAST_LIKENESS = 0.2
AROUND = 0.5
# cost for each object size that a place is off the nearest hand, up to a limit; nearer is beside it
OFF_HAND = 0.7
OFF_HAND_LIMIT = 1.5
BESIDE_HAND = 0.3


@dataclass(frozen=True)
class Places:
    """Where the object may be in one frame, in working pixels of the still camera.

    Attributes:
        kind: (N,) RESTING, FOLLOWED or FOUND.
        centre, extent: (N, 2) of the box, x and y.
        looks: (N,) cost of its looks alone.
        off_hand: (N,) how far it is from the nearest hand, of `off_hand`; 0 at rest.
    """

    kind: np.ndarray
    centre: np.ndarray
    extent: np.ndarray
    looks: np.ndarray
    off_hand: np.ndarray

    @property
    def cost(self) -> np.ndarray:  # (N,)
        return self.looks + OFF_HAND * self.off_hand

    @property
    def visibility(self) -> np.ndarray:  # (N,) 0..1
        """How sure it is that the object is seen there."""
        return 1 / (1 + np.exp(2 * self.cost))

    @property
    def size(self) -> np.ndarray:  # (N,)
        return np.sqrt(self.extent.prod(1))

    def only(self, i: int) -> "Places":
        """One place of them."""
        return Places(*(values[i : i + 1] for values in vars(self).values()))

    def box(self, i: int) -> np.ndarray:  # (2, 2) int
        """First and last pixel of a place, x and y."""
        half = (self.extent[i] - 1) / 2
        return np.round([self.centre[i] - half, self.centre[i] + half]).astype(int)


def in_box(box: np.ndarray, shape: tuple[int, int]) -> np.ndarray:  # (2, 2) int -> (h, w) bool
    """Pixels from the first to the last one of a box, x and y, of which a part, or all, may be outside the picture."""
    low, end = np.maximum(box + [[0], [1]], 0)
    inside = np.zeros(shape, bool)
    inside[low[1] : end[1], low[0] : end[0]] = True
    return inside


def like_places(likeness: np.ndarray, extent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (centre (N, 2), extent (N, 2)) that look most like the object, and by how much, (N,).

    Args:
        likeness: (h, w) of one frame; extent: (2,) of the object's box in the first frame.
    """
    rows = []
    for size in SIZES:
        for box in [extent * size] + ([extent[::-1] * size] if max(extent) > LONG * min(extent) else []):
            w, h = (max(3, int(round(side))) for side in box)
            inside = cv2.boxFilter(likeness, -1, (w, h), borderType=cv2.BORDER_CONSTANT)
            wide = (int(1.5 * w) | 1, int(1.5 * h) | 1)
            both = cv2.boxFilter(likeness, -1, wide, borderType=cv2.BORDER_CONSTANT) * (wide[0] * wide[1])
            around = (both - inside * w * h) / max(wide[0] * wide[1] - w * h, 1)
            value = inside - AROUND * np.maximum(around, -1.0)
            best = value >= cv2.dilate(value, np.ones((max(3, h // 2) | 1, max(3, w // 2) | 1), np.uint8))
            y, x = np.nonzero(best & (inside > LEAST_LIKENESS))
            order = np.argsort(-value[y, x])[:PEAKS_A_SIZE]
            # OpenCV's box of an even number of pixels reaches one more to the left and up
            rows += [(value[y[i], x[i]], x[i] - (1 - w % 2) / 2, y[i] - (1 - h % 2) / 2, w, h) for i in order]
    rows.sort(reverse=True)
    kept: list = []
    for row in rows:
        size = np.sqrt(row[3] * row[4])
        if all(
            np.hypot(row[1] - k[1], row[2] - k[2]) > 0.35 * np.sqrt(k[3] * k[4])
            or abs(np.log(size**2 / (k[3] * k[4]))) > 0.9
            for k in kept
        ):
            kept.append(row)
        if len(kept) == PLACES_A_FRAME:
            break
    table = np.array(kept, float).reshape(-1, 5)
    return table[:, 1:3], table[:, 3:], table[:, 0]


def off_hand(centre: np.ndarray, extent: np.ndarray, hands: np.ndarray) -> np.ndarray:  # (N,)
    """How far boxes are from the nearest hand, in their sizes, at most OFF_HAND_LIMIT; none is seen: half of that."""
    seen = np.isfinite(hands).all(1)
    if not seen.any():
        return np.full(len(centre), OFF_HAND_LIMIT / 2)
    gap = np.maximum(np.abs(hands[seen][:, None] - centre) - extent / 2, 0)  # (H, N, 2)
    off = np.linalg.norm(gap, axis=2).min(0) / np.sqrt(extent.prod(1)) - BESIDE_HAND
    return np.clip(off, 0, OFF_HAND_LIMIT)
