"""hoi-lift: exit codes and messages."""

import numpy as np
import pytest

from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints.file import write_keypoints
from hoi_motion.lift.person.given_human import on_frames_of
from hoi_motion.media.video_file import read_video, write_video
from hoi_motion.motion import HoiMotion
from hoi_motion.scripts.lift import main
from tests.hoi_motion.conftest import SIZE_PX


@pytest.fixture
def files(tmp_path):
    """A video of an empty room and a mask in it."""
    return _write_room(tmp_path)


@pytest.fixture(scope="module")
def lifted(acted, tmp_path_factory):
    """The files, keypoints of a person, and what was lifted with them: motion.npz and saved.npz, the keypoints used."""
    folder = _write_room(tmp_path_factory.mktemp("lifted"))
    write_keypoints(acted(4).track, SIZE_PX, folder / "k.npz")
    marks = ["--video", str(folder / "room.mp4"), "--mask", str(folder / "mask.png")]
    files = ["--keypoints", str(folder / "k.npz"), "--save-keypoints", str(folder / "saved.npz")]
    assert main([*marks, *files, "--out", str(folder / "motion.npz")]) == 0
    return folder


def _write_room(folder):
    from PIL import Image

    frames = np.full((4, 64, 96, 3), 150, np.uint8)
    frames[:, 30:40, 40:50] = (200, 30, 30)
    write_video(folder / "room.mp4", frames, 8.0)
    mask = np.zeros((64, 96), np.uint8)
    mask[30:40, 40:50] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    return folder


