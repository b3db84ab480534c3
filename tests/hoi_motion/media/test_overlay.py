"""The drawing shows where things are and leaves the input alone."""

import numpy as np

from hoi_motion.body import PosedBody, load_body
from hoi_motion.body.joints import LEFT_RGB, RIGHT_RGB
from hoi_motion.media.overlay import TOUCHED, draw_overlay


def test_skeleton_object_and_contact_are_drawn(motion):
    frames = np.full((9, 64, 96, 3), 128, np.uint8)
    mask = np.zeros((64, 96), bool)
    mask[30:40, 40:60] = True
    drawn = draw_overlay(frames, motion, mask, PosedBody(load_body(), motion).keypoints_m)
    assert drawn.shape == frames.shape and drawn.dtype == np.uint8 and (frames == 128).all()
    assert _near(drawn[0], LEFT_RGB) and _near(drawn[0], RIGHT_RGB)
    assert not _near(drawn[0], TOUCHED) and _near(drawn[7], TOUCHED)


def _near(image, colour):
    return (np.abs(image.astype(int) - colour).sum(-1) < 40).any()
