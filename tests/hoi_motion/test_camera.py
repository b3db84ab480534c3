"""Intrinsics and the size of the picture that they are said to be of."""

import numpy as np
import pytest

from hoi_motion.camera import intrinsics_notes, intrinsics_of_picture
from hoi_motion.errors import ErrorCode, InputError


def matrix(f: float, cx: float, cy: float) -> np.ndarray:  # (3, 3)
    return np.array([[f, 0, cx], [0, f, cy], [0, 0, 1.0]])


@pytest.mark.parametrize("f", [1.2, 63, 64_100])
def test_a_focal_length_that_no_picture_of_this_size_has_is_refused(f):
    with pytest.raises(InputError, match="640x480") as error:
        intrinsics_of_picture(matrix(f, 320, 240), (480, 640))
    assert error.value.code is ErrorCode.CAMERA_INVALID


@pytest.mark.parametrize(
    ("K", "doubtful"),
    [
        (None, False),
        (matrix(600, 319.5, 239.5), False),
        (matrix(600, 350, 210), False),
        (matrix(1400, 960, 540), True),  # of 1920x1080, beyond the edge
        (matrix(900, 640, 360), True),  # of 1280x720
        (matrix(610, 424, 240), True),  # of 848x480
        (matrix(300, 160, 120), True),  # of 320x240
        (matrix(75, 320, 240), True),  # millimetres
    ],
)
def test_intrinsics_of_another_size_are_doubted(K, doubtful):
    notes = intrinsics_notes(K, (480, 640))
    assert bool(notes) == doubtful and all("doubtful: intrinsics" in note for note in notes)
