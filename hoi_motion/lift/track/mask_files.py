"""One mask per frame from files: a folder of PNG, an npz, or a json of COCO run lengths."""

import re
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.mask_track import track_of_masks
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.media.image_files import MAX_SIDE_PX, read_labels
from hoi_motion.progress import CancelToken, OnProgress, silent
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading

MAX_MASKS = 4096
MAX_MASKS_PX = 1 << 30
"""Pixels of all frames together, in run lengths, of which a few characters can stand for any number."""
HINT = (
    "give a folder of PNG, one a frame in the order of their names; an .npz with `masks` (T, H, W); or a .json with a "
    "list of COCO run lengths {size, counts}, one a frame, null where nothing is seen"
)


class MaskFiles:
    """Masks that another tool made of the same clip, such as SAM 2 or Cutie."""

    def __init__(self, path):
        """Raises: InputError FILE_INVALID when there is nothing of the kind."""
        self.path = Path(path)
        if not self.path.exists():
            raise _invalid(f"there is no {self.path}")

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> ObjectTrack:
        """The masks as a track.

        Of several numbered objects it is the one that covers most of `mask` in the first frame.

        Raises:
            InputError: FILE_INVALID for files that hold no masks or another number of frames, SIZE_MISMATCH for
                pictures of another shape.
        """
        labels = read_label_pictures(self.path)
        if len(labels) != len(frames):
            raise _invalid(f"{self.path} holds {len(labels)} masks, the clip {len(frames)} frames")
        labels = [_fitted(label, mask.shape, self.path) for label in labels]
        ids = labels[0][mask]
        ids = ids[ids > 0]
        if not len(ids):
            raise _invalid(f"the first mask of {self.path} does not touch the target mask")
        chosen = np.bincount(ids).argmax()
        on_progress("object", 1.0)
        return track_of_masks(np.array([label == chosen for label in labels]), mask)


def read_label_pictures(path: Path) -> list[np.ndarray]:
    """Whole numbers (h, w) a frame, 0 where no object is.

    Raises:
        InputError: FILE_INVALID or MASK_INVALID for files that hold no masks, or more than the limits.
    """
    if path.is_dir():
        files = sorted(path.glob("*.png"), key=_by_number)
        if not 0 < len(files) <= MAX_MASKS:
            raise _invalid(f"{path} holds {len(files)} PNG, expected 1 to {MAX_MASKS}")
        return _numbered([read_labels(file) for file in files], path)
    what = "readable masks"
    if path.suffix == ".npz":
        pictures = NpzFile(path, what, hint=HINT).read("masks", MAX_MASKS)
        with reading(path, what, hint=HINT):
            if pictures.ndim < 3 or pictures.dtype.kind not in "bui":
                raise ValueError(f"`masks` is {pictures.dtype} of shape {pictures.shape}")
            return _numbered(list(pictures), path)
    if path.suffix == ".json":
        entries = read_json(path, what, object, hint=HINT)
        with reading(path, what, hint=HINT):
            return _decoded(entries, path)
    raise _invalid(f"{path} is neither a folder nor an .npz nor a .json")


def _by_number(file: Path) -> list:
    """Orders names by the numbers in them: 2.png before 10.png."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", file.name)]


def _numbered(pictures: list[np.ndarray], path: Path) -> list[np.ndarray]:  # (h, w) int each
    """Small numbers for the values, one value having the same number in every frame. Colours count as values."""
    values = [_value_of(picture, path) for picture in pictures]
    # one frame may lack an object that another has
    known = np.unique(np.concatenate([[0], *(np.unique(value) for value in values)]))
    nothing = int(np.searchsorted(known, 0))
    order = np.append(np.delete(np.arange(len(known)), nothing), nothing)  # nothing is to be 0
    number = np.empty(len(known), np.int32)
    number[order] = [*range(1, len(known)), 0]
    return [number[np.searchsorted(known, value)] for value in values]


def _value_of(picture: np.ndarray, path: Path) -> np.ndarray:  # (h, w)
    if picture.ndim == 3:
        picture = picture[..., :3].astype(int) @ [1, 256, 65536][: picture.shape[2]]
    if picture.ndim != 2:
        raise _invalid(f"a mask in {path} has shape {picture.shape}")
    return picture


def _decoded(entries, path: Path) -> list[np.ndarray]:
    if isinstance(entries, dict) and "annotations" in entries:
        ordered = sorted(entries["annotations"], key=lambda entry: entry["image_id"])
        entries = [entry["segmentation"] for entry in ordered]
    elif isinstance(entries, dict):
        entries = [entries[key] for key in sorted(entries, key=int)]
    sizes = [tuple(entry["size"]) for entry in entries if entry]
    if not sizes:
        raise _invalid(f"{path} holds no mask")
    if not all(type(side) is int and 0 < side <= MAX_SIDE_PX for size in sizes for side in size):
        raise ValueError(f"a mask of another size than 1 to {MAX_SIDE_PX} pixels a side")
    if len(entries) > MAX_MASKS or len(entries) * max(height * width for height, width in sizes) > MAX_MASKS_PX:
        raise ValueError(f"it stands for more than {MAX_MASKS} masks or {MAX_MASKS_PX} pixels")
    return [
        np.zeros(sizes[0], int) if not e else run_lengths_to_mask(e["counts"], e["size"]).astype(int) for e in entries
    ]


def run_lengths_to_mask(counts: list[int] | str, size) -> np.ndarray:  # (h, w) bool
    """COCO run lengths, as numbers or packed into a string: columns one after another, beginning with what is off.

    Raises:
        ValueError: for a string that is none, or lengths that do not cover the mask.
    """
    if isinstance(counts, str):
        counts = _unpacked(counts)
    height, width = size
    if sum(counts) != height * width or min(counts, default=0) < 0:
        raise ValueError(f"run lengths of {sum(counts)} pixels for a mask of {height}x{width}")
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def _unpacked(text: str) -> list[int]:
    """Signed numbers in groups of five bits, low ones first; from the fourth on differences to the last but one."""
    counts, value, shift = [], 0, 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64:
            raise ValueError(f"{letter!r} is no part of a run length")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("its run lengths end within a number")
    return counts


def _fitted(label: np.ndarray, size_px, path: Path) -> np.ndarray:
    """Scaled to the clip's pixels, which are fewer for large videos."""
    if label.shape == tuple(size_px):
        return label
    height, width = label.shape
    if abs(width * size_px[0] - height * size_px[1]) > 0.01 * width * size_px[0]:
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"masks in {path} are {width}x{height} pixels, the clip {size_px[1]}x{size_px[0]}",
            "masks and clip must show the same pixels",
        )
    return cv2.resize(label.astype(np.int32), size_px[::-1], interpolation=cv2.INTER_NEAREST)


def _invalid(message: str) -> InputError:
    return InputError(ErrorCode.FILE_INVALID, message, HINT)
