"""The level frame and the world's camera."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.camera import OF_PHOTO
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.lift.camera import R_level_camera, clip_intrinsics, world_camera


@given(st.floats(-1.4, 1.4))
def test_the_level_rotation_is_a_rotation(pitch):
    R = R_level_camera(torch.tensor(pitch, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) > 0.99


def test_a_camera_that_looks_down_sees_the_floor_ahead_of_it():
    camera = world_camera(
        np.array([[300, 0, 160], [0, 300, 120], [0, 0, 1.0]]), "assumed", (240, 320), -0.3, [0, 0, -1.5]
    )
    assert camera.T_world_camera[2, 3] == pytest.approx(1.5)
    ahead = camera.project(np.array([0, 1.5 / np.tan(0.3), 0]))
    np.testing.assert_allclose(ahead, [160, 120], atol=1e-9)
    # nearer on the floor is lower in the picture
    assert camera.project(np.array([0, 3.0, 0]))[1] > 120


def test_an_unknown_focal_length_is_the_diagonal_and_says_so():
    K, source = clip_intrinsics((480, 720))
    assert source == "assumed" and K[0, 0] == pytest.approx(np.hypot(480, 720))
    assert clip_intrinsics((480, 720), K)[1] == "camera_info"
    assert clip_intrinsics((480, 720), K, OF_PHOTO)[1] == "EXIF"


def test_a_negative_focal_length_is_refused():
    with pytest.raises(InputError) as caught:
        clip_intrinsics((480, 720), np.diag([-1.0, 300, 1]))
    assert caught.value.code == ErrorCode.CAMERA_INVALID