def _run(files, capsys, **changes):
    options = {"video": files / "room.mp4", "mask": files / "mask.png", "out": files / "motion.npz"} | changes
    code = main([part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", str(value))])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    "changes, name",
    [
        ({"video": "/nowhere.mp4"}, "FILE_INVALID"),
        ({"video": __file__}, "FILE_INVALID"),
        ({"mask": "/nowhere.png"}, "MASK_INVALID"),
        ({"mask": __file__}, "MASK_INVALID"),
        ({"camera_fx": "-5"}, "CAMERA_INVALID"),
        ({"intrinsics": __file__}, "CAMERA_INVALID"),
        ({"intrinsics": "90,90,48,wide"}, "expected four numbers"),
        ({"intrinsics": "90,90,48"}, "expected four numbers"),
        ({"camera_pose": __file__}, "CAMERA_INVALID"),
        ({"support_height": "0.7"}, "CAMERA_INVALID"),
        ({"depth": "/nowhere.png"}, "IMAGE_INVALID"),
        ({"out": "/nowhere/motion.npz"}, "OUTPUT_INVALID"),
        ({"human": "/nowhere.npz"}, "FILE_INVALID"),
        ({"human": __file__}, "FILE_INVALID"),
        ({"keypoints": "openpose"}, "CONFIG_INVALID"),
        ({"keypoints": "/nowhere.npz"}, "FILE_INVALID"),
        ({"save_keypoints": "/nowhere/keypoints.npz"}, "OUTPUT_INVALID"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(files, capsys, changes, name):
    code, message = _run(files, capsys, **changes)
    assert code == 2
    assert name in message and message.count("\n") == 1 and "Traceback" not in message
    assert not (files / "motion.npz").exists()


@pytest.mark.parametrize("option", ["mask", "actor_mask", "depth"])
def test_a_picture_of_another_size_than_the_video_ends_with_2(files, capsys, option):
    from PIL import Image

    other = np.zeros((32, 48), np.uint16 if option == "depth" else np.uint8)
    other[10:20, 10:20] = 255
    Image.fromarray(other).save(files / "other.png")
    code, message = _run(files, capsys, **{option: files / "other.png"})
    assert code == 2 and "SIZE_MISMATCH" in message and message.count("\n") == 1
    assert not (files / "motion.npz").exists()


def test_a_click_in_the_first_frame_takes_the_place_of_the_mask_and_the_motion_says_so(lifted, tmp_path):
    command = ["--video", str(lifted / "room.mp4"), "--keypoints", str(lifted / "k.npz"), "--click", "44,35"]
    assert main([*command, "--out", str(tmp_path / "clicked.npz")]) == 0
    clicked, masked = HoiMotion.load(tmp_path / "clicked.npz"), HoiMotion.load(lifted / "motion.npz")
    assert any("click 44,35 by grabcut" in note for note in clicked.notes)
    assert np.abs(clicked.target.T_world_object - masked.target.T_world_object).max() < 0.05


def test_intrinsics_are_four_numbers_or_a_file_of_the_matrix(lifted, tmp_path):
    (tmp_path / "K.txt").write_text("120 0 47.5 0 121 31.5 0 0 1")
    marks = [f"--{name}={lifted / file}" for name, file in (("video", "room.mp4"), ("mask", "mask.png"))]
    for given, out in (("120,121,47.5,31.5", "numbers.npz"), (str(tmp_path / "K.txt"), "file.npz")):
        more = ["--keypoints", str(lifted / "k.npz"), "--intrinsics", given, "--out", str(tmp_path / out)]
        assert main([*marks, *more]) == 0
        np.testing.assert_allclose(HoiMotion.load(tmp_path / out).camera.K, [[120, 0, 47.5], [0, 121, 31.5], [0, 0, 1]])


@pytest.mark.parametrize("marks", [[], ["--mask", "mask.png", "--box", "40,30,49,39"], ["--click", "100,20"]])
def test_no_target_two_of_them_and_a_click_beside_the_picture_end_with_2(files, capsys, marks):
    command = ["--video", str(files / "room.mp4"), "--out", str(files / "motion.npz"), *marks]
    assert main(command) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and ("--click" in message or "given" in message or "100,20" in message)


def test_a_human_of_other_frames_ends_with_2(files, capsys):
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    HoiMotion(np.zeros((3, 55, 3)), np.zeros((3, 3)), np.zeros(10), 8.0, "anny-free", camera).save(files / "human.npz")
    code, message = _run(files, capsys, human=files / "human.npz")
    assert code == 2 and "SIZE_MISMATCH (103): the human has 3 frames, the video 4" in message
    assert not (files / "motion.npz").exists()


def test_a_video_with_no_person_ends_with_2(files, capsys):
    code, message = _run(files, capsys)
    assert code == 2 and "NO_ACTOR" in message and message.strip().count("\n") == 0


@pytest.mark.parametrize("option", ["body", "body_model"])  # the first is what the other commands call it
def test_a_missing_body_ends_with_4(files, capsys, option):
    code, message = _run(files, capsys, **{option: "/nowhere/SMPLX_NEUTRAL.npz"})
    assert code == 4 and "BODY_MODEL_MISSING" in message


def test_missing_vitpose_weights_end_with_4(files, capsys):
    code, message = _run(files, capsys, keypoints=f"vitpose:{files}")
    assert code == 4 and "MODEL_MISSING (200): no ViTPose in" in message and message.count("\n") == 1


def test_saved_keypoints_give_the_same_motion_again(lifted, capsys, tmp_path):
    code, _ = _run(lifted, capsys, keypoints=lifted / "saved.npz", out=tmp_path / "again.npz")
    assert code == 0
    first, again = HoiMotion.load(lifted / "motion.npz"), HoiMotion.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(first.pose_rad, again.pose_rad)
    np.testing.assert_array_equal(first.target.T_world_object, again.target.T_world_object)


def test_the_motion_is_kept_when_its_overlay_cannot_be_written(files, capsys, acted, monkeypatch):
    from hoi_motion.media import overlay

    def broken(*_):
        raise InputError(ErrorCode.OUTPUT_INVALID, "cannot draw")

    monkeypatch.setattr(overlay, "draw_overlay", broken)
    write_keypoints(acted(4).track, SIZE_PX, files / "k.npz")
    code, message = _run(files, capsys, keypoints=files / "k.npz", overlay=files / "overlay.mp4")
    assert code == 2 and "cannot draw" in message
    assert HoiMotion.load(files / "motion.npz").num_frames == 4


def test_a_video_of_other_pixels_has_a_camera_of_its_own_pixels(files, capsys, acted):
    import subprocess

    import imageio_ffmpeg

    squeezed = ["-i", str(files / "room.mp4"), "-vf", "scale=72:64,setsar=4/3", str(files / "squeezed.mp4")]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *squeezed], check=True)
    write_keypoints(acted(4).track, SIZE_PX, files / "k.npz")
    for fx in ({}, {"camera_fx": 75}):
        code, message = _run(files, capsys, video=files / "squeezed.mp4", keypoints=files / "k.npz", **fx)
        assert code == 0, message
        motion = HoiMotion.load(files / "motion.npz")
        assert (motion.camera.width, motion.camera.height) == (72, 64)
        assert motion.camera.K[0, 0] / motion.camera.K[1, 1] == pytest.approx(0.75)
        assert any("1.33333 times as wide as high" in note for note in motion.notes)


def test_a_human_of_every_frame_of_a_variable_rate_is_taken_at_the_same_frames():
    camera = Camera(np.diag([500.0, 500, 1]), np.eye(4), 64, 48)
    pose, transl = np.zeros((5, 55, 3)), np.arange(15.0).reshape(5, 3)
    turning = np.tile(np.eye(4), (5, 1, 1))
    turning[4, :3, 3] = 1
    human = HoiMotion(pose, transl, np.zeros(10), 24.75, "anny-free", camera, T_first_camera=turning)
    taken = on_frames_of(human, np.array([0, 1, 1, 2, 4]), 5, 8.0)
    np.testing.assert_array_equal(taken.transl_m, transl[[0, 1, 1, 2, 4]])
    np.testing.assert_array_equal(taken.T_first_camera, turning[[0, 1, 1, 2, 4]])
    assert taken.fps == 8.0
    # one that was resampled by whoever made it has another number of frames, and stays
    assert on_frames_of(human, np.array([0, 1, 1, 2, 2, 3]), 4, 8.0) is human


def test_a_written_video_reads_back(files):
    clip = read_video(files / "room.mp4", 10)
    assert clip.frames.shape == (4, 64, 96, 3) and clip.fps == 8.0
    assert np.abs(clip.frames[2, 10, 10].astype(int) - 150).max() < 12
