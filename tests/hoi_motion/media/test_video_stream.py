"""Videos as people have them: turned, trimmed, with longer sound, of any codec and name, huge or broken."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media import decoder, video_stream
from hoi_motion.media.video_file import read_frame, read_video, write_video
from hoi_motion.media.video_stream import open_video

SOUND = ("-f", "lavfi", "-i", "sine=d=4")
NAMES = ("12:30:01.mp4", "-y.mp4", "a b'c\"d.mp4", "%03d %s.mp4", "Küche ☕.mp4", "pipe:1.mp4")


def ffmpeg(*arguments) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *arguments]
    return subprocess.run([str(part) for part in command], check=True, capture_output=True).stdout


def shown_by_a_player(path, size_px) -> np.ndarray:  # (T, H, W, 3)
    pixels = ffmpeg("-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
    return np.frombuffer(pixels, np.uint8).reshape(-1, *size_px, 3)


def reason(path) -> str:
    with pytest.raises(InputError) as caught:
        read_video(path, 200)
    assert caught.value.code == ErrorCode.FILE_INVALID
    return caught.value.message


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Two seconds of 30 frames, 96x64, no two corners alike, a key frame every half second and B-frames between."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    pattern = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=30:d=2")
    ffmpeg(*pattern, "-c:v", "libx264", "-g", "15", "-pix_fmt", "yuv420p", "-movflags", "+faststart", path)
    return path


@pytest.mark.parametrize(
    "turn, size_px",
    [
        (("-display_rotation", "90"), (96, 64)),
        (("-display_rotation", "180"), (64, 96)),
        (("-display_rotation", "270"), (96, 64)),
        (("-display_rotation", "0", "-display_hflip"), (64, 96)),
        (("-display_rotation", "90", "-display_vflip"), (96, 64)),
    ],
)
def test_a_turned_or_mirrored_video_is_read_as_a_player_shows_it(clip, tmp_path, turn, size_px):
    path = tmp_path / "turned.mp4"
    ffmpeg(*turn, "-i", clip, "-c", "copy", path)
    read = read_video(path, 60)
    assert read.size_px == size_px and read.frames.shape == (60, *size_px, 3)
    assert np.abs(read.frames.astype(int) - shown_by_a_player(path, size_px)).mean() < 2
    if size_px == (64, 96):
        assert np.abs(read.frames[0].astype(int) - read_video(clip, 60).frames[0]).mean() > 20


@pytest.mark.parametrize("start, length", [("0.3", "0.8"), ("0.9", "1.0")])
def test_a_cut_without_encoding_again_is_whole_and_shows_what_its_edit_list_says(clip, tmp_path, start, length):
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", start, "-i", clip, "-t", length, "-c", "copy", path)
    shown = shown_by_a_player(path, (64, 96))
    assert 0 < len(shown) < 60
    read = read_video(path, 60)
    assert read.frames.shape == shown.shape and read.fps == 30
    assert np.abs(read.frames.astype(int) - shown).mean() < 2


@pytest.mark.parametrize(
    "name, codecs",
    [
        ("a.mkv", ("-c:v", "copy", "-c:a", "aac")),
        ("a.webm", ("-c:v", "libvpx", "-c:a", "libopus")),
        ("a.ts", ("-c:v", "copy", "-c:a", "aac")),
        ("a.mp4", ("-c:v", "copy", "-c:a", "aac")),
        ("a.avi", ("-c:v", "mpeg4", "-c:a", "mp3")),
    ],
)
def test_sound_that_goes_on_for_longer_is_no_damage(clip, tmp_path, name, codecs):
    ffmpeg("-i", clip, *SOUND, "-map", "0:v", "-map", "1:a", *codecs, tmp_path / name)
    assert len(read_video(tmp_path / name, 60).frames) == 60


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mov", "a.flv"])
def test_a_file_of_which_a_third_is_gone_is_cut_off(clip, tmp_path, name):
    codec = ("-c:v", "mpeg4") if name == "a.avi" else ("-c", "copy")
    fast = ("-movflags", "+faststart") if name in ("a.mp4", "a.mov") else ()
    ffmpeg("-i", clip, *codec, *fast, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: 2 * len(content) // 3])
    assert "ends after" in reason(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mkv", "a.nut", "a.wmv", "a.flv", "a.ts"])
def test_a_video_that_begins_late_is_whole(clip, tmp_path, name):
    codec = ("-c:v", "mpeg4") if name in ("a.wmv", "a.nut") else ("-c", "copy")
    ffmpeg("-i", clip, *codec, "-output_ts_offset", "100", tmp_path / name)
    assert len(read_video(tmp_path / name, 60).frames) == 60


def test_a_recording_without_a_length_is_whole_unless_it_is_cut(clip, tmp_path):
    path = tmp_path / "recorder.webm"
    ffmpeg("-i", clip, "-c:v", "libvpx", "-live", "1", path)
    assert len(read_video(path, 60).frames) == 60
    path.write_bytes(path.read_bytes()[:-300])
    assert "ends after" in reason(path)


def test_the_cover_of_a_song_is_no_video(clip, tmp_path):
    ffmpeg("-i", clip, "-frames:v", "1", tmp_path / "a.png")
    cover = ("-c:v", "copy", "-disposition:v:0", "attached_pic")
    ffmpeg(*SOUND, "-i", tmp_path / "a.png", "-map", "0", "-map", "1", *cover, tmp_path / "a.m4a")
    assert "no video stream, only audio (aac), cover (png)" in reason(tmp_path / "a.m4a")


def test_the_rate_is_that_of_the_frames_and_not_what_the_container_says(clip, tmp_path):
    path = tmp_path / "recorder.webm"
    slowed = "setpts='(N*0.125+0.03*mod(N\\,2))/TB',settb=1/1000"
    ffmpeg("-i", clip, "-vf", slowed, "-fps_mode", "passthrough", "-c:v", "libvpx", "-frames:v", "17", path)
    assert read_video(path, 60).fps == pytest.approx(8, abs=0.15)


@pytest.mark.parametrize("codec", [("libsvtav1", "-preset", "12"), ("libvpx-vp9",), ("libx265",), ("ffv1",)])
def test_what_players_decode_is_decoded(clip, tmp_path, codec):
    ffmpeg("-i", clip, "-frames:v", "4", "-c:v", *codec, tmp_path / "a.mkv")
    read = read_video(tmp_path / "a.mkv", 10)
    assert np.abs(read.frames.astype(int) - read_video(clip, 60).frames[:4]).mean() < 15


def test_an_unknown_codec_is_named(clip, tmp_path):
    (tmp_path / "a.mp4").write_bytes(clip.read_bytes().replace(b"avc1", b"zzv7"))
    assert "codec zzv7, which cannot be decoded" in reason(tmp_path / "a.mp4")


def test_a_file_without_a_video_stream_is_refused_with_its_streams(tmp_path):
    ffmpeg(*SOUND, tmp_path / "a.m4a")
    assert "holds no video stream, only audio (aac)" in reason(tmp_path / "a.m4a")


@pytest.mark.parametrize("content", [b"", b"no video at all\n" * 50, bytes(4096), b"#EXTM3U\n#EXTINF:1\nfile:a.mp4\n"])
def test_what_is_no_video_is_refused(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    assert str(tmp_path / "a.mp4") in reason(tmp_path / "a.mp4")


def test_a_list_of_other_files_opens_none_of_them(clip, tmp_path):
    (tmp_path / "a.ffconcat").write_text(f"ffconcat version 1.0\nfile '{clip}'\n")
    assert "a.ffconcat" in reason(tmp_path / "a.ffconcat")


def test_a_picture_is_no_video(tmp_path):
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64", "-frames:v", "1", tmp_path / "a.png")
    assert "is a picture" in reason(tmp_path / "a.png")


def test_pictures_one_after_the_other_have_no_times_and_are_called_so(clip, tmp_path):
    ffmpeg("-i", clip, "-frames:v", "5", "-c:v", "mjpeg", "-f", "mjpeg", tmp_path / "a.mjpeg")
    assert "several pictures, and nothing of when each was taken" in reason(tmp_path / "a.mjpeg")


def test_another_picture_stream_may_go_on_for_longer_by_a_slow_frame(tmp_path):
    """Its last packet is not its last frame, and lasts longer than three frames of the clip."""
    sources = [("-f", "lavfi", "-i", f"testsrc2=s=64x64:{how}") for how in ("r=25:d=1", "r=5:d=3")]
    ffmpeg(*sources[0], *sources[1], "-map", "0", "-map", "1", "-c:v", "libx264", tmp_path / "two.mp4")
    assert len(read_video(tmp_path / "two.mp4", 60).frames) == 25


def test_an_animated_avif_is_read_and_a_still_one_is_a_picture(clip, tmp_path):
    ffmpeg("-i", clip, "-c:v", "libsvtav1", "-preset", "12", tmp_path / "moving.avif")
    read = read_video(tmp_path / "moving.avif", 60)
    assert len(read.frames) == 60 and read.fps == 30
    assert np.abs(read.frames.astype(int) - read_video(clip, 60).frames).mean() < 15
    ffmpeg("-i", clip, "-frames:v", "1", "-c:v", "libsvtav1", "-preset", "12", tmp_path / "still.avif")
    assert "is a picture" in reason(tmp_path / "still.avif")


def test_a_cover_that_says_nothing_of_being_one_is_passed_over(clip, tmp_path):
    ffmpeg("-i", clip, "-frames:v", "1", "-vf", "scale=48:32", tmp_path / "cover.jpg")
    covered = tmp_path / "covered.mkv"
    ffmpeg("-i", tmp_path / "cover.jpg", "-i", clip, "-map", "0", "-map", "1", "-c", "copy", covered)
    np.testing.assert_array_equal(read_video(covered, 60).frames, read_video(clip, 60).frames)
    np.testing.assert_array_equal(read_frame(covered, middle=True), read_frame(clip, middle=True))


@pytest.mark.parametrize("size", ["48:32", "64:96"])
def test_a_size_that_changes_is_refused(clip, tmp_path, size):
    ffmpeg("-i", clip, "-frames:v", "10", "-c:v", "libx264", tmp_path / "a.ts")
    ffmpeg("-i", clip, "-vf", f"scale={size}", "-frames:v", "10", "-c:v", "libx264", tmp_path / "b.ts")
    both = tmp_path / "both.ts"
    both.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    assert "changes its size" in reason(both)


def test_pictures_that_are_too_large_are_refused_before_one_is_decoded(clip, monkeypatch):
    monkeypatch.setattr(video_stream, "MAX_VIDEO_PX", 96 * 64 - 1)
    assert "has pictures of 96x64 pixels, at most 6143" in reason(clip)


def test_pixels_that_are_not_square_become_square_ones_and_the_camera_keeps_its_own(clip, tmp_path):
    path = tmp_path / "wide.mp4"
    ffmpeg("-i", clip, "-vf", "scale=72:64,setsar=4/3", "-frames:v", "5", path)
    read = read_video(path, 60)
    assert read.size_px == (64, 72) and read.shown_px == (64, 96) and read.frames.shape == (5, 64, 96, 3)
    K = read.fitted_intrinsics(np.array([[100.0, 0, 47.5], [0, 100.0, 31.5], [0, 0, 1]]), inverse=True)
    assert K[0, 0] / K[1, 1] == pytest.approx(0.75)
    # a mask may be of the stored pixels or of the picture as it is shown
    for size in ((64, 72), (64, 96)):
        assert read.fitted(np.ones(size, bool)).shape == (64, 96) and read.size_of(np.ones(size)) == size
    assert read.size_of(np.ones((10, 10))) == (64, 72)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_written_and_read(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_video(name, np.full((3, 32, 48, 3), 90, np.uint8), 8.0)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert read_video(name, 10).frames.shape == (3, 32, 48, 3)


def test_chosen_frames_are_those_of_their_number(clip):
    video, every = open_video(clip), read_video(clip, 60).frames
    chosen = [image for *_, image in video.frames((64, 96), range(7, 40, 8))]
    np.testing.assert_array_equal(chosen, every[7:40:8])


def test_the_decoding_process_ends_with_the_last_frame_that_is_asked_for(clip, monkeypatch):
    started, popen = [], subprocess.Popen
    monkeypatch.setattr(decoder.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    frames = open_video(clip).frames((64, 96))
    next(frames)
    frames.close()
    assert len(started) == 2 and all(process.poll() is not None for process in started)
