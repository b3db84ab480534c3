"""Masks of one object in a .json of COCO run lengths: a list, a dictionary by frame, or annotations of images."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted, shown
from hoi_motion.media.image_files import MAX_SIDE_PX
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading

MAX_MASKS = 4096
MAX_MASKS_PX = 1 << 30
"""Pixels of all masks together, in run lengths, of which a few characters can stand for any number."""
HINT = (
    "give a list with one COCO run length {size, counts} a frame, null where nothing is seen; a dictionary of them by "
    "frame number; or COCO's annotations with images"
)
# what tools call an object's number that holds for the whole clip; CVAT has it in `attributes`
TRACK_IDS = ("track_id", "instance_id", "object_id")
_WHAT = "readable masks"
MAX_RUN_BITS = 60
"""Of a packed run length: one that goes on for ever takes time with the square of its length."""


def read_coco(
    path: Path, num_frames: int, score: Callable[[np.ndarray], float]
) -> list[np.ndarray]:  # T of (h, w) bool
    """The masks of one object, empty where it is not seen.

    Frames are in the order of the images' file names; without `images` in the order of the frame numbers or image ids,
    and a number that is left out is a frame in which nothing is seen. An object is what has the same track id; without
    track ids, the same category.

    Args:
        score: called with each object's mask in the first frame; the masks are those of the object of the highest.

    Raises:
        InputError: FILE_INVALID for a file that holds no masks or another number of frames, or that has several masks
            of the object in one frame.
    """
    entries = read_json(path, _WHAT, object, hint=HINT)
    with reading(path, _WHAT, hint=HINT):
        frames = _frames(entries, num_frames)
        size = _checked_size(frames)
        first = _by_object(frames[0])
        if not first:
            return [np.zeros(size, bool)] * num_frames
        chosen = max(first, key=lambda name: max(score(_decoded(entry)) for entry in first[name]))
        masks = []
        for t, seen in enumerate(frames):
            found = _by_object(seen).get(chosen, [])
            if len(found) > 1:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{path} has {counted(len(found), 'mask')} of the object under the target mask ({chosen}) "
                    f"in frame {t}",
                    f"give every object a number of its own as {TRACK_IDS[0]}",
                )
            masks.append(_decoded(found[0]) if found else np.zeros(size, bool))
        return masks


def natural_key(name: str) -> list:
    """Orders names by the numbers in them: 2.png before 10.png."""
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in re.split(r"(\d+)", name)]


def _frames(entries, num_frames: int) -> list[list[dict]]:
    """The annotations of every frame."""
    if isinstance(entries, list):
        return _complete([_lone(entry) for entry in entries], num_frames)
    if "annotations" not in entries:
        return _in_place({key: _lone(entry) for key, entry in entries.items()}, num_frames)
    annotations = entries["annotations"]
    images = entries.get("images") or []
    of_image = {str(image["id"]): [] for image in sorted(images, key=_file_name)}
    for annotation in annotations:
        image = str(annotation["image_id"])
        (of_image[image] if images else of_image.setdefault(image, [])).append(annotation)
    return _complete([*of_image.values()], num_frames) if images else _in_place(of_image, num_frames)


def _lone(mask: dict | None) -> list[dict]:
    """As an annotation, where there is one."""
    return [{"segmentation": mask}] if mask else []


def _file_name(image: dict) -> list:
    return natural_key(str(image.get("file_name", image["id"])))


def _complete(frames: list[list[dict]], num_frames: int) -> list[list[dict]]:
    if len(frames) != num_frames:
        raise ValueError(f"it holds {counted(len(frames), 'mask')}, the clip {counted(num_frames, 'frame')}")
    return frames


def _in_place(frames: dict[str, list[dict]], num_frames: int) -> list[list[dict]]:
    """Frames by their numbers, counted from the lowest, in which the object is marked."""
    ids = sorted(frames, key=natural_key)
    if len(ids) == num_frames or not all(name.isdecimal() for name in ids):
        return _complete([frames[name] for name in ids], num_frames)
    place = {int(name) - int(ids[0]): frames[name] for name in ids}
    if len(place) < len(ids) or max(place, default=0) >= num_frames:
        raise ValueError(
            f"it holds {counted(len(ids), 'mask')}, up to number {ids[-1]}, the clip {counted(num_frames, 'frame')}"
        )
    return [place.get(t, []) for t in range(num_frames)]


def _by_object(annotations: list[dict]) -> dict[str, list[dict]]:
    objects: dict[str, list[dict]] = {}
    for annotation in annotations:
        known = {**(annotation.get("attributes") or {}), **annotation}
        name = next((name for name in (*TRACK_IDS, "category_id") if known.get(name) is not None), None)
        words = f"{name} {known[name]}" if name else "without a number"
        objects.setdefault(words, []).append(annotation["segmentation"])
    return objects


def _checked_size(frames: list[list[dict]]) -> tuple[int, int]:
    """Height and width of the first mask, once all are known to be no larger than the limits."""
    masks = [annotation["segmentation"] for seen in frames for annotation in seen]
    if any(isinstance(mask, list) for mask in masks):
        raise ValueError("it holds polygons, expected run lengths")
    sizes = [tuple(mask["size"]) for mask in masks]
    if not sizes:
        raise ValueError("it holds no mask")
    if not all(type(side) is int and 0 < side <= MAX_SIDE_PX for size in sizes for side in size):
        raise ValueError(f"a mask of another size than 1 to {MAX_SIDE_PX} pixels a side")
    count = len(frames) + len(frames[0])  # as many as are decoded
    if count > MAX_MASKS or count * max(height * width for height, width in sizes) > MAX_MASKS_PX:
        raise ValueError(f"it stands for more than {MAX_MASKS} masks or {MAX_MASKS_PX} pixels")
    return sizes[0]


def _decoded(mask: dict) -> np.ndarray:  # (h, w) bool
    return run_lengths_to_mask(mask["counts"], mask["size"])


def run_lengths_to_mask(counts: list[int] | str, size) -> np.ndarray:  # (h, w) bool
    """COCO run lengths, as numbers or packed into a string: columns one after another, beginning with what is off.

    Raises:
        ValueError: for a string that is none, lengths that do not cover the mask, or a size beyond the limit: a few
            characters can stand for any number of pixels.
    """
    if isinstance(counts, str):
        counts = _unpacked(counts)
    height, width = size
    if not 0 < min(height, width) <= max(height, width) <= MAX_SIDE_PX:
        raise ValueError(f"its size is {shown([height, width])}, another one than 1 to {MAX_SIDE_PX} pixels a side")
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
        if shift > MAX_RUN_BITS:
            raise ValueError(f"one of its run lengths has more than {MAX_RUN_BITS} bits")
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    if shift:
        raise ValueError("its run lengths end within a number")
    return counts
