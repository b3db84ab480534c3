"""The texts were made with lz-string and pycocotools, from the masks drawn here."""

import numpy as np
import pytest

from hoi_motion.lift.track.coco_masks import run_lengths_to_mask
from training.data.encoded_masks import decode_mask, decompress

SMALL = "AwRgxsBMACx3BmAckA"
LARGE = "FoSwDAJpYweg8ggfAIzAIWWz9Ua-rtgTnqcUYWSTZeVRdXQQCwzseccBqAPEA"


def small_mask():
    mask = np.zeros((6, 8), bool)
    mask[2:5, 3:7] = mask[0, 0] = mask[5, 7] = True
    return mask


def large_mask():
    mask = np.zeros((40, 60), bool)
    mask[10:30, 20:50] = True
    mask[12:14, 22:40] = False
    return mask


@pytest.mark.parametrize("text, mask", [(SMALL, small_mask()), (LARGE, large_mask())])
def test_masks_written_by_the_datasets_own_tools(text, mask):
    height, width = mask.shape
    assert np.array_equal(decode_mask({"height": height, "width": width, "encodedMask": text}), mask)


def test_text_and_run_lengths_by_themselves():
    assert decompress(SMALL) == "01c02@000003N"
    assert np.array_equal(run_lengths_to_mask("01c02@000003N", (6, 8)), small_mask())


@pytest.mark.parametrize(
    "annotation, reason",
    [
        ({"height": 6, "width": 8, "encodedMask": SMALL[:6]}, "ends too early"),
        ({"height": 6, "width": 8, "encodedMask": "%%"}, "foreign character"),
        ({"height": 6, "width": 9, "encodedMask": SMALL}, "run lengths of 48 pixels for a mask of 6x9"),
        ({"height": 6, "encodedMask": SMALL}, "no width"),
        ({"height": float("inf"), "width": 8, "encodedMask": SMALL}, "no width"),
    ],
)
def test_damaged_mask_says_what_is_wrong(annotation, reason):
    with pytest.raises(ValueError, match=reason):
        decode_mask(annotation)


def test_a_text_that_unpacks_to_very_much_is_refused(monkeypatch):
    monkeypatch.setattr("training.data.encoded_masks.MOST_CHARACTERS", 5)
    with pytest.raises(ValueError, match="more than 5 characters"):
        decompress(SMALL)
