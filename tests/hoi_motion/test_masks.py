import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.masks import checked_depth, checked_mask
from hoi_motion.media.mask_pictures import OTHER_SHARE, far_apart, marked_pixels

SIZE = (120, 160)


@pytest.fixture
def mark() -> np.ndarray:
    """A disc and a thin handle."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    marked = (rows - 60) ** 2 + (columns - 70) ** 2 < 400
    marked[58:62, 90:110] = True
    return marked


def grey(mark) -> np.ndarray:
    return mark.astype(np.uint8) * 255


def through_jpeg(picture: np.ndarray, quality=75) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def coloured(mark, colour) -> np.ndarray:
    return mark[..., None] * np.array(colour, np.uint8)


def with_alpha(colours, alpha) -> np.ndarray:
    return np.dstack([colours, alpha])


def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)


EXACT = {
    "bool": lambda mark: mark,
    "numbers": lambda mark: mark * 7,
    "float": lambda mark: mark * 0.5,
    "one channel": lambda mark: grey(mark)[..., None],
    "nearly black": lambda mark: np.where(mark, 250, 10).astype(np.uint8),
    "three channels": lambda mark: coloured(mark, (255, 255, 255)),
    "a colour": lambda mark: coloured(mark, (200, 30, 10)),
    "a dark colour": lambda mark: coloured(mark, (128, 0, 0)),
    "opaque": lambda mark: with_alpha(coloured(mark, (255, 255, 255)), np.full(SIZE, 255, np.uint8)),
    "grey and alpha": lambda mark: np.dstack([grey(mark), np.full(SIZE, 255, np.uint8)]),
    "a white shape cut out": lambda mark: with_alpha(np.full((*SIZE, 3), 255, np.uint8), grey(mark)),
    "a black shape cut out": lambda mark: with_alpha(np.zeros((*SIZE, 3), np.uint8), grey(mark)),
    "a photo cut out": lambda mark: with_alpha(photo(), grey(mark)),
    "white and alpha agree": lambda mark: with_alpha(coloured(mark, (255, 255, 255)), grey(mark)),
}


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_a_mark_is_read_exactly(mark, make):
    assert np.array_equal(checked_mask(make(mark), SIZE), mark)


@pytest.mark.parametrize("quality", [95, 75, 50])
@pytest.mark.parametrize("colour", [None, (255, 255, 255), (255, 40, 0)])
def test_lossy_pictures_are_read_within_their_edge(mark, quality, colour):
    picture = through_jpeg(grey(mark) if colour is None else coloured(mark, colour), quality)
    found, how = marked_pixels(picture)
    edge = np.asarray(Image.fromarray(mark).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
    inner = np.asarray(Image.fromarray(mark).convert("L").filter(ImageFilter.MinFilter(5))) > 0
    assert (found | edge == edge).all() and (found & inner == inner).all() and "cut at half" in how


def test_smooth_edges_are_cut_at_half(mark):
    large = Image.fromarray(grey(mark)).resize((SIZE[1] * 2, SIZE[0] * 2))
    smooth = np.asarray(large.resize((SIZE[1], SIZE[0]), Image.Resampling.BILINEAR))
    found, how = marked_pixels(smooth)
    assert (found != mark).mean() < 0.005 and how


def test_what_was_done_is_said(mark):
    assert marked_pixels(mark)[1] == ""
    assert "the colour (200, 30, 10) on black" in marked_pixels(coloured(mark, (200, 30, 10)))[1]
    assert "opaque pixels" in marked_pixels(with_alpha(photo(), grey(mark)))[1]


def two_things(mark, first=1, second=2) -> np.ndarray:
    picture = mark.astype(np.uint8) * first
    picture[5:25, 120:150] = second
    return picture


AMBIGUOUS = {
    "numbers of labels": (two_things, "3 values"),
    "a label and an ignored border": (lambda mark: two_things(mark, 1, 255), "3 values"),
    "two bright labels": (lambda mark: two_things(mark, 254, 255), "3 values"),
    "a soft heat map": (
        lambda mark: np.asarray(Image.fromarray(grey(mark)).filter(ImageFilter.GaussianBlur(9))),
        "in areas",
    ),
    "a photo": (lambda mark: photo(), "several colours"),
    "two colours on black": (
        lambda mark: np.maximum(coloured(mark, (255, 0, 0)), coloured(np.roll(mark, 45, 1), (0, 255, 0))),
        "several colours",
    ),
    "red on white": (lambda mark: np.where(mark[..., None], [255, 0, 0], 255).astype(np.uint8), "several colours"),
    "alpha against colours": (
        lambda mark: with_alpha(coloured(mark, (255, 255, 255)), grey(mark | np.roll(mark, 30, 0))),
        "other pixels by its colours",
    ),
    "all transparent": (lambda mark: with_alpha(coloured(mark, (255, 0, 0)), np.zeros(SIZE, np.uint8)), "transparent"),
    "inverted": (lambda mark: ~mark, "is it inverted"),
    "nearly everything": (lambda mark: np.arange(SIZE[0] * SIZE[1]).reshape(SIZE) > 1000, "is it inverted"),
    "negative": (lambda mark: -mark.astype(int), "negative"),
    "five channels": (lambda mark: np.zeros((*SIZE, 5), np.uint8), "5 channels"),
}


@pytest.mark.parametrize("make, words", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_what_could_mean_two_things_is_refused_by_name(mark, make, words):
    with pytest.raises(InputError, match=f"MASK_INVALID.*{words}"):
        checked_mask(make(mark), SIZE)


def test_an_empty_mask_is_empty_in_every_form():
    for picture in (np.zeros(SIZE), np.zeros((*SIZE, 3), np.uint8)):
        with pytest.raises(InputError, match="MASK_EMPTY"):
            checked_mask(picture, SIZE)


@pytest.mark.parametrize("value", [1e38, 2000.0])
def test_a_depth_that_no_camera_measures_is_named(value):
    depth_m = np.ones(SIZE)
    depth_m[3, 4] = value
    with pytest.raises(InputError, match=r"depth image\[3, 4\] is .* m, expected at most 1000") as error:
        checked_depth(depth_m, SIZE)
    assert error.value.code is ErrorCode.IMAGE_INVALID


def test_millimetres_are_not_taken_for_metres():
    depth = np.zeros(SIZE)  # most of it unknown
    depth[:2] = 800
    with pytest.raises(InputError, match="farther than 800 m: are these millimetres"):
        checked_depth(depth, SIZE)


def test_lists_of_different_lengths_are_no_depth_image():
    with pytest.raises(InputError, match="IMAGE_INVALID.*depth image is no array"):
        checked_depth([[1.0], [1.0, 2.0]], (2, 2))


def test_infinite_and_negative_depth_is_unknown_depth():
    depth_m = np.array([[1.0, np.inf, np.nan, -1.0]])
    assert np.array_equal(checked_depth(depth_m, (1, 4)), [[1, 0, 0, 0]])


def test_a_mask_around_an_object_at_the_edge_is_taken_for_an_inverted_one():
    mask = np.ones((20, 30), bool)
    mask[5:15, 20:] = False
    with pytest.raises(InputError, match="inverted"):
        checked_mask(mask, mask.shape)


@pytest.mark.parametrize("gap_px, is_told", [(8, False), (34, False), (37, True), (60, True)])
def test_two_areas_farther_apart_than_the_larger_is_long_are_told(gap_px, is_told):
    marked = np.zeros(SIZE, bool)
    marked[40:60, 20:50] = True
    marked[40:50, 50 + gap_px : 60 + gap_px] = True  # less far, it may be one thing behind an arm
    assert bool(far_apart(marked)) is is_told
    marked[40:50, 50:] = False
    marked[40:44, 120:124] = True  # a speck
    assert far_apart(marked) == ""


def plainly_far_apart(marked):
    """One area after the other, each pixel with each of the largest."""
    count, labels = cv2.connectedComponents(marked.astype(np.uint8))
    areas = [np.argwhere(labels == label) for label in range(1, count)]
    largest = max(areas, key=len) if areas else None
    for area in areas:
        if area is largest or len(area) < OTHER_SHARE * len(largest):
            continue
        gap_px = np.float32(np.linalg.norm(area[:, None] - largest[None], axis=2).min())
        if gap_px > np.hypot(*(np.ptp(largest, axis=0) + 1)):
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 70), st.integers(1, 8), st.integers(1, 8)), max_size=12))
def test_many_areas_are_judged_as_one_after_the_other_would_be(boxes):
    marked = np.zeros((60, 80), bool)
    for top, left, height, width in boxes:
        marked[top : top + height, left : left + width] = True
    assert bool(far_apart(marked)) is plainly_far_apart(marked)
