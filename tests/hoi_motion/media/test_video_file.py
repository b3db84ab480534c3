"""Clips from files: sizes, times, damage, bounds."""

import os
import resource
import subprocess
import sys

import cv2
import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media import video_file
from hoi_motion.media.video_file import read_video, write_video

FPS = 10.0


def _convert(source, path, *options):
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", source, *options, path]
    subprocess.run([str(part) for part in command], check=True)
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Thirty frames; the brightness says which one it is."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    frames = np.broadcast_to(np.arange(30, dtype=np.uint8)[:, None, None, None] * 8, (30, 96, 64, 3)).copy()
    frames[:, :40, :30] = np.random.default_rng(0).integers(0, 255, (30, 40, 30, 3))
    write_video(path, frames, FPS)
    return path


def _counted(frames) -> np.ndarray:
    return np.round(frames[:, 80, 50].mean(-1) / 8)


def test_frames_that_come_one_after_the_other_make_the_same_file_and_none_are_refused(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (5, 15, 20, 3), np.uint8)
    write_video(tmp_path / "array.mp4", frames, FPS)
    write_video(tmp_path / "one.mp4", (frame for frame in frames), FPS)
    assert (tmp_path / "array.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()
    with pytest.raises(InputError, match="no frame") as caught:
        write_video(tmp_path / "none.mp4", iter([]), FPS)
    assert caught.value.code is ErrorCode.OUTPUT_INVALID and not (tmp_path / "none.mp4").exists()


@pytest.fixture
def small_files(request):
    """No file may grow beyond so many bytes, as where a disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (request.param, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("small_files", [1000, 30_000], indirect=True)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_a_film_that_does_not_fit_leaves_nothing_and_says_so_in_one_line(small_files, tmp_path, capfd, name):
    frames = np.random.default_rng(0).integers(0, 255, (20, 64, 64, 3), np.uint8)
    (tmp_path / name).write_bytes(b"of an earlier run")
    with pytest.raises(InputError, match="cannot write .*clip") as caught:
        write_video(tmp_path / name, frames, FPS)
    assert caught.value.code is ErrorCode.OUTPUT_INVALID and "\n" not in str(caught.value)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"of an earlier run"]
    assert capfd.readouterr() == ("", "")


def test_the_encoder_s_own_reason_is_told(tmp_path, monkeypatch):
    refuses = tmp_path / "ffmpeg"
    words = "[out#0/mp4 @ 0x1] Error closing file: No space left on device"
    refuses.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 228\n")
    refuses.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(refuses))
    with pytest.raises(InputError, match="clip.mp4: No space left on device - free space there"):
        write_video(tmp_path / "clip.mp4", np.zeros((50, 256, 256, 3), np.uint8), FPS)


def test_frames_that_cannot_be_drawn_leave_no_film(tmp_path):
    def frames():
        yield np.zeros((64, 64, 3), np.uint8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(tmp_path / "clip.mp4", frames(), FPS)
    assert not list(tmp_path.iterdir())


def test_a_portrait_clip_keeps_its_pixels(video):
    clip = read_video(video, 30)
    assert clip.frames.shape == (30, 96, 64, 3) and clip.size_px == (96, 64)
    assert not clip.resampled and (clip.scale == 1).all()


def test_a_variable_frame_rate_becomes_even_times(video, tmp_path):
    select = "select='not(between(n,8,22)*mod(n,3))'"
    clip = read_video(_convert(video, tmp_path / "vfr.mp4", "-vf", select, "-fps_mode", "vfr"), 60)
    assert clip.resampled and clip.fps == pytest.approx(FPS)
    np.testing.assert_allclose(_counted(clip.frames), np.arange(30), atol=1.5)


def test_a_gap_of_hours_is_refused_not_filled(video, tmp_path):
    late = _convert(video, tmp_path / "late.mkv", "-vf", "setpts=PTS+gte(N\\,20)*36000/TB", "-fps_mode", "vfr")
    with pytest.raises(InputError, match="at most 60 are lifted"):
        read_video(late, 60)


@pytest.mark.parametrize("kept, message", [(0.5, "ends after"), (0.001, "no readable frame")])
def test_a_cut_off_file_is_named(video, tmp_path, kept, message):
    whole = _convert(video, tmp_path / "whole.mp4", "-c", "copy", "-movflags", "+faststart").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(InputError, match=message) as caught:
        read_video(path, 60)
    assert caught.value.code == ErrorCode.FILE_INVALID


@pytest.mark.parametrize(
    "name, message", [("none.mp4", "there is no video"), ("folder", "is a folder"), ("pipe", "is a pipe or device")]
)
def test_what_is_no_file_says_what_it_is(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message) as error:
        read_video(tmp_path / name, 10)
    assert error.value.code is ErrorCode.FILE_INVALID and error.value.hint


def test_the_decoder_adds_no_lines_of_its_own(tmp_path):
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    code = f"""
from hoi_motion.errors import InputError
from hoi_motion.media.video_file import read_video
try:
    read_video({str(path)!r}, 60)
except InputError as error:
    print(error.code.name)
"""
    # in a process of its own: the decoder reads how loud it may be when it is first used
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("FILE_INVALID\n", "")


def test_two_thousand_frames_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (32, 24))
    for _ in range(2000):
        writer.write(np.zeros((24, 32, 3), np.uint8))
    writer.release()
    monkeypatch.setattr(video_file.np, "empty", None)  # nothing is kept
    with pytest.raises(InputError, match="has more than 512 frames, at most 512 are lifted"):
        read_video(path, 512)


def test_a_4k_clip_is_read_small_and_speaks_of_its_own_pixels(tmp_path):
    frames = np.zeros((3, 2160, 3840, 3), np.uint8)
    frames[:, 1000:1100, 2000:2200] = 255
    write_video(tmp_path / "large.mp4", frames, FPS)
    clip = read_video(tmp_path / "large.mp4", 512)
    assert clip.size_px == (2160, 3840)
    assert clip.frames[0].size <= 3 * video_file.MAX_FRAME_PX
    # a mask of the video lies on the same thing in the frames
    mask = clip.fitted(frames[0, ..., 0] > 0)
    assert clip.frames[0][mask].mean() > 200 and clip.frames[0][~mask].mean() < 5
    K = np.array([[3000.0, 0, 1919.5], [0, 3000.0, 1079.5], [0, 0, 1]])
    np.testing.assert_allclose(clip.fitted_intrinsics(clip.fitted_intrinsics(K), inverse=True), K)
    np.testing.assert_allclose(clip.fitted_intrinsics(K)[:2, 2], (np.array(clip.frames.shape[2:0:-1]) - 1) / 2)


def test_a_mask_of_one_pixel_survives_the_scaling():
    clip = video_file.VideoClip(np.zeros((2, 54, 96, 3), np.uint8), FPS, (2160, 3840))
    mask = np.zeros((2160, 3840), bool)
    mask[700, 900] = True
    assert clip.fitted(mask).sum() == 1


@pytest.mark.parametrize(
    "rate", [8, 10, 12.5, 15, 24, 24000 / 1001, 25, 30000 / 1001, 30, 50, 60000 / 1001, 60, 7.98, 9.3]
)
@pytest.mark.parametrize("tick", [0.001, 1 / 16384, 1 / 90000])
def test_the_rate_survives_the_rounding_of_the_times(rate, tick):
    times = np.round(np.arange(49) / rate / tick) * tick
    fps, chosen = video_file._even_frames(times, 1 / rate, tick, "a.mkv", 60)
    assert chosen is None and fps == pytest.approx(rate, rel=4e-4)
    if tick < 0.001 and rate not in (7.98, 9.3, 12.5):
        assert fps == pytest.approx(rate, rel=1e-9)


def test_even_frames_of_a_variable_rate_are_those_nearest_in_time():
    times = np.delete(np.arange(40) / 10, [10, 11, 12, 20])
    fps, chosen = video_file._even_frames(times, 0.1, 0.001, "a.mkv", 60)
    slow = [min(range(len(times)), key=lambda i: (round(abs(times[i] - k / 10), 9), i)) for k in range(40)]
    assert fps == pytest.approx(10)
    np.testing.assert_allclose(np.abs(times[chosen] - np.arange(40) / 10), np.abs(times[slow] - np.arange(40) / 10))


def test_players_need_not_guess_the_colours_by_the_size(tmp_path):
    import imageio_ffmpeg

    write_video(tmp_path / "tall.mp4", np.zeros((2, 720, 64, 3), np.uint8), FPS)
    program = imageio_ffmpeg.get_ffmpeg_exe()
    told = subprocess.run([program, "-hide_banner", "-i", tmp_path / "tall.mp4"], capture_output=True, text=True).stderr
    assert "smpte170m/bt709/bt709" in told


def test_an_odd_side_is_extended_and_no_pixel_moves(tmp_path):
    frames = np.zeros((3, 33, 47, 3), np.uint8)
    frames[:, 10:20, 12:30] = 255
    write_video(tmp_path / "odd.mp4", frames, FPS)
    read = read_video(tmp_path / "odd.mp4", 10).frames
    assert read.shape == (3, 34, 48, 3)
    assert np.abs(read[:, :33, :47].astype(int) - frames).mean() < 3


def test_the_frames_of_a_variable_rate_say_which_of_the_files_they_are(video, tmp_path):
    select = "select='not(between(n,8,22)*mod(n,3))'"
    clip = read_video(_convert(video, tmp_path / "vfr.mp4", "-vf", select, "-fps_mode", "vfr"), 60)
    assert clip.source_count == 20 and len(clip.source_frames) == 30
    left = [n for n in range(30) if not (8 <= n <= 22 and n % 3)]
    np.testing.assert_allclose(_counted(clip.frames), np.array(left)[clip.source_frames], atol=1)


@pytest.mark.parametrize("middle, number", [(False, 0), (True, 15)])
def test_one_frame_is_read_in_full_size(video, middle, number):
    frame = video_file.read_frame(video, middle)
    assert frame.shape == (96, 64, 3) and _counted(frame[None]) == pytest.approx(number, abs=1)


def test_jitter_alone_does_not_change_the_rate():
    times = np.cumsum(np.tile([0.14, 0.14, 0.02], 13))
    fps, chosen = video_file._even_frames(times, 0.1, 0.001, "a.mkv", 60)
    assert fps == pytest.approx(10, rel=0.02) and abs(len(chosen) - 39) <= 1


def test_a_generous_limit_takes_no_memory(video):
    assert len(read_video(video, 10**10).frames) == 30


def test_more_frames_than_the_file_announces_are_all_read(video, monkeypatch):
    whole = read_video(video, 100).frames
    monkeypatch.setattr(video_file.VideoStream, "packet_times_s", lambda *_: [0.0] * 7)
    assert np.array_equal(read_video(video, 100).frames, whole)
    with pytest.raises(InputError, match="29"):
        read_video(video, 29)
