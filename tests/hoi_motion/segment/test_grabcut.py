"""The object under a click, in a box, under strokes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoi_motion.errors import ControlError, ErrorCode, InputError
from hoi_motion.progress import CancelToken
from hoi_motion.segment import MaskPrompt, segment
from hoi_motion.segment.candidates import overlap
from tests.hoi_motion.segment.pictures import SIZE_PX, picture, region

RED = (200, 40, 40)
BLUE = (40, 50, 190)
GREEN = (40, 150, 60)
MUG = (80, 50, 99, 75)
MIDDLE = (90, 62)


@settings(max_examples=8)
@given(x=st.integers(20, 140), y=st.integers(15, 80), width=st.integers(8, 24), height=st.integers(8, 24))
def test_a_click_on_a_thing_of_its_own_colour_gives_that_thing(x, y, width, height):
    box = (x, y, x + width - 1, y + height - 1)
    found = segment(picture((box, RED)), MaskPrompt(click_px=(x + width // 2, y + height // 2)))
    assert overlap(found.mask, region(box)) > 0.9


def test_a_click_on_one_of_two_like_things_gives_that_one():
    rgb = picture((MUG, RED), ((120, 50, 139, 75), RED))
    found = segment(rgb, MaskPrompt(click_px=MIDDLE))
    assert overlap(found.mask, region(MUG)) > 0.9


def test_the_same_picture_and_click_give_the_same_mask_whatever_ran_before():
    rgb = picture((MUG, RED), ((100, 40, 120, 80), BLUE))
    first = segment(rgb, MaskPrompt(click_px=MIDDLE))
    cv2.setRNGSeed(99)
    segment(rgb, MaskPrompt(click_px=(110, 60)))
    second = segment(rgb, MaskPrompt(click_px=MIDDLE))
    assert (first.mask == second.mask).all() and first.words == second.words


@pytest.mark.parametrize("prompt", [MaskPrompt(click_px=MIDDLE), MaskPrompt(box_px=(30, 30, 80, 90))])
def test_a_cancel_is_heard(prompt):
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(ControlError, match="CANCELLED"):
        segment(picture((MUG, RED)), prompt, cancel=cancel)


def test_a_large_photograph_gets_its_mask_in_its_own_pixels():
    rgb = np.kron(picture((MUG, RED)), np.ones((12, 12, 1), np.uint8))
    found = segment(rgb, MaskPrompt(click_px=(90 * 12, 62 * 12)))
    assert found.mask.shape == rgb.shape[:2]
    assert overlap(found.mask, np.kron(region(MUG), np.ones((12, 12), bool))) > 0.95


def test_a_thing_in_a_box_is_found_where_colours_are_alike():
    pale = (150, 152, 140)
    found = segment(picture((MUG, pale)), MaskPrompt(box_px=MUG))
    assert overlap(found.mask, region(MUG)) > 0.85 and not found.doubts


def test_nothing_of_the_mask_lies_outside_the_box():
    rgb = picture(((60, 40, 139, 79), RED))
    box = (70, 45, 100, 70)
    found = segment(rgb, MaskPrompt(box_px=box))
    far = cv2.dilate(region(box).astype(np.uint8), np.ones((9, 9))) == 0
    assert not (found.mask & far).any()


def test_strokes_on_both_halves_of_a_thing_of_two_colours_give_both():
    left, right = (70, 50, 89, 75), (90, 50, 109, 75)
    rgb = picture((left, RED), (right, BLUE))
    strokes = region((74, 62, 105, 63))
    found = segment(rgb, MaskPrompt(scribble=strokes))
    assert overlap(found.mask, region(left) | region(right)) > 0.9


def test_a_thing_at_the_edge_of_the_picture_is_found():
    box = (0, 50, 18, 75)
    found = segment(picture((box, GREEN)), MaskPrompt(click_px=(8, 62)))
    assert overlap(found.mask, region(box)) > 0.9


def test_a_click_on_empty_ground_is_refused_or_doubted():
    try:
        found = segment(picture((MUG, RED)), MaskPrompt(click_px=(30, 30)))
    except InputError as error:
        assert error.code == ErrorCode.MASK_EMPTY and "30,30" in error.message
    else:
        assert found.doubts


def test_a_picture_of_one_colour_is_refused_or_doubted_not_broken():
    rgb = np.full((*SIZE_PX, 3), 90, np.uint8)
    for prompt in (MaskPrompt(click_px=(50, 50)), MaskPrompt(box_px=(40, 40, 60, 60))):
        try:
            found = segment(rgb, prompt)
        except InputError as error:
            assert error.code == ErrorCode.MASK_EMPTY
        else:
            assert found.doubts or prompt.box_px


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 16)])
def test_the_smallest_and_the_thinnest_pictures_do_not_break(size):
    rgb = np.full((*size, 3), 100, np.uint8)
    rgb[6:10, 6:10] = RED
    found = segment(rgb, MaskPrompt(click_px=(8, 8)))
    assert found.mask[8, 8]
