"""The measure of masks from clicks."""

import numpy as np
import pytest
from PIL import Image

from benchmarks.click_masks import Outcome, measured, middle_px, real_cases, real_values, scene_values


def test_the_click_lies_on_the_mask_also_where_its_centre_does_not():
    ring = np.zeros((21, 21), bool)
    ring[2:19, 2:19] = True
    ring[5:16, 5:16] = False
    x, y = middle_px(ring)
    assert ring[y, x]
    block = np.zeros((10, 20), bool)
    block[2:5, 10:15] = True
    assert middle_px(block) == (12, 3)


def test_a_picture_in_which_nothing_is_found_counts_as_missed_and_says_so():
    mask = np.zeros((60, 90), bool)
    mask[20:30, 40:50] = True
    outcome = measured("grey", np.full((60, 90, 3), 100, np.uint8), mask, "grabcut")
    assert outcome.overlaps["click"] < 0.75 and outcome.doubts["click"]


def test_shares_count_what_is_good_what_is_doubted_and_what_is_wrong_and_trusted():
    outcomes = [
        Outcome("a", {"click": 1.0, "box": 1.0}, {"click": (), "box": ()}),
        Outcome("b", {"click": 0.2, "box": 0.9}, {"click": ("two_answers",), "box": ()}),
        Outcome("c", {"click": 0.2, "box": 0.9}, {"click": (), "box": ()}),
        Outcome("d", {"click": 0.8, "box": 0.9}, {"click": (), "box": ()}),
    ]
    values = scene_values(outcomes)
    assert values["click_good"].value == 0.5 and values["click_doubted"].value == 0.25
    assert values["click_wrong_undoubted"].value == 0.25 and values["box_median"].value == pytest.approx(0.9)
    real = real_values(outcomes)
    assert real["photographs_click_doubted"].value == 1 and real["photographs_box_good"].value == 4
    assert real_values([]) == {}


def test_photographs_are_folders_with_image_and_mask(tmp_path):
    for name in ("b", "a", "without_mask"):
        (tmp_path / name).mkdir()
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(tmp_path / name / "first.png")
    mask = np.zeros((20, 30), np.uint8)
    mask[5:9, 5:9] = 255
    for name in ("a", "b"):
        Image.fromarray(mask).save(tmp_path / name / "mask.png")
    cases = real_cases(tmp_path)
    assert [name for name, *_ in cases] == ["a", "b"] and cases[0][2].sum() == 16
