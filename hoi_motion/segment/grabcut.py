"""GrabCut from a click, a box or strokes: nothing is learned or downloaded, the same input gives the same mask."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.progress import CancelToken, check_cancelled
from hoi_motion.segment.answer import SegmentedMask
from hoi_motion.segment.candidates import EDGE_PERCENTILE, Candidate, choose, gradient, outline
from hoi_motion.segment.doubts import OTHER_BELOW, doubts_of_box, doubts_of_choice, doubts_of_mask
from hoi_motion.segment.prompt import MaskPrompt

# of the picture in which the size of the object is looked for
WORK_PX = 960
# sizes that are tried around what is marked, of the diagonal
RADII = np.geomspace(0.02, 0.22, 9)
# of the radius, from what is marked to the edge of the crop: what surrounds the object is background to learn from
CROP_RADII = 1.6
# of the crop in which a size is tried, and of that in which the outline is refined
CROP_PX = 120
FINE_PX = 480
# of the radius: the disc around a click that is surely on the object
DISC = 0.15
MIN_DISC_PX = 1.5
ITERATIONS = 3
MIN_PX = 8
# a piece of this share of the largest one belongs to the object, as where something stands before it
PIECE_SHARE = 0.2
# of a box, how much around it the background is learnt from, and how much of its middle is taken for the object
BOX_MARGINS = (0.15, 0.4, 1.0)
BOX_CORES = (0.0, 0.3, 0.6)


@dataclass(frozen=True)
class Crop:
    """A part of a picture, made smaller where it is large.

    Attributes:
        window: (x0, y0, x1, y1) in the picture, ends outside; rgb: (h, w, 3) its pixels; size_px: of the picture.
    """

    window: tuple[int, int, int, int]
    rgb: np.ndarray
    size_px: tuple[int, int]

    @classmethod
    def of(cls, rgb: np.ndarray, window: tuple[float, float, float, float], max_px: int) -> "Crop":
        """What of a window lies in the picture, at most `max_px` a side."""
        height, width = rgb.shape[:2]
        x0, y0 = max(0, int(np.floor(window[0]))), max(0, int(np.floor(window[1])))
        x1, y1 = min(width, int(np.ceil(window[2]))), min(height, int(np.ceil(window[3])))
        part = rgb[y0:y1, x0:x1]
        scale = min(1.0, max_px / max(part.shape[:2]))
        if scale < 1:
            size = tuple(max(1, round(side * scale)) for side in part.shape[1::-1])
            part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        return cls((x0, y0, x1, y1), np.ascontiguousarray(part), (height, width))

    @property
    def scale(self) -> np.ndarray:  # (2,)
        """Pixels of the crop to one of the picture, along x and y."""
        x0, y0, x1, y1 = self.window
        return np.array(self.rgb.shape[1::-1]) / (x1 - x0, y1 - y0)

    def shrunk(self, mask: np.ndarray) -> np.ndarray:  # (H, W) bool -> (h, w) bool
        """A mask of the picture at the crop's pixels: those of which half is covered, and the fullest one."""
        x0, y0, x1, y1 = self.window
        share = mask[y0:y1, x0:x1].astype(np.float32)
        if share.shape != self.rgb.shape[:2]:
            share = cv2.resize(share, self.rgb.shape[1::-1], interpolation=cv2.INTER_AREA)
        return (share >= min(0.5, float(share.max()))) & (share > 0)

    def grown(self, mask: np.ndarray) -> np.ndarray:  # (h, w) bool -> (H, W) bool
        """A mask of the crop in the picture."""
        x0, y0, x1, y1 = self.window
        whole = np.zeros(self.size_px, bool)
        part = cv2.resize(mask.astype(np.float32), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        whole[y0:y1, x0:x1] = part > 0.5
        return whole

    def frame(self, box: tuple[float, float, float, float]) -> np.ndarray:  # (h, w) bool
        """The pixels of a box of the picture, ends inside."""
        inside = np.zeros(self.rgb.shape[:2], bool)
        x, y = self.scale
        x0, y0 = max(0, round((box[0] - self.window[0]) * x)), max(0, round((box[1] - self.window[1]) * y))
        x1, y1 = round((box[2] + 1 - self.window[0]) * x), round((box[3] + 1 - self.window[1]) * y)
        inside[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] = True
        return inside


class GrabCut:
    """The default segmenter."""

    name = "grabcut"

    def segment(self, rgb: np.ndarray, prompt: MaskPrompt, cancel: CancelToken | None = None) -> SegmentedMask:
        """The object that the prompt marks.

        Args:
            rgb: (H, W, 3) uint8.
            prompt: checked for this image.

        Raises:
            InputError: MASK_EMPTY when nothing stands out there.
            ControlError: CANCELLED.
        """
        if prompt.box_px is not None:
            mask = _in_box(rgb, prompt, cancel)
            doubts = doubts_of_box(mask, prompt.box_px)
        else:
            mask, doubts = _around(rgb, prompt, cancel)
        if mask.sum() < MIN_PX:
            raise InputError(
                ErrorCode.MASK_EMPTY,
                f"nothing stands out at {prompt.words}",
                "mark the middle of the object, or give a box around it",
            )
        return SegmentedMask(mask, (*doubts, *doubts_of_mask(mask)), f"{prompt.words} by {self.name}")


def cut(rgb: np.ndarray, labels: np.ndarray, iterations: int) -> np.ndarray:  # (h, w, 3) -> (h, w) bool
    """One run of OpenCV's GrabCut, from the same random numbers each time.

    Args:
        labels: (h, w) uint8 of cv2.GC_*, what is known and what is guessed.
    """
    labels = labels.copy()
    foreground, background = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(rgb, labels, None, background, foreground, iterations, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _around(rgb: np.ndarray, prompt: MaskPrompt, cancel: CancelToken | None):
    """The object at a click or under strokes: the best of several sizes, refined."""
    work = Crop.of(rgb, (0, 0, rgb.shape[1], rgb.shape[0]), WORK_PX)
    marked = work.shrunk(_marked(prompt, rgb.shape[:2]))
    candidates = []
    for radius in RADII * np.hypot(*marked.shape):
        check_cancelled(cancel)
        candidates.append(_tried(work.rgb, marked, radius))
    candidates = [c for c in candidates if c is not None]
    if not candidates:
        return np.zeros(rgb.shape[:2], bool), ()
    check_cancelled(cancel)
    choice = choose(candidates, OTHER_BELOW)
    return _refined(rgb, work.grown(choice.best.mask)), doubts_of_choice(choice)


def _marked(prompt: MaskPrompt, size_px: tuple[int, int]) -> np.ndarray:  # (H, W) bool
    marked = np.zeros(size_px, bool) if prompt.scribble is None else prompt.scribble.copy()
    if prompt.click_px is not None:
        marked[prompt.click_px[1], prompt.click_px[0]] = True
    return marked


def _tried(rgb: np.ndarray, marked: np.ndarray, radius_px: float) -> Candidate | None:
    """What stands out within a radius of what is marked; None when it is nothing."""
    rows, columns = np.nonzero(marked)
    x0, y0, x1, y1 = columns.min(), rows.min(), columns.max(), rows.max()
    reach = CROP_RADII * radius_px
    crop = Crop.of(rgb, (x0 - reach, y0 - reach, x1 + reach + 1, y1 + reach + 1), CROP_PX)
    frame = crop.frame((x0 - radius_px, y0 - radius_px, x1 + radius_px, y1 + radius_px))
    core = crop.shrunk(marked)
    sure = _within(core, max(MIN_DISC_PX, DISC * radius_px * crop.scale.mean())) & frame
    if frame.all():
        return None  # no background is left to learn from
    labels = np.where(frame, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[sure] = cv2.GC_FGD
    mask = _pieces_with(cut(crop.rgb, labels, ITERATIONS), core)
    if mask.sum() < MIN_PX:
        return None
    edge = outline(mask)
    rim = frame & ~(cv2.erode(frame.astype(np.uint8), np.ones((5, 5))) > 0)
    return Candidate(
        crop.grown(mask),
        radius_px,
        _edge(crop.rgb, mask),
        float((edge & (rim | ~frame)).sum() / edge.sum()),
    )


def _in_box(rgb: np.ndarray, prompt: MaskPrompt, cancel: CancelToken | None) -> np.ndarray:  # (H, W) bool
    """What in a box differs from what is around it: the best of several guesses, refined."""
    marked = _marked(prompt, rgb.shape[:2])
    candidates = []
    for how in product(BOX_MARGINS, BOX_CORES):
        check_cancelled(cancel)
        candidates.append(_tried_in_box(rgb, prompt.box_px, marked, *how))
    candidates = [c for c in candidates if c is not None]
    return _refined(rgb, choose(candidates, OTHER_BELOW).best.mask) if candidates else np.zeros(rgb.shape[:2], bool)


def _tried_in_box(rgb: np.ndarray, box, marked: np.ndarray, margin: float, core_share: float) -> Candidate | None:
    """What stands out in a box; None when it is nothing.

    Args:
        margin: of the larger side, to the edge of the crop; core_share: of each side, the ellipse in the middle that is
            taken to show the object.
    """
    reach = margin * (max(box[2] - box[0], box[3] - box[1]) + 1)
    crop = Crop.of(rgb, (box[0] - reach, box[1] - reach, box[2] + reach + 1, box[3] + reach + 1), CROP_PX)
    frame, core = crop.frame(box), crop.shrunk(marked)
    if frame.all():
        return None
    labels = np.where(frame, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    labels[_ellipse(frame, core_share)] = cv2.GC_FGD
    if core.any():
        labels[_within(core, MIN_DISC_PX) & frame] = cv2.GC_FGD
    mask = cut(crop.rgb, labels, ITERATIONS)
    mask = _pieces_with(mask, core) if core.any() else _large_pieces(mask)
    if mask.sum() < MIN_PX:
        return None
    spans = [mask.any(axis).sum() / frame.any(axis).sum() for axis in (0, 1)]
    return Candidate(crop.grown(mask), reach, _edge(crop.rgb, mask), 1 - float(min(spans)))


def _ellipse(frame: np.ndarray, share: float) -> np.ndarray:  # (h, w) bool
    """The middle of a rectangle, `share` of each side; none of it for 0."""
    rows, columns = np.nonzero(frame)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    across = (x - columns.mean()) / (np.ptp(columns) + 1), (y - rows.mean()) / (np.ptp(rows) + 1)
    return across[0] ** 2 + across[1] ** 2 < (share / 2) ** 2


def _edge(rgb: np.ndarray, mask: np.ndarray) -> float:
    """How strong the picture's edges are along the weakest quarter of a mask's outline."""
    return float(np.percentile(gradient(rgb)[outline(mask)], EDGE_PERCENTILE))


def _refined(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:  # (H, W) bool
    """The same object with its outline at the picture's own pixels."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return mask
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    # as far as the outline may have been blurred
    band_px = 2 + 1.5 * side / (CROP_PX / 2)
    reach = 3 * band_px
    window = (columns.min() - reach, rows.min() - reach, columns.max() + reach + 1, rows.max() + reach + 1)
    crop = Crop.of(rgb, window, FINE_PX)
    coarse = crop.shrunk(mask)
    band = max(1.0, band_px * crop.scale.mean())
    inner, outer = ~_within(~coarse, band), _within(coarse, band)
    labels = np.where(coarse, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[inner] = cv2.GC_FGD
    labels[~outer] = cv2.GC_BGD
    return crop.grown(_large_pieces(cut(crop.rgb, labels, 1)))


def _within(mask: np.ndarray, distance_px: float) -> np.ndarray:  # (h, w) bool
    """The pixels at most this far from a mask."""
    if not mask.any():
        return mask
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= distance_px


def _pieces_with(mask: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The connected pieces that what is marked lies on."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    return mask & np.isin(labels, np.unique(labels[core & mask]))


def _large_pieces(mask: np.ndarray) -> np.ndarray:
    """The largest connected piece, and those that are not much smaller."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return mask
    return np.isin(labels, 1 + np.flatnonzero(areas >= PIECE_SHARE * areas.max()))
