"""Which of several bodies that a detector finds is the actor's, and the square crop that follows them.

It is upsampled so that small people reach a size the detector handles well.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from hoi_motion.keypoints.track import TORSO

# a person is lost where a detector is less sure of the trunk
LOST = 0.5
# a person found again is at most so many trunks from their last place, and so many more for each frame, and at most
# this factor larger or smaller, and so much more for each frame, up to the last one
AT_ONCE = 0.5
A_FRAME = 0.25
GROWN = 1.3
GROWN_A_FRAME = 0.1
MOST_GROWN = 1.7
# of two people who overlap by SAME_PLACE of the smaller one's box, one who is seen again in the next frames less than
# NEARLY as often does not count: folds and prints of clothes look like a person in single frames
NEARLY = 0.5
SAME_PLACE = 0.3
# share of a body's points that lie on the mask of the person who is meant
ON_MASK = 0.5
# left around the actor on each side, as a share of their size
MARGIN = 0.3


def trunk_sureness(body: np.ndarray | None) -> float:
    return 0.0 if body is None else float(body[list(TORSO), 2].mean())


def found_again(people: list[np.ndarray | None], last: np.ndarray, lost_for: int) -> np.ndarray | None:  # (33, 3)
    """Which of several people is the one last seen as `last`, so many frames ago, by place and size."""

    def trunk(body: np.ndarray) -> tuple[np.ndarray, float]:
        shoulders, hips = body[list(TORSO[:2]), :2].mean(0), body[list(TORSO[2:]), :2].mean(0)
        return (shoulders + hips) / 2, float(np.linalg.norm(shoulders - hips)) + 1e-6

    (place, size), best, nearest = trunk(last), None, AT_ONCE + A_FRAME * lost_for
    grown = min(GROWN + GROWN_A_FRAME * lost_for, MOST_GROWN)
    for body in people:
        if body is None:
            continue
        (here, length), sureness = trunk(body), trunk_sureness(body)
        away = float(np.linalg.norm(here - place)) / size
        if sureness >= LOST and 1 / grown < length / size < grown and away < nearest:
            best, nearest = body, away
    return best


def somebody_else(seen: np.ndarray | None, body: np.ndarray) -> bool:
    """Whether a view (33, 3) surely shows another person than the body that was found in the same frame."""
    return trunk_sureness(seen) >= LOST and found_again([seen], body, 1) is None


def lasting(people: list[np.ndarray], following: list[list[np.ndarray]]) -> list[np.ndarray]:
    """The people in a frame without those who overlap with one who is found again more often in the following ones."""
    again = [
        sum(found_again(others, body, lost_for) is not None for lost_for, others in enumerate(following, 1))
        for body in people
    ]

    def outdone(body: np.ndarray, count: int) -> bool:
        return any(count < NEARLY * more and overlap(body, other) > SAME_PLACE for other, more in zip(people, again))

    return [body for body, count in zip(people, again) if not outdone(body, count)]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Area in which the boxes of two bodies (33, 3) overlap, as a share of the smaller one."""
    boxes = np.stack([box_of(a), box_of(b)]).reshape(2, 2, 2)
    both = np.maximum(boxes[:, 1].min(0) - boxes[:, 0].max(0), 0).prod()
    return float(both / max((boxes[:, 1] - boxes[:, 0]).prod(1).min(), 1.0))


def distance(body: np.ndarray, near_px) -> float:
    """How far a body (33, 3) is from a pixel (2,), in its own heights; without a pixel, the larger the nearer."""
    sure = body[body[:, 2] > 0.5, :2]
    if near_px is None:
        return -float(np.ptp(sure[:, 1]))
    # hands reach: the nearest keypoint counts, in units of the person's own size
    return float(np.linalg.norm(sure - near_px, axis=1).min() / max(np.ptp(sure[:, 1]), 1.0))


def share_on(body: np.ndarray, mask: np.ndarray) -> float:
    """Share of a body's sure points (33, 3) that lie on a mask (H, W)."""
    sure = body[body[:, 2] > 0.5, :2]
    column, row = np.clip(sure.astype(int), 0, np.array(mask.shape[::-1]) - 1).T
    return float(mask[row, column].mean())


def box_of(body: np.ndarray) -> np.ndarray:  # (4,) x0 y0 x1 y1
    points = body[body[:, 2] > 0.3, :2]
    return np.concatenate([points.min(0), points.max(0)])


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
