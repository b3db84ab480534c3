"""A square crop that follows the actor, upsampled so that small people reach a size the detector handles well."""

from dataclasses import dataclass

import cv2
import numpy as np

MARGIN = 0.3


@dataclass(frozen=True)
class ActorCrop:
    """A square of the video, cut out at a fixed output size.

    Attributes:
        centre_px: (2,) in the video's pixels; side_px: side of the square in the video's pixels.
        size_px: side of the cut-out picture.
        margin: left around the person on each side, as a share of the person's size.
    """

    centre_px: np.ndarray  # (2,)
    side_px: float
    size_px: int
    margin: float = MARGIN

    def cut(self, frame: np.ndarray) -> np.ndarray:  # (H, W, 3) -> (size, size, 3)
        """The square as a picture; what lies outside the video is black."""
        scale = self.size_px / self.side_px
        corner = self.centre_px - self.side_px / 2
        # pixel centres: video pixel p lies at (p - corner) * scale + (scale - 1) / 2 in the cut-out
        shift = -corner * scale + (scale - 1) / 2
        matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
        flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        return cv2.warpAffine(frame, matrix, (self.size_px, self.size_px), flags=flags)

    def to_video(self, points: np.ndarray) -> np.ndarray:  # (N, 3) -> (N, 3)
        """Points (x, y in 0..1 of the cut-out, confidence) in the video's pixels."""
        xy = points[:, :2] * self.side_px + self.centre_px - self.side_px / 2 - 0.5
        return np.column_stack([xy, points[:, 2]])

    def widened(self, factor: float) -> "ActorCrop":
        """The crop with so many times the side, now and when it follows."""
        margin = ((1 + 2 * self.margin) * factor - 1) / 2
        return ActorCrop(self.centre_px, self.side_px * factor, self.size_px, margin)

    def follow(self, body_px: np.ndarray) -> "ActorCrop":  # (33, 3) -> ActorCrop
        """The crop for the next frame: unchanged while the person is well inside, so that tracking is not disturbed."""
        points = body_px[body_px[:, 2] > 0.3, :2]
        if len(points) < 4:
            return self
        low, high = points.min(0), points.max(0)
        wanted = crop_around(np.concatenate([low, high]), self.size_px, self.margin)
        margin = 0.06 * self.side_px
        inside = (low > self.centre_px - self.side_px / 2 + margin).all() and (
            high < self.centre_px + self.side_px / 2 - margin
        ).all()
        if inside and 0.6 < wanted.side_px / self.side_px:
            return self
        return ActorCrop(
            0.5 * (self.centre_px + wanted.centre_px) if inside else wanted.centre_px,
            max(wanted.side_px, 0.85 * self.side_px),
            self.size_px,
            self.margin,
        )


def crop_around(box_px, size_px: int, margin: float = MARGIN) -> ActorCrop:
    """Square around a box (x0, y0, x1, y1) with a relative margin on each side."""
    low, high = np.asarray(box_px[:2], float), np.asarray(box_px[2:], float)
    side = float(max((high - low).max(), 8.0)) * (1 + 2 * margin)
    return ActorCrop(0.5 * (low + high), side, size_px, margin)


def search_windows(size_px, actor_mask=None) -> list[np.ndarray]:
    """Boxes in which to look for people: the mask's box, or the whole picture and overlapping squares of it."""
    height, width = size_px
    if actor_mask is not None:
        rows, columns = np.nonzero(actor_mask)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        pad = 0.15 * (high - low).max()
        return [np.concatenate([low - pad, high + pad])]
    windows = [np.array([0, 0, width, height], float)]
    short, long = min(size_px), max(size_px)
    for start in np.linspace(0, long - short, max(2, int(np.ceil(2 * (long / short - 1))) + 1)):
        box = [start, 0, start + short, height] if width >= height else [0, start, width, start + short]
        windows.append(np.array(box, float))
    return windows
