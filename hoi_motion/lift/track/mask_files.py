"""One mask per frame from files: a folder of PNG, an npz or npy, or a json of COCO run lengths."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.coco_masks import MAX_MASKS, natural_key, read_coco
from hoi_motion.lift.track.mask_track import background_of, track_of_masks
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.media.image_files import read_labels
from hoi_motion.media.label_pictures import numbered_objects
from hoi_motion.progress import CancelToken, OnProgress, check_cancelled, silent
from hoi_motion.reading.npz import is_array_file, read_array
from hoi_motion.reading.untrusted import reading

HINT = (
    "give a folder of PNG, one a frame in the order of their names; an .npz or .npy of masks (T, H, W); or a .json "
    "with a list of COCO run lengths {size, counts}, one a frame, null where nothing is seen"
)
_WHAT = "readable masks"
LEAST_OVERLAP = 0.25
"""Of the pixels of mask and target together, in the first frame: what is drawn by hand has more in common with it."""


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

        Of several numbered objects it is the one that has most in common with `mask` in the first frame.

        Raises:
            InputError: FILE_INVALID for files that hold no masks, another number of frames, or nothing that has much
                in common with `mask`; SIZE_MISMATCH for pictures of another shape.
            ControlError: CANCELLED.
        """
        masks = self._of_target(mask, len(frames), cancel)
        check_cancelled(cancel)
        overlap = _overlap(masks[0], mask)
        if not overlap:
            raise _invalid(f"the first mask of {self.path} does not touch the target mask")
        if overlap < LEAST_OVERLAP:
            raise _invalid(f"the object of {self.path} has only {overlap:.0%} in common with the target mask")
        seen = np.array(masks)
        track = track_of_masks(seen, mask, camera=background_of(frames, seen, mask, person, cancel))
        on_progress("object", 1.0)
        return track

    def _of_target(  # (H, W) bool each
        self, target: np.ndarray, num_frames: int, cancel: CancelToken | None
    ) -> list[np.ndarray]:
        """What is seen of the object in every frame."""
        size_px = target.shape
        if self.path.suffix.lower() == ".json":
            masks = read_coco(self.path, num_frames, lambda mask: _overlap(_fitted(mask, size_px, self.path), target))
            return [_fitted(mask, size_px, self.path) for mask in masks]
        labels = read_label_pictures(self.path, lambda label: _fitted(label, size_px, self.path), cancel)
        if len(labels) != num_frames:
            raise _invalid(f"{self.path} holds {counted(len(labels), 'mask')}, the clip {counted(num_frames, 'frame')}")
        under = np.unique(labels[0][target])
        chosen = max(under[under > 0], key=lambda number: _overlap(labels[0] == number, target), default=-1)
        return [label == chosen for label in labels]


class _PictureFiles(Sequence):
    """Pictures that are read each time that they are looked at: those of a long clip do not fit into memory."""

    def __init__(self, files: list[Path], cancel: CancelToken | None):
        self.files, self.cancel = files, cancel

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, place):  # (h, w) or (h, w, C)
        check_cancelled(self.cancel)
        return read_labels(self.files[place])


def read_label_pictures(
    path: Path, fit: Callable[[np.ndarray], np.ndarray] = np.asarray, cancel: CancelToken | None = None
) -> list[np.ndarray]:
    """Numbers (h, w) of the objects for each frame, 0 where none is; of soft masks and cut-outs there is one object.

    Args:
        fit: called with each of them; what it gives is kept.

    Raises:
        InputError: FILE_INVALID or MASK_INVALID for files that hold no masks, or more than the limits.
        ControlError: CANCELLED.
    """
    if path.is_dir():
        # hidden ones are no pictures: a Mac puts them beside each file that it copies to another's disk
        named = [file for file in path.iterdir() if file.suffix.lower() == ".png" and not file.name.startswith(".")]
        files = sorted(named, key=lambda file: natural_key(file.name))
        if not 0 < len(files) <= MAX_MASKS:
            raise _invalid(f"{path} holds {len(files)} PNG, expected 1 to {MAX_MASKS}")
        pictures = _PictureFiles(files, cancel)
        return [fit(label) for label in numbered_objects(pictures, [f"mask {file}" for file in files])]
    if not is_array_file(path):
        raise _invalid(f"{path} is neither a folder nor an .npz, .npy or .json")
    pictures = read_array(path, _WHAT, hint=HINT, max_rows=MAX_MASKS, name="masks")
    with reading(path, _WHAT, hint=HINT):
        if pictures.ndim == 4 and pictures.shape[1] == 1:  # one channel, which torch has first
            pictures = pictures[:, 0]
        is_float = pictures.dtype.kind == "f" and pictures.ndim == 3 and bool(np.isfinite(pictures).all())
        if pictures.ndim < 3 or not (pictures.dtype.kind in "bui" or is_float):
            raise ValueError(f"its masks are {pictures.dtype} of shape {pictures.shape}")
        if is_float and (pictures < 0).any():
            raise ValueError("its masks hold negative numbers: save where a network's answers are above its threshold")
        names = [f"mask {t} of {path}" for t in range(len(pictures))]
        return [fit(label) for label in numbered_objects(pictures, names)]


def _overlap(mask: np.ndarray, target: np.ndarray) -> float:
    """The share that both have of the pixels that one of them has."""
    return float((mask & target).sum() / (mask | target).sum())


def _fitted(label: np.ndarray, size_px, path: Path) -> np.ndarray:  # (h, w) -> (H, W), of the same type
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
    # INTER_NEAREST takes upper left pixels: objects would be shifted
    nearest = cv2.resize(label.astype(np.int32), size_px[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return nearest.astype(label.dtype)


def _invalid(message: str) -> InputError:
    return InputError(ErrorCode.FILE_INVALID, message, HINT)
