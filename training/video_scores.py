"""Scores of a generated clip that need no ground truth beside the first frame. All take frames (T, H, W, 3) u8."""

import cv2
import numpy as np

FASTEST_SHARE = 0.05


def first_frame_psnr_db(frames: np.ndarray, image: np.ndarray) -> float:
    """PSNR of the first generated frame against the frame it was made from, (H, W, 3) u8."""
    error = np.mean((frames[0].astype(np.float64) - image) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-6)))


def dynamic_degree(frames: np.ndarray) -> float:
    """How fast the fastest things move: mean optical flow of the fastest 5% of the pixels, the largest over the pairs
    of neighbouring frames, as a share of the picture's height per frame (after VBench's dynamic degree, which
    thresholds the same quantity)."""
    flows = [np.linalg.norm(_flow(a, b), axis=-1).ravel() for a, b in zip(frames[:-1], frames[1:])]
    count = max(1, int(FASTEST_SHARE * flows[0].size))
    return float(max(np.sort(f)[-count:].mean() for f in flows) / frames.shape[1])


def motion_smoothness(frames: np.ndarray) -> float:
    """1 minus the mean error, 0..1, of frames that are interpolated from their two neighbours along the optical flow
    (after VBench's motion smoothness, which interpolates with a network). 1.0 for clips of less than 3 frames."""
    errors = [
        np.abs(_between(before, after) - frame.astype(np.float32)).mean() / 255
        for before, frame, after in zip(frames[:-2], frames[1:-1], frames[2:])
    ]
    return float(1 - np.mean(errors)) if errors else 1.0


def _flow(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (H, W, 2) px, from a to b
    grey = [cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_RGB2GRAY) for x in (a, b)]
    return cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 3, 11, 3, 5, 1.1, 0)


def _between(before: np.ndarray, after: np.ndarray) -> np.ndarray:  # (H, W, 3) f32
    """The frame in the middle: both neighbours moved half-way."""
    height, width = before.shape[:2]
    here = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    halves = []
    for source, other in ((before, after), (after, before)):
        at = here + 0.5 * _flow(other, source)
        halves.append(cv2.remap(source, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    return (halves[0].astype(np.float32) + halves[1]) / 2
