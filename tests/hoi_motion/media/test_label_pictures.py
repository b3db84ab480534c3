"""Numbers where pictures number objects, one object where they are soft masks or cut-outs of one."""

import cv2
import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.media.label_pictures import numbered_objects

SIZE_PX = (60, 80)
RANDOM = np.random.default_rng(0)
PHOTO = RANDOM.integers(1, 255, (*SIZE_PX, 3), np.uint8)


def _disc(x: int, y: int = 30, radius: int = 12) -> np.ndarray:
    return cv2.circle(np.zeros(SIZE_PX, np.uint8), (x, y), radius, 1, -1) > 0


MASKS = [_disc(20 + 8 * t) for t in range(3)]


def _grey(mask) -> np.ndarray:
    return np.where(mask, np.uint8(255), np.uint8(0))


def _smooth(mask, factor: int = 3) -> np.ndarray:
    """With edges as wide as a pixel, as drawing programs and scaling make them."""
    large = cv2.resize(_grey(mask), None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    return cv2.resize(large, SIZE_PX[::-1], interpolation=cv2.INTER_AREA)


def _compressed(mask) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", _grey(mask))[1], cv2.IMREAD_GRAYSCALE)


ONE_OBJECT = {
    "white with alpha": lambda mask: np.dstack([np.full((*SIZE_PX, 3), 255, np.uint8), _grey(mask)]),
    "white with smooth alpha": lambda mask: np.dstack([np.full((*SIZE_PX, 3), 255, np.uint8), _smooth(mask)]),
    "photo with alpha": lambda mask: np.dstack([PHOTO, _grey(mask)]),
    "many near white": lambda mask: np.where(mask, RANDOM.integers(245, 256, SIZE_PX), 0).astype(np.uint8),
    "smooth edges": _smooth,
    "compressed": _compressed,
    "16 bits": lambda mask: 257 * _grey(mask).astype(np.uint16),
}


def _numbered(pictures) -> list[np.ndarray]:
    return list(numbered_objects(pictures, [f"mask {t}" for t in range(len(pictures))]))


@pytest.mark.parametrize("kind", ONE_OBJECT)
def test_masks_and_cut_outs_of_one_object_are_its_pixels(kind):
    numbers = _numbered([ONE_OBJECT[kind](mask) for mask in MASKS])
    for number, mask in zip(numbers, MASKS, strict=True):
        assert number.max() == 1
        assert (mask & (number > 0)).sum() > 0.98 * (mask | (number > 0)).sum()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda mask: PHOTO * mask[..., None], "mask 0 has several colours"),
        (lambda mask: cv2.GaussianBlur(_grey(mask), None, 4), "mask 0 holds .* values .* threshold a soft mask"),
    ],
)
def test_what_a_single_mask_would_be_refused_for_is_refused(make, words):
    with pytest.raises(InputError, match=f"MASK_INVALID.*{words}"):
        _numbered([make(mask) for mask in MASKS])


def _ragged(seed: int) -> np.ndarray:  # (h, w) 0..3
    """Three touching objects with borders as a network draws them, and a fourth of two pixels."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=SIZE_PX), None, 2.5)
    labels = np.digitize(noise, np.quantile(noise, [0.5, 0.7, 0.85]))
    labels[:5] = 0
    labels[2, 40:42] = 4
    return labels


COLOURS = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]], np.uint8)
SEVERAL = {
    "greys": lambda labels: labels.astype(np.uint8),
    "far greys": lambda labels: np.array([0, 1, 7, 200, 255], np.uint8)[labels],
    "colours": lambda labels: COLOURS[labels],
    "colours with alpha": lambda labels: np.dstack([COLOURS[labels], np.where(labels, 140, 0).astype(np.uint8)]),
    "numbers": lambda labels: 1000 * labels,
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_of_numbered_objects_each_is_its_pixels_in_every_picture(kind):
    pictures = [_ragged(seed) for seed in range(3)]
    numbers = _numbered([SEVERAL[kind](labels) for labels in pictures])
    pairs = {(a, b) for p, n in zip(pictures, numbers, strict=True) for a, b in np.stack([p, n], -1).reshape(-1, 2)}
    assert len(pairs) == 5 and (0, 0) in pairs  # one to one


def test_where_a_cut_out_is_transparent_everywhere_the_object_is_not_seen():
    pictures = [np.dstack([PHOTO, _grey(mask)]) for mask in (MASKS[0], np.zeros(SIZE_PX, bool))]
    first, second = _numbered(pictures)
    assert np.array_equal(first > 0, MASKS[0]) and not second.any()


def test_a_shape_that_is_no_picture_is_refused():
    with pytest.raises(InputError, match=r"mask 0 has shape \(1, 60, 80\)"):
        _numbered([np.zeros((1, *SIZE_PX), np.uint8)])


def test_how_probable_the_object_is_marks_it_whether_or_not_it_is_seen():
    """A network is never quite sure, and is as sure in no two frames; in the last one it sees nothing."""
    seen = [np.where(mask, 0.9 - 0.1 * t, 0.02).astype(np.float32) for t, mask in enumerate(MASKS)]
    pictures = [*seen, np.full(SIZE_PX, 0.02, np.float32)]
    found = list(numbered_objects(pictures, [f"mask {t}" for t in range(4)]))
    assert all(np.array_equal(number == 1, mask) for number, mask in zip(found, MASKS))
    assert not found[-1].any()


def test_fractions_beyond_one_are_no_numbers_of_objects():
    pictures = [np.where(mask, 250.5 - t, 0).astype(np.float32) for t, mask in enumerate(MASKS)]
    found = list(numbered_objects(pictures, [f"mask {t}" for t in range(3)]))
    assert all(np.array_equal(number > 0, mask) and number.max() == 1 for number, mask in zip(found, MASKS))


def test_probabilities_with_a_channel_axis_of_one_are_read_as_without():
    """As many networks give them."""
    pictures = [np.where(mask, 0.9, 0.02).astype(np.float32)[..., None] for mask in MASKS]
    found = list(numbered_objects(pictures, [f"mask {t}" for t in range(3)]))
    assert all(np.array_equal(number == 1, mask) for number, mask in zip(found, MASKS))


def test_colours_of_fractions_are_refused_and_not_read_as_black():
    pictures = [np.dstack([0.6 * mask] * 3).astype(np.float32) for mask in MASKS]
    with pytest.raises(InputError, match="MASK_INVALID.*mask 0 has colours of fractions"):
        list(numbered_objects(pictures, [f"mask {t}" for t in range(3)]))
