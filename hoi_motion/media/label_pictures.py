"""Objects in a sequence of pictures that number them by grey values or colours, or that are masks of one object."""

import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media.mask_pictures import marked_pixels

log = logging.getLogger(__name__)

MOST_OBJECTS = 4096
LIKELY = 0.5
# a value with more pixels than this share beside other values and in no area of its own is that of an edge or of noise
SCATTERED = 0.5
MOST_SCATTERED = 0.005  # of all marked pixels; where there are more, values are no numbers
_HINT = "give one channel of numbers, a picture of one colour an object, or masks of one object"


def numbered_objects(  # (h, w) uint16 each
    pictures: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[np.ndarray]:
    """Numbers from 1, an object having the same in every picture, 0 where none is.

    In pictures that number objects, values and colours come in areas, and are whole. Where many pixels do not (smooth
    edges, noise, a photograph cut out), or values are fractions, each picture is read as the mask of one object, as
    `marked_pixels` does; floats from 0 to 1 say how probable it is that a pixel shows it. What is transparent is no
    object.

    Args:
        pictures: (h, w) or (h, w, 1 to 4) numbers each: grey, grey and alpha, RGB, RGB and alpha. Each is looked
            at twice, so that those of a long clip need not be in memory together.
        names: of the pictures, for errors.

    Raises:
        InputError: FILE_INVALID for another shape, MASK_INVALID for masks that could mean two things.
    """
    if all(_is_probability(picture) for picture in pictures):
        yield from ((_plain(picture) > LIKELY).astype(np.uint16) for picture in pictures)
        return
    known = _known_areas(_values(picture, name) for picture, name in zip(pictures, names, strict=True))
    for picture, name in zip(pictures, names, strict=True):
        if known is None:
            yield _mask(picture, name).astype(np.uint16)
            continue
        value = _values(picture, name)
        number, marked = np.zeros(value.shape, np.uint16), value != 0
        number[marked] = np.searchsorted(known, value[marked]) + 1
        yield number


def _is_probability(picture: np.ndarray) -> bool:
    """Whether a network's answer may be meant: how probable it is that a pixel shows the object."""
    is_plain = picture.dtype.kind == "f" and _plain(picture).ndim == 2
    return is_plain and bool((0 <= picture).all() and (picture <= 1).all())


def _plain(picture: np.ndarray) -> np.ndarray:
    """A picture of one channel as (h, w), others as they are."""
    return picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture


def _values(picture: np.ndarray, name: str) -> np.ndarray:  # (h, w)
    """One number for each colour, 0 for black and for what is transparent.

    Raises: InputError: FILE_INVALID for another shape, MASK_INVALID for fractions in several channels.
    """
    picture = _plain(picture)
    if picture.ndim == 2:
        return picture
    if picture.ndim != 3 or not 1 <= picture.shape[2] <= 4:
        raise InputError(ErrorCode.FILE_INVALID, f"{name} has shape {picture.shape}", _HINT)
    if picture.dtype.kind == "f" and (picture != np.round(picture)).any():
        raise InputError(ErrorCode.MASK_INVALID, f"{name} has colours of fractions", "give one channel, or 8 bits each")
    kind, bits = (np.uint32, 8) if picture.dtype == np.uint8 else (np.int64, 16)
    alpha = picture[..., -1] if picture.shape[2] in (2, 4) else None
    if alpha is not None and alpha.min() == alpha.max():
        picture, alpha = picture[..., :-1] * (alpha.max() > 0), None
    value = np.zeros(picture.shape[:2], kind)
    for channel in range(picture.shape[2]):
        value |= picture[..., channel].astype(kind) << kind(bits * channel)
    return value if alpha is None else np.where(alpha > 0, value, kind(0))


def _known_areas(values: Iterable[np.ndarray]) -> np.ndarray | None:  # (N,)
    """The values other than 0 that occur, ascending; None where they are no numbers of objects."""
    found, counts, scattered = [], [], []
    for value in values:
        if value.dtype.kind == "f" and (value != np.round(value)).any():
            return None
        marked = value != 0
        known, number = np.unique(value[marked], return_inverse=True)
        if len(known) > MOST_OBJECTS:
            return None
        found.append(known)
        counts.append(np.bincount(number, minlength=len(known)))
        scattered.append(np.bincount(number, _is_scattered(value)[marked], minlength=len(known)))
    known, number = np.unique(np.concatenate(found), return_inverse=True)
    count = np.bincount(number, np.concatenate(counts), len(known))
    stray = np.bincount(number, np.concatenate(scattered), len(known)) > SCATTERED * count
    return None if count[stray].sum() > MOST_SCATTERED * count.sum() else known


def _is_scattered(value: np.ndarray) -> np.ndarray:  # (h, w) bool
    """Pixels beside one of another value that is not 0, and in no square of 2x2 of their own."""
    beside, alone = np.zeros(value.shape, bool), np.ones(value.shape, bool)
    for first, second in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        other = (value[first] != value[second]) & (value[first] != 0) & (value[second] != 0)
        beside[first] |= other
        beside[second] |= other
    corner = value[:-1, :-1]
    square = (corner == value[1:, :-1]) & (corner == value[:-1, 1:]) & (corner == value[1:, 1:])
    for part in (np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[:-1, 1:], np.s_[1:, 1:]):
        alone[part] &= ~square
    return beside & alone


def _mask(picture: np.ndarray, name: str) -> np.ndarray:  # (h, w) bool
    if picture.ndim == 3 and picture.shape[2] in (2, 4) and not picture[..., -1].any():
        return np.zeros(picture.shape[:2], bool)  # the object is not seen
    marked, how = marked_pixels(picture, name)
    log.info("%s: %s", name, how)
    return marked
