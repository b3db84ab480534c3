"""Which of several bodies that a detector finds is the actor's, and the picture without anybody else."""

import cv2
import numpy as np

from hoi_motion.keypoints.track import TORSO

# a person is lost where a detector is less sure of the trunk
LOST = 0.5
# who is found again is no further from where they were last than so many trunks, and so many more a frame, and has
# grown or shrunk by no more than this factor, and so much more a frame, up to the last
AT_ONCE = 0.5
A_FRAME = 0.25
GROWN = 1.3
GROWN_A_FRAME = 0.1
MOST_GROWN = 1.7
# of two people who overlap by this share of the smaller one's box, the one counts that is seen again so much more often
# in the next frames: folds and prints of clothes look like a person in single ones
NEARLY = 0.5
SAME_PLACE = 0.3
# share of a body's points that lie on the mask of the person who is meant
ON_MASK = 0.5
# points lie within clothes and hair: so much room around them, as a share of the person's size
BESIDE = 0.12


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
    """How far a body (33, 3) is from a pixel (2,), in its own heights; without one, the larger the nearer."""
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


def only_on(frame: np.ndarray, mask: np.ndarray) -> np.ndarray:  # (H, W, 3) u8
    """A frame in which all but what is on and near a person's mask (H, W) is black."""
    rows = np.nonzero(mask.any(1))[0]
    room = 2 * max(1, round(BESIDE / 2 * (rows[-1] - rows[0]))) + 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((room, room), np.uint8)) > 0
    return np.where(near[..., None], frame, 0).astype(np.uint8)


def painted_over(frame: np.ndarray, other: np.ndarray, body: np.ndarray) -> np.ndarray:  # (H, W, 3) u8
    """A frame in which somebody else's box (their body, (33, 3)) is black, except where the actor's box is."""
    painted, size_px = frame.copy(), frame.shape[1::-1]
    (x0, y0, x1, y1), (u0, v0, u1, v1) = (_roomy(box_of(points), size_px) for points in (other, body))
    painted[y0:y1, x0:x1] = 0
    painted[v0:v1, u0:u1] = frame[v0:v1, u0:u1]
    return painted


def _roomy(box: np.ndarray, size_px) -> list[int]:
    """A box (x0, y0, x1, y1) with room around it, within a picture of this width and height."""
    room = BESIDE * (box[2:] - box[:2]).max()
    grown = np.concatenate([box[:2] - room, box[2:] + room])
    return np.clip(grown, 0, [*size_px, *size_px]).round().astype(int).tolist()


def box_of(body: np.ndarray) -> np.ndarray:  # (4,) x0 y0 x1 y1
    points = body[body[:, 2] > 0.3, :2]
    return np.concatenate([points.min(0), points.max(0)])
