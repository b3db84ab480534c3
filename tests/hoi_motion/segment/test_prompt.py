"""What a mark must be, and what is said of one that is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.segment.prompt import MaskPrompt, numbers_of

SIZE_PX = (60, 90)


def strokes(*places: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(SIZE_PX, bool)
    for x, y in places:
        mask[y, x] = True
    return mask


@pytest.mark.parametrize(
    "prompt, code, word",
    [
        (MaskPrompt(), ErrorCode.MASK_EMPTY, "nothing is marked"),
        (MaskPrompt((90, 10)), ErrorCode.MASK_INVALID, "90,10"),
        (MaskPrompt((-1, 10)), ErrorCode.MASK_INVALID, "-1,10"),
        (MaskPrompt((float("nan"), 10)), ErrorCode.MASK_INVALID, "nan"),
        (MaskPrompt(("a", 10)), ErrorCode.MASK_INVALID, "'a'"),
        (MaskPrompt((10**400, 10)), ErrorCode.MASK_INVALID, "integer of"),
        (MaskPrompt(box_px="1,2,3,4"), ErrorCode.MASK_INVALID, "'1,2,3,4'"),
        (MaskPrompt((10, 10, 3)), ErrorCode.MASK_INVALID, "expected 2 numbers"),
        (MaskPrompt(box_px=(10, 10, 11, 30)), ErrorCode.MASK_INVALID, "10,10,11,30"),
        (MaskPrompt(box_px=(30, 30, 10, 10)), ErrorCode.MASK_INVALID, "30,30,10,10"),
        (MaskPrompt(box_px=(100, 5, 120, 30)), ErrorCode.MASK_INVALID, "100,5"),
        (MaskPrompt(box_px=(0, 0, 89, 59)), ErrorCode.MASK_INVALID, "whole image"),
        (MaskPrompt((50, 50), (10, 10, 30, 30)), ErrorCode.MASK_INVALID, "outside the box"),
        (MaskPrompt(scribble=np.zeros(SIZE_PX, bool)), ErrorCode.MASK_EMPTY, "scribble"),
        (MaskPrompt(scribble=[[0, 1], [1]]), ErrorCode.MASK_INVALID, "no array"),
        (MaskPrompt(scribble=np.zeros((0, 90), bool)), ErrorCode.MASK_INVALID, "(0, 90)"),
        (MaskPrompt(scribble=np.ones((5, 5), bool)), ErrorCode.SIZE_MISMATCH, "5x5"),
        (MaskPrompt(box_px=(10, 10, 30, 30), scribble=strokes((50, 50))), ErrorCode.MASK_INVALID, "no stroke"),
    ],
)
def test_a_mark_that_says_nothing_is_refused_by_name(prompt, code, word):
    with pytest.raises(InputError) as error:
        prompt.checked(SIZE_PX)
    assert error.value.code == code and word in error.value.message and error.value.hint


def test_a_box_over_the_edge_is_cut_at_the_edge():
    assert MaskPrompt(box_px=(-5, 20, 30, 70)).checked(SIZE_PX).box_px == (0, 20, 30, 59)


@given(x=st.integers(0, 89), y=st.integers(0, 59), scale=st.integers(1, 4))
def test_a_click_scaled_there_and_back_is_the_same_pixel(x, y, scale):
    there = MaskPrompt((x, y)).scaled(np.array([scale, scale]))
    assert there.scaled(np.array([1 / scale, 1 / scale])).checked(SIZE_PX).click_px == (x, y)


@pytest.mark.parametrize("text", ["", "5", "5,", "5,a", "5,6,7", "inf,3"])
def test_a_text_that_holds_other_than_two_numbers_is_refused(text):
    with pytest.raises(InputError, match="X,Y"):
        numbers_of(text, "X,Y")


@pytest.mark.parametrize("prompt", [MaskPrompt(click_px=(1e300, 5)), MaskPrompt(box_px=(1e300, 0, 2e300, 5))])
def test_a_place_far_away_is_told_in_few_characters(prompt):
    with pytest.raises(InputError, match=r"1e\+300.*image of 30x20") as error:
        prompt.checked((20, 30))
    assert len(str(error.value)) < 200
