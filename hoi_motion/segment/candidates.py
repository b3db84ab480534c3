"""Which of several masks around one click is the object.

GrabCut (Rother, Kolmogorov & Blake 2004) needs to know how large the object may be; a click does not say. So it runs
for several sizes, and the answer is the mask whose outline lies on edges of the picture, does not follow the frame of
the size that was tried, and that other sizes agree on.
"""

from dataclasses import dataclass

import numpy as np

# the least gradient along three quarters of the outline, in Lab units a pixel, at which an edge counts half
HALF_EDGE = 6.0
EDGE_PERCENTILE = 25
STABLE_WITH = 3
# a larger mask holds the answer when this share of it lies inside, and counts when its outline is nearly as strong
HELD_SHARE = 0.9
LARGER_EDGE = 0.8
LARGER_MISFIT = 0.25
SMALL_PREFERENCE = 0.2


@dataclass(frozen=True)
class Candidate:
    """What one size gave.

    Attributes:
        mask: (H, W) bool; radius_px: the size that was tried, from what is marked to the edge of its frame.
        edge: gradient of the picture on the weakest quarter of the outline; misfit: 0..1, of the outline
            the share that follows the frame of that size, or of a box what the mask leaves free of its sides.
    """

    mask: np.ndarray  # (H, W)
    radius_px: float
    edge: float
    misfit: float


@dataclass(frozen=True)
class Choice:
    """The candidate that was taken.

    Attributes:
        best: the candidate; stability: 0..1, how far the most similar others agree with it.
        rival: the best supported candidate that shows something else, or None.
        rival_support: its support over the best one's.
        agreeing: sizes that show the same thing, its own included; larger: those that show a larger thing around it
            whose outline is nearly as strong, alike or not.
    """

    best: Candidate
    stability: float
    rival: Candidate | None
    rival_support: float
    agreeing: int = 1
    larger: int = 0


def outline(mask: np.ndarray) -> np.ndarray:  # (H, W) bool -> (H, W) bool
    """The pixels on both sides of a mask's edge."""
    import cv2

    kernel, mask = np.ones((3, 3), np.uint8), mask.astype(np.uint8)
    return cv2.dilate(mask, kernel) > cv2.erode(mask, kernel)


def gradient(rgb: np.ndarray) -> np.ndarray:  # (H, W, 3) uint8 -> (H, W) float32
    """Size of the colour gradient in Lab units a pixel (of OpenCV's 8-bit Lab)."""
    import cv2

    lab = cv2.cvtColor(cv2.GaussianBlur(rgb, (0, 0), 1.0), cv2.COLOR_RGB2LAB).astype(np.float32)
    along_x, along_y = (cv2.Sobel(lab, cv2.CV_32F, 1 - k, k, ksize=3) / 8 for k in (0, 1))
    return np.sqrt((along_x**2 + along_y**2).sum(-1))


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((a & b).sum() / max((a | b).sum(), 1))


def choose(candidates: list[Candidate], other_below: float) -> Choice:
    """The best supported candidate.

    Args:
        candidates: at least one, over the same image.
        other_below: two masks that overlap less than this show different things.
    """
    overlaps = np.array([[overlap(a.mask, b.mask) for b in candidates] for a in candidates])
    others = np.sort(overlaps - np.eye(len(candidates)) * 2, axis=1)[:, ::-1][:, : len(candidates) - 1][:, :STABLE_WITH]
    stability = others.mean(1) if others.shape[1] else np.ones(1)
    edge = np.array([c.edge for c in candidates])
    support = edge / (edge + HALF_EDGE) * stability**2
    support *= np.array([(1 - c.misfit) ** 2 * c.radius_px**-SMALL_PREFERENCE for c in candidates])
    k = int(support.argmax())
    votes = {
        "agreeing": int((overlaps[k] >= other_below).sum()),
        "larger": _larger(candidates, k, overlaps[k], other_below),
    }
    rivals = np.where(overlaps[k] < other_below, support, -1.0)
    j = int(rivals.argmax())
    if rivals[j] < 0:
        return Choice(candidates[k], float(stability[k]), None, 0.0, **votes)
    rival_support = float(support[j] / max(support[k], 1e-12))
    return Choice(candidates[k], float(stability[k]), candidates[j], rival_support, **votes)


def _larger(candidates: list[Candidate], k: int, overlaps: np.ndarray, other_below: float) -> int:
    """How many sizes show something larger around candidate `k`."""
    best = candidates[k]
    held = [(c.mask & best.mask).sum() >= HELD_SHARE * best.mask.sum() for c in candidates]
    strong = [c.edge >= LARGER_EDGE * best.edge and c.misfit <= LARGER_MISFIT for c in candidates]
    return int((np.array(held) & np.array(strong) & (overlaps < other_below)).sum())
