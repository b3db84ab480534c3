"""The clip at working resolution: everything in it is where it is in the video."""

import numpy as np

from hoi_motion.lift.track.own.small_clip import WORK_OBJECT_PX, SmallClip
from hoi_motion.lift.track.own.still_clip import StillClip
from hoi_motion.lift.track.similarity import IDENTITY

H = 128
W = 192
T = 3


def small(mask: np.ndarray, hands_px: np.ndarray) -> SmallClip:
    """That of an object and hands at (T, 2, 2), before a camera that stands still."""
    nobody, stands = np.zeros((T, H, W), bool), np.tile(IDENTITY, (T, 1, 1))
    frames = np.full((T, H, W, 3), 120, np.uint8)
    return SmallClip.of(StillClip(frames, mask, nobody, nobody, nobody[:2], hands_px, stands, stands))


def test_a_hand_in_the_middle_of_the_object_is_there_in_small_pictures_too():
    side, (x, y), mask = int(4 * WORK_OBJECT_PX), (40, 24), np.zeros((H, W), bool)
    mask[y : y + side, x : x + side] = True
    middle_px = np.array([x + (side - 1) / 2, y + (side - 1) / 2])
    clip = small(mask, np.tile(middle_px, (T, 2, 1)))
    np.testing.assert_allclose(clip.scale, 1 / 4)
    np.testing.assert_allclose(clip.hands, np.tile(clip.box[0], (T, 2, 1)))


def test_an_object_thinner_than_working_pixels_is_all_that_it_touches():
    mask = np.zeros((H, W), bool)
    mask[16:112:8, 16:176] = True  # the slats of a blind
    assert small(mask, np.full((T, 2, 2), np.nan)).mask.any()
