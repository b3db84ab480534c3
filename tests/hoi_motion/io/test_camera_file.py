"""Calibrations as each tool writes them: the same camera, in pictures of 640x480."""

import json

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.camera_file import read_camera_file

K = np.array([[600.0, 0, 320.5], [0, 610.25, 240], [0, 0, 1]])
SIZE_PX = (480, 640)
DISTORTION = [0.1, -0.05, 0.0, 0.0, 0.0]
FLAT = K.ravel().tolist()

CAMERA_INFO = f"""image_width: 640
image_height: 480
camera_name: head
camera_matrix:
  rows: 3
  cols: 3
  data: {FLAT}
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: {DISTORTION}
projection_matrix:
  rows: 3
  cols: 4
  data: [580, 0, 321, 0, 0, 590, 241, 0, 0, 0, 1, 0]
"""
TOPIC = f"""header:
  stamp:
    sec: 5
    nanosec: 0
  frame_id: camera
height: 480
width: 640
distortion_model: plumb_bob
d:
{"".join(f"- {number}{chr(10)}" for number in DISTORTION)}k:
{"".join(f"- {number}{chr(10)}" for number in FLAT)}roi:
  x_offset: 0
  height: 0
  width: 0
---
"""
KALIBR = f"""cam0:
  camera_model: pinhole
  distortion_coeffs: {DISTORTION[:4]}
  intrinsics: [600.0, 610.25, 320.5, 240.0]
  resolution: [640, 480]
"""
REALSENSE = {"width": 640, "height": 480, "ppx": 320.5, "ppy": 240.0, "fx": 600.0, "fy": 610.25, "coeffs": DISTORTION}
NERFSTUDIO = {"w": 640, "h": 480, "fl_x": 600.0, "fl_y": 610.25, "cx": 320.5, "cy": 240.0, "k1": 0.1, "frames": []}


def _opencv(path):
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in (("image_width", 640), ("image_height", 480), ("camera_matrix", K)):
        storage.write(name, value)
    storage.write("distortion_coefficients", np.array([DISTORTION]))
    storage.release()


def _written(text):
    return lambda path: path.write_text(text if isinstance(text, str) else json.dumps(text))


FILES = {
    "ros.yaml": _written(CAMERA_INFO),
    "topic.yaml": _written(TOPIC),
    "twice.yml": _written("%YAML 1.1\n---\n# of the left camera\n---\n" + TOPIC + TOPIC),
    "windows.yaml": _written("\ufeff" + TOPIC.replace("\n", "\r\n")),
    "opencv.yml": _opencv,
    "opencv.xml": _opencv,
    "opencv.json": _opencv,
    "mtx.npz": lambda path: np.savez(path, mtx=K, dist=DISTORTION, rvecs=np.zeros((2, 3)), width=640, height=480),
    "kalibr.yaml": _written(KALIBR),
    "realsense.json": _written(REALSENSE),
    "inner.json": _written({"serial": "7", "color": {"intrinsics": REALSENSE}}),
    "nerfstudio.json": _written(NERFSTUDIO),
    "open3d.json": _written({"width": 640, "height": 480, "intrinsic_matrix": K.T.ravel().tolist(), "k1": 0.1}),
}


@pytest.mark.parametrize("name", FILES)
def test_every_tool_s_file_is_the_same_camera(tmp_path, name):
    FILES[name](tmp_path / name)
    camera = read_camera_file(tmp_path / name)
    np.testing.assert_allclose(camera.K, K)
    assert camera.size_px == SIZE_PX and camera.is_distorted


def test_a_camera_of_half_the_size_is_scaled_and_distortion_is_said(tmp_path):
    FILES["ros.yaml"](tmp_path / "ros.yaml")
    said = []
    half = read_camera_file(tmp_path / "ros.yaml").of_picture((240, 320), said.append)
    # the middle of pixel 320.5 of 640 is that of pixel 160 of 320
    np.testing.assert_allclose(half, [[300, 0, 160], [0, 305.125, 119.75], [0, 0, 1]])
    assert "distortion" in said[0] and "640x480" in said[1] and "scaled" in said[1]


def test_of_a_camera_that_reads_out_a_part_of_its_sensor_it_is_that_part(tmp_path):
    part = "  x_offset: 100\n  y_offset: 60\n  height: 240\n  width: 320\n"
    (tmp_path / "part.yaml").write_text(TOPIC.replace("  x_offset: 0\n  height: 0\n  width: 0\n", part))
    said = []
    inside = read_camera_file(tmp_path / "part.yaml").of_picture((240, 320), said.append)
    np.testing.assert_allclose(inside, [[600, 0, 220.5], [0, 610.25, 180], [0, 0, 1]])
    assert len(said) == 1 and "distortion" in said[0]


def test_a_rectified_camera_without_a_size_is_taken_as_it_is_without_a_word(tmp_path):
    np.savez(tmp_path / "k.npz", K)
    said = []
    np.testing.assert_array_equal(read_camera_file(tmp_path / "k.npz").of_picture((7, 9), said.append), K)
    assert not said


def test_a_camera_of_another_shape_is_refused(tmp_path):
    FILES["ros.yaml"](tmp_path / "ros.yaml")
    with pytest.raises(InputError, match="640x480 pixels, this one has 480x640") as caught:
        read_camera_file(tmp_path / "ros.yaml").of_picture((640, 480), print)
    assert caught.value.code is ErrorCode.SIZE_MISMATCH


def test_where_only_the_rectified_matrix_is_set_it_counts(tmp_path):
    (tmp_path / "p.yaml").write_text(CAMERA_INFO.replace(str(FLAT), str([0.0] * 9)))
    np.testing.assert_allclose(read_camera_file(tmp_path / "p.yaml").K, [[580, 0, 321], [0, 590, 241], [0, 0, 1]])


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("none.yaml", "image_width: 640\n", "has no camera matrix"),
        ("empty.yaml", "", "has no camera matrix"),
        ("list.json", "[1, 2]", "has no camera matrix"),
        ("words.yaml", "camera_matrix: [a, b, c, d]\n", "could not convert"),
        ("zero.yaml", f"k: {[0.0] * 9}\n", "focal lengths 0, 0"),
        ("nan.yaml", "k: [.nan, 0, 1, 0, 1, 1, 0, 0, 1]\n", "intrinsics"),
        ("differ.json", json.dumps({"fx": 1, "fy": 1, "cx": 1, "cy": 1, "K": FLAT}), "given twice and differ"),
        ("rig.yaml", KALIBR + KALIBR.replace("cam0", "cam1").replace("600", "650"), "several cameras: 'cam0', 'cam1'"),
        ("cut.xml", "<opencv_storage><camera_matrix>", "readable camera file"),
        ("huge.json", json.dumps({"fx": 10**400, "fy": 1, "cx": 1, "cy": 1}), "readable camera file"),
        ("wide.yaml", f"k: {FLAT}\nwidth: .inf\nheight: 480\n", "readable camera file"),
        ("deep.yaml", "a: " * 3 + "{" * 40 + "}" * 40, "readable camera file"),
        ("gone.yaml", None, "no file"),
        ("bomb.xml", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
        ("large.yaml", "#" * (2**20 + 1), "bytes"),
        ("array.npz", "no archive", "readable camera file"),
    ],
)
def test_a_file_of_no_camera_is_refused_in_one_line(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        read_camera_file(tmp_path / name)
    assert caught.value.code is ErrorCode.CAMERA_INVALID
