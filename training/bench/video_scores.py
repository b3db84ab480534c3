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


def object_permanence(frames: np.ndarray, masks: list[np.ndarray]) -> str:
    """Whether the object is still there at the end, and once: "kept", "vanished", "multiplied" or "unclear".

    Pixels of the objects' colour are counted in the first frame and in the last quarter of the clip (after the count of
    objects that appear or vanish in MATRIX's SPI, which asks a vision-language model). "unclear" when the colour does
    not set the objects apart from the rest of the first frame.

    Args:
        masks: (H, W) bool of identical objects in the first frame, the one in question first.
    """
    masks = [m.astype(bool) for m in masks]
    objects = np.any(masks, axis=0)
    own = own_colour(frames, objects)
    first = own[0]
    areas = [int(first[m].sum()) for m in masks]
    if areas[0] < MIN_FOUND * masks[0].sum() or first[~objects].sum() > MAX_STRAY * max(areas):
        return "unclear"
    last = np.median(own[-max(1, len(frames) // 4) :].sum((1, 2)))
    change = float(last) - float(first.sum())
    if change < -GONE * areas[0]:
        return "vanished"
    return "multiplied" if change > ADDED * max(areas) else "kept"


def own_colour(frames: np.ndarray, objects: np.ndarray) -> np.ndarray:  # (T, H, W, 3) u8, (H, W) bool -> (T, H, W)
    """Pixels of the objects' colours: those of which more lie on them than elsewhere in the first frame."""
    bins = np.stack([_colour_bins(frame) for frame in frames])
    inside = np.bincount(bins[0][objects], minlength=_NUM_BINS)
    outside = np.bincount(bins[0][~objects], minlength=_NUM_BINS)
    return (_spread(inside.astype(np.float32)) > _spread(outside.astype(np.float32)))[bins]


_NUM_BINS = 8 * 16 * 16
# of the object's pixels, to be set apart by its colour
MIN_FOUND = 0.6
MAX_STRAY = 0.5
# of the object's pixels: a hand covers less than it all, and some of a second one too
GONE = 0.75
ADDED = 0.45


def _colour_bins(frame: np.ndarray) -> np.ndarray:  # (H, W, 3) -> (H, W) int
    lab = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2LAB).astype(np.int32)
    # hues of everyday things fill the middle half of a and b only
    a, b = (np.clip((lab[..., k] - 64) // 8, 0, 15) for k in (1, 2))
    return (lab[..., 0] // 32 * 16 + a) * 16 + b


def _spread(histogram: np.ndarray) -> np.ndarray:
    """Each count shared with the neighbouring bins: a colour changes with the light on it."""
    cube = histogram.reshape(8, 16, 16)
    cube = np.pad(cube, 1)
    parts = [np.roll(cube, shift, axis) for axis in range(3) for shift in (-1, 1)]
    return (cube + 0.5 * sum(parts))[1:-1, 1:-1, 1:-1].ravel()
