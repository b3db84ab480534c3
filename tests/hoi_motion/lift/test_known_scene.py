"""What is known beside the video: checked, and the same by every way of saying it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.errors import InputError
from hoi_motion.lift.camera import world_camera
from hoi_motion.lift.known_scene import KnownScene

K = np.array([[330.0, 0, 179.5], [0, 330.0, 119.5], [0, 0, 1]])


@given(st.floats(-1.2, 1.2), st.floats(0.3, 3.0), st.floats(-1, 0.2))
def test_pose_and_gravity_say_the_same(pitch_rad, height_m, support_m):
    T = world_camera(K, "assumed", (240, 360), pitch_rad, [0, 0, -height_m]).T_world_camera
    by_pose = KnownScene(T_world_camera=T, support_height_m=support_m, floor_height_m=support_m)
    gravity = T[:3, :3].T @ [0, 0, -9.81]
    by_gravity = KnownScene(gravity_camera=gravity, camera_above_support_m=height_m - support_m)
    np.testing.assert_allclose(by_pose.up_camera, by_gravity.up_camera, atol=1e-9)
    assert by_pose.camera_over_support_m == pytest.approx(by_gravity.camera_over_support_m)
    assert by_pose.camera_over_floor_m == by_pose.camera_over_support_m


def test_nothing_known_is_nothing_known():
    nothing = KnownScene()
    assert nothing.up_camera is None and nothing.camera_over_support_m is None and nothing.camera_over_floor_m is None


# 1.2 m over the floor, 15 degrees down, along the world's y
C, S = np.cos(np.deg2rad(15)), np.sin(np.deg2rad(15))
LINK_LOOKS_DOWN = np.array([[C, 0, S, 0], [0, 1, 0, 0], [-S, 0, C, 1.2], [0, 0, 0, 1.0]])
LOOKS_AHEAD = np.array([[1, 0, 0, 0.3], [0, -S, C, -1.5], [0, -C, -S, 1.2], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    "given, word",
    [
        (dict(gravity_camera=[0, 0, 0]), "direction"),
        (dict(gravity_camera=[0, np.nan, 1]), "nan"),
        (dict(T_world_camera=2 * np.eye(4)), "rigid"),
        (dict(T_world_camera=np.eye(4), gravity_camera=[0, 1, 0]), "both"),
        (dict(support_height_m=0.7), "pose"),
        (dict(T_world_camera=np.eye(4), support_height_m=0.7), "-0.70 m over the support"),
        (dict(camera_above_floor_m=float("inf")), "inf"),
        (dict(camera_above_support_m=450.0), "millimetres"),
        (dict(gravity_camera=[0, -9.7, -1.2]), "leans by 180 degrees.*accelerometer"),
        (dict(gravity_camera=[9.8, 0, 0]), "leans by 90 degrees.*turn the picture"),
        (dict(T_world_camera=np.linalg.inv(LOOKS_AHEAD)), "not its inverse"),
        (dict(T_world_camera=np.eye(4)), "looks up by 90 degrees.*optical frame"),
        (dict(T_world_camera=LINK_LOOKS_DOWN), "optical frame"),
        (dict(camera_above_support_m=1.2, camera_above_floor_m=0.45), "0.75 m below the floor"),
        (dict(T_world_camera=np.eye(4), floor_height_m=-1, camera_above_floor_m=1.0), "its height and by"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value(given, word):
    with pytest.raises(InputError, match=word):
        KnownScene(**given)


@pytest.mark.parametrize(
    "gravity", [[0, 0.1, 9.8], [0, -0.5, 9.8], [0, 0.8, -0.6], [4.9, 8.5, 0], [0, 1, 0], [0.4, 0, 0.9], [0, -0.4, 0.9]]
)
def test_cameras_that_look_steeply_down_or_up_or_lean_a_little_are_taken(gravity):
    assert KnownScene(gravity_camera=gravity).up_camera is not None
    assert KnownScene(T_world_camera=LOOKS_AHEAD).pitch_rad == pytest.approx(np.deg2rad(-15))
