"""A clip at the resolution at which its colours are compared."""

from dataclasses import dataclass

import cv2
import numpy as np

from hoi_motion.lift.track.own.still_clip import StillClip
from hoi_motion.lift.track.similarity import in_scaled_pictures

# working pixels of the object's side
WORK_OBJECT_PX = 18.0
# single pixels of a video are noise
BLUR_PX = 0.6
# what is held in a hand lies within this many object sizes of its centre
HELD_WITHIN = 1.5


@dataclass(frozen=True)
class People:
    """Where people are in T pictures.

    Attributes:
        anywhere: (T, h, w) bool, where a person is; bare: of that, what no held object can hide.
        heads: (T, h, w) bool, where their heads are: of hair and skin as the bare ones are, whatever else has that
            colour.
        hands: (N, h, w) bool, where hands are in the first picture.
    """

    anywhere: np.ndarray
    bare: np.ndarray
    heads: np.ndarray
    hands: np.ndarray


@dataclass(frozen=True)
class SmallClip:
    """Small pictures of a still camera, the object and the people in them; coordinates are working pixels.

    Attributes:
        images: T of (h, w, 3) Lab u8; mask: (h, w) bool, the object in the first one.
        people: where they are; hands: (T, 2, 2) centres of the two hands, NaN where unknown.
        home: (T, 2, 3), as in `StillClip`.
        scale: (2,) working pixels to one of the video, across and down.
        camera_moves: these pictures have been stilled.
    """

    images: list[np.ndarray]
    mask: np.ndarray
    people: People
    hands: np.ndarray
    home: np.ndarray
    scale: np.ndarray
    camera_moves: bool

    @classmethod
    def of(cls, still: StillClip) -> "SmallClip":
        height, width = still.mask.shape
        ratio = min(1.0, WORK_OBJECT_PX / np.sqrt(still.mask.sum()))
        size = (max(8, round(width * ratio)), max(8, round(height * ratio)))
        scale = np.array(size) / [width, height]
        persons, heads, hands = (
            np.stack([cv2.resize(m.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0 for m in masks])
            for masks in (still.persons, still.heads, still.hands)
        )
        mask, centres = _small_mask(still.mask, size), (still.hands_px + 0.5) * scale - 0.5
        held = HELD_WITHIN * float(np.sqrt(mask.sum()))
        bare = np.array([p & ~near_points(h, p.shape, held) for p, h in zip(persons, centres)])
        return cls(
            images=[_lab(frame, size) for frame in still.frames],
            mask=mask,
            people=People(persons, bare, heads, hands),
            hands=centres,
            home=in_scaled_pictures(still.home, scale),
            scale=scale,
            camera_moves=still.camera_moves,
        )

    @property
    def side(self) -> float:
        """Of a square as large as the object."""
        return float(np.sqrt(self.mask.sum()))

    @property
    def box(self) -> tuple[np.ndarray, np.ndarray]:  # (2,), (2,)
        """Centre and extent of the object's box in the first picture, x and y."""
        rows, columns = np.nonzero(self.mask)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        return (low + high) / 2, high - low + 1.0

    def home_mask(self, t: int) -> np.ndarray:  # (h, w) bool
        """Where the object is in picture t while it rests."""
        return cv2.warpAffine(self.mask.astype(np.uint8), self.home[t], self.mask.shape[::-1]) > 0


def near_points(points: np.ndarray, shape, radius: float) -> np.ndarray:  # (N, 2) -> (h, w) bool
    """Pixels within a radius of points, of which some may be unknown (NaN)."""
    image = np.zeros(shape, np.uint8)
    for x, y in points[np.isfinite(points).all(1)]:
        cv2.circle(image, (round(x), round(y)), max(1, round(radius)), 1, -1)
    return image > 0


def _small_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:  # (H, W) -> (h, w) bool
    """The pixels of which the object covers a half; of one that is thinner than that, all that it touches."""
    share = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return share > 127 if (share > 127).any() else share > 0


def _lab(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:  # (H, W, 3) RGB -> (h, w, 3) Lab, u8
    small = cv2.GaussianBlur(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), (0, 0), BLUR_PX)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
