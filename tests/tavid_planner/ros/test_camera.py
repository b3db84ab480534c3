"""Intrinsics as image_geometry has them, and distortion that is said or removed."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from hoi_motion.lift.person.measured_room import MeasuredRoom
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.ros.camera import Rectification, distortion_note, has_distortion, intrinsics_from_camera_info

K = [100.0, 0.0, 40.0, 0.0, 110.0, 30.0, 0.0, 0.0, 1.0]
P = [90.0, 0.0, 42.0, -7.0, 0.0, 95.0, 31.0, 0.0, 0.0, 0.0, 1.0, 0.0]
SIZE_PX = (60, 80)
LENSES = {
    "plumb_bob": [-0.3, 0.1, 0.001, -0.002, 0.0],
    "rational_polynomial": [0.5, 0.1, 0.001, 0.0, 0.02, 0.8, 0.2, 0.05],
    "equidistant": [0.1, -0.02, 0.01, 0.0],
}


def info_of(**fields) -> CameraInfo:
    return CameraInfo(**({"width": 80, "height": 60, "k": K} | fields))


def test_k_is_taken_where_p_is_not_set():
    np.testing.assert_array_equal(intrinsics_from_camera_info(info_of(), SIZE_PX).ravel(), K)


@pytest.mark.parametrize("k", [K, [0.0] * 9])
def test_p_is_taken_where_it_is_set(k):
    np.testing.assert_array_equal(
        intrinsics_from_camera_info(info_of(k=k, p=P), SIZE_PX), [[90, 0, 42], [0, 95, 31], [0, 0, 1]]
    )


def test_the_raw_image_of_a_lens_with_distortion_has_k():
    """Where there is next to no distortion, at its middle, a point is where K says, and P of all pixels is another."""
    import cv2

    lens = np.array(LENSES["plumb_bob"])
    matrix = np.reshape(K, (3, 3))
    wide, _ = cv2.getOptimalNewCameraMatrix(matrix, lens, SIZE_PX[::-1], 1.0)
    info = info_of(
        d=lens.tolist(), distortion_model="plumb_bob", p=np.hstack([wide, np.zeros((3, 1))]).ravel().tolist()
    )
    used = intrinsics_from_camera_info(info, SIZE_PX, distorted=True)
    pixel = cv2.projectPoints(np.array([[0.02, 0.01, 1.0]]), np.zeros(3), np.zeros(3), matrix, lens)[0].ravel()
    np.testing.assert_allclose((pixel - used[:2, 2]) / used[[0, 1], [0, 1]], [0.02, 0.01], rtol=0.01)
    assert abs(wide[0, 0] / matrix[0, 0] - 1) > 0.05


def test_p_is_taken_of_a_raw_image_where_k_is_not_set():
    info = info_of(k=[0.0] * 9, p=P)
    np.testing.assert_array_equal(intrinsics_from_camera_info(info, SIZE_PX, distorted=True)[0], [90, 0, 42])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("use", [has_distortion, lambda info: Rectification(info, SIZE_PX)])
def test_coefficients_that_are_no_numbers_are_refused_and_not_only_noted(use, value):
    with pytest.raises(TavidError, match="numbers in D that are not finite") as caught:
        use(info_of(d=[0.0, 0.0, value, 0.0, 0.0], distortion_model="plumb_bob"))
    assert caught.value.code is ErrorCode.CAMERA_INVALID


def test_p_and_k_of_which_only_the_last_row_is_filled_are_not_set():
    last_row = [0.0] * 10 + [1.0, 0.0]
    np.testing.assert_array_equal(intrinsics_from_camera_info(info_of(p=last_row), SIZE_PX).ravel(), K)
    assert intrinsics_from_camera_info(info_of(k=[0.0] * 8 + [1.0], p=last_row), SIZE_PX) is None


def test_uncalibrated_camera_has_no_intrinsics():
    assert intrinsics_from_camera_info(CameraInfo(width=80, height=60), SIZE_PX) is None


@pytest.mark.parametrize("p, expected", [([0.0] * 12, (50, 15, 55, 5)), (P, (45, 16, 47.5, 5.5))])
def test_intrinsics_follow_binning_and_region(p, expected):
    info = info_of(p=p, binning_x=2, binning_y=2)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 10, 20, 40, 20
    fx, cx, fy, cy = expected
    np.testing.assert_allclose(intrinsics_from_camera_info(info, (10, 20)), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def test_camera_info_of_another_size_is_refused():
    with pytest.raises(TavidError) as error:
        intrinsics_from_camera_info(CameraInfo(width=640, height=480, k=K), SIZE_PX)
    assert error.value.code is ErrorCode.SIZE_MISMATCH


@pytest.mark.parametrize("model", LENSES)
def test_distortion_is_said_with_its_size(model):
    info = info_of(d=LENSES[model], distortion_model=model)
    assert has_distortion(info) and not has_distortion(info_of(d=[0.0] * 5))
    note = distortion_note(info, SIZE_PX)
    assert model in note and " px" in note and "rectify" in note


def test_a_model_that_nobody_knows_is_quoted_short_and_in_one_line():
    note = distortion_note(info_of(d=[0.1], distortion_model="fish\neye" * 500), SIZE_PX)
    assert "'fish\\neye" in note and "\n" not in note and len(note) < 250


def seen_at(point_m, model: str) -> np.ndarray:
    """Pixel where a camera with this lens sees a point."""
    D, camera = np.array(LENSES[model]), np.reshape(K, (3, 3))
    point = np.array(point_m, np.float64).reshape(1, 1, 3)
    project = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    return project(point, np.zeros(3), np.zeros(3), camera, D)[0].ravel()


@pytest.mark.parametrize("model", LENSES)
@pytest.mark.parametrize("point_m", [(0.2, 0.15, 1.0), (-0.25, -0.15, 1.0), (0.0, 0.1, 1.0)])
def test_rectified_mask_lies_where_a_pinhole_camera_sees_the_point(model, point_m):
    u, v = np.round(seen_at(point_m, model)).astype(int)
    mask = np.zeros(SIZE_PX, bool)
    mask[v - 2 : v + 3, u - 2 : u + 3] = True
    info = info_of(d=LENSES[model], distortion_model=model, p=P, r=np.eye(3).ravel().tolist())
    moved = Rectification(info, SIZE_PX).mask(mask)
    assert moved.dtype == bool
    centre = np.argwhere(moved).mean(0)[::-1]
    expected = np.array([90 * point_m[0] + 42, 95 * point_m[1] + 31])
    np.testing.assert_allclose(centre, expected, atol=1.0)


@pytest.mark.parametrize("model, d", [("pincushion", [0.1]), ("plumb_bob", [0.1] * 3), ("", [0.1] * 5)])
def test_unknown_lens_is_named(model, d):
    with pytest.raises(TavidError, match="known are") as error:
        Rectification(info_of(d=d, distortion_model=model), SIZE_PX)
    assert error.value.code is ErrorCode.CAMERA_INVALID


@pytest.mark.parametrize("model, coefficients", [("plumb_bob", 8), ("plumb_bob", 14), ("rational_polynomial", 5)])
def test_one_polynomial_is_read_under_either_name(model, coefficients):
    d = (LENSES["rational_polynomial"] + [0.0] * 6)[:coefficients]
    mask = np.zeros(SIZE_PX, bool)
    mask[10:20, 50:60] = True
    named = "plumb_bob" if coefficients == 5 else "rational_polynomial"
    maps = [Rectification(info_of(d=d, distortion_model=name), SIZE_PX).mask(mask) for name in (model, named)]
    np.testing.assert_array_equal(*maps)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"d": [1e5] * 5}, "leaves 0% of the picture"),
        ({"r": [1.0, 0, 0, 0, 1.0, 0, 0, 0, 0]}, "no rotation"),
        ({"r": [-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]}, "no rotation"),
        ({"k": [*K[:8], 0.0]}, "last row"),
    ],
)
def test_calibration_that_no_camera_has_gives_no_empty_picture(changes, said):
    info = info_of(**({"d": [0.1] * 5, "distortion_model": "plumb_bob"} | changes))
    with pytest.raises(TavidError, match=said) as error:
        Rectification(info, SIZE_PX)
    assert error.value.code is ErrorCode.CAMERA_INVALID


def test_a_level_floor_is_level_where_it_was_before_the_distortion_was_removed():
    K, height_m, pitch_rad = np.array([[260.0, 0, 159.5], [0, 260, 119.5], [0, 0, 1]]), 1.3, np.deg2rad(-15)
    info = CameraInfo(width=320, height=240, k=K.ravel(), d=LENSES["plumb_bob"], distortion_model="plumb_bob")
    up = np.array([0.0, -np.cos(pitch_rad), np.sin(pitch_rad)])
    pixels = np.argwhere(np.ones((240, 320)))[:, ::-1].astype(float)
    straight = cv2.undistortPoints(pixels[:, None], K, np.array(LENSES["plumb_bob"]))[:, 0]
    slope = (np.column_stack([straight, np.ones(len(straight))]) @ -up).reshape(240, 320)
    depth_m = np.where(slope > height_m / 5, height_m / slope, 0.0).astype(np.float32)
    found = MeasuredRoom(Rectification(info, (240, 320)).depth(depth_m), K)
    assert np.rad2deg(np.arccos(min(1.0, found.up(pitch_rad) @ up))) < 0.1
    assert found.floor_m(up, np.array([0.0, 0.0, 3.0]), -height_m) == pytest.approx(-height_m, abs=0.003)
