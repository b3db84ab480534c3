"""What a clip that is looked at in training gives the pipeline."""

import numpy as np

from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.inputs import checked_masks
from training.validation import ValidationClip


def test_an_instance_that_is_not_in_the_first_frame_ends_no_training():
    ids = np.zeros((32, 48), np.uint8)
    ids[4:12, 4:12], ids[20:28, 30:40] = 1, 3
    clip = ValidationClip(np.zeros((32, 48, 3), np.uint8), (ids == 1).astype(np.uint8), "the [TGT] mug", ids)
    marked = checked_masks([mask[0, 0] for mask in clip.marked], [(32, 48)], Conditioning("id_map"))
    assert [int(mask.sum()) for mask in marked[0]] == [64, 80]
