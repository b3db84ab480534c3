import numpy as np
import pytest
import torch

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.decoded import check_finite, check_pictures

RGB = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_names_the_dtype(value):
    decoded = torch.zeros(1, 3, 2, 4, 4)
    decoded[0, 0, 1, 0, 0] = value
    with pytest.raises(VideoError, match="decoded in float16 is NaN or infinity") as caught:
        check_finite(decoded, torch.float16)
    assert caught.value.code == ErrorCode.GENERATION_FAILED


@pytest.mark.parametrize("level, words", [(0.0, "black, from frame 2"), (1.0, "of one colour"), (np.nan, "NaN")])
def test_frames_that_show_nothing_name_the_dtype(level, words):
    frames = np.repeat(RGB[None] / 255, 4, axis=0)
    frames[2:] = level
    with pytest.raises(VideoError, match=f"decoded in float16 .*{words}"):
        check_pictures(frames, RGB, "float16")


def test_a_dark_image_may_have_a_dark_video():
    check_pictures(np.zeros((4, 8, 8, 3)), RGB // 40, "float32")


def test_faint_pictures_are_pictures():
    check_pictures(np.repeat(RGB[None] / 255, 4, axis=0) * 0.05, RGB, "float32")
