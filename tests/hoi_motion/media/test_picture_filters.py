"""HDR and interlaced videos, made by the same ffmpeg that reads them."""

import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from hoi_motion.media import picture_filters
from hoi_motion.media.picture_filters import PictureKind
from hoi_motion.media.video_file import read_frame, read_sampled, read_video

SOURCE = ("-f", "lavfi", "-i")
FIELDS = "nullsrc=s=96x64:r=60:d=0.5,geq=lum=128+100*sin((X-4*N)/6):cb=128:cr=128"
"""Upright stripes that move: whole frames have equal rows."""
WEAVE = ("-vf", "tinterlace=interleave_top,setfield=tff")


def ffmpeg(*arguments) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *arguments]
    subprocess.run([str(part) for part in command], check=True)


def wide(path, transfer: str, name: str, size: str = "96x64", shade: str = "0x808080"):
    """A grey wall with a red and a green patch, as seen in SDR, stored in the colours of BT.2020."""
    picture = f"color={shade}:s={size}:d=0.2:r=30,drawbox=8:8:24:40:0xc04040:fill,drawbox=40:8:24:40:0x40c040:fill"
    to_hdr = (
        "format=gbrpf32,zscale=primariesin=709:transferin=709:matrixin=gbr:rangein=full:"
        f"primaries=2020:transfer={transfer}:matrix=2020_ncl:range=limited:npl=203,format=yuv420p10"
    )
    tags = f"log-level=error:colorprim=bt2020:transfer={name}:colormatrix=bt2020nc"
    ffmpeg(*SOURCE, picture, "-vf", to_hdr, "-c:v", "libx265", "-x265-params", tags, path)
    return path


def patches(frame: np.ndarray) -> np.ndarray:  # (3, 3) red patch, green patch, wall
    return np.array([frame[12:44, 12:28].mean((0, 1)), frame[12:44, 44:60].mean((0, 1)), frame[52:, :60].mean((0, 1))])


@pytest.mark.parametrize(
    "transfer, name", [("smpte2084", "smpte2084"), ("arib-std-b67", "arib-std-b67"), ("709", "bt709")]
)
def test_wide_and_hdr_colours_are_read_as_they_look_in_sdr(tmp_path, transfer, name):
    clip = read_video(wide(tmp_path / "wide.mp4", transfer, name), 10)
    assert clip.frames.shape == (6, 64, 96, 3)
    as_seen = np.array([[0xC0, 0x40, 0x40], [0x40, 0xC0, 0x40], [0x80, 0x80, 0x80]])
    np.testing.assert_allclose(patches(clip.frames[2]), as_seen, atol=8)


def test_highlights_of_hdr_stay_apart_and_odd_sides_are_read(tmp_path):
    shades = [
        read_frame(wide(tmp_path / f"{s}.mp4", "smpte2084", "smpte2084", "98x66", s)) for s in ("0xb4b4b4", "white")
    ]
    bright, white = (shade[60:].mean() for shade in shades)
    assert 160 < bright < white - 15 and white < 240


def test_hdr_without_the_filters_is_read_and_said(tmp_path, monkeypatch, caplog):
    path = wide(tmp_path / "hdr.mp4", "smpte2084", "smpte2084")
    monkeypatch.setattr(picture_filters, "_filters", lambda: frozenset({"bwdif", "scale"}))
    assert len(read_video(path, 10).frames) == 6
    assert "hdr.mp4 is HDR (smpte2084, matrix bt2020nc)" in caplog.text and "not mapped to SDR" in caplog.text


@pytest.fixture(scope="module")
def fields(tmp_path_factory):
    """Half a second of 30 frames a second, each of two fields."""
    path = tmp_path_factory.mktemp("fields") / "fields.mp4"
    ffmpeg(*SOURCE, FIELDS, *WEAVE, "-c:v", "libx264", "-flags", "+ildct+ilme", "-crf", "1", path)
    return path


def combing(frames: np.ndarray) -> float:
    """How much each row differs from those beside it, which agree with each other."""
    rows = frames.astype(float)
    return float(np.abs(rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2).mean())


def test_an_interlaced_video_has_one_whole_frame_at_each_frames_time(fields, tmp_path):
    stored = tmp_path / "stored.mp4"
    ffmpeg("-i", fields, "-vf", "setfield=prog", "-c:v", "libx264", "-crf", "1", stored)
    woven, read = read_video(stored, 60), read_video(fields, 60)
    assert (len(read.frames), read.fps, read.resampled) == (len(woven.frames), woven.fps, False) == (15, 30.0, False)
    assert combing(read.frames) < 0.1 * combing(woven.frames)
    np.testing.assert_array_equal(read_sampled(fields, 5, 10.0).frames, read.frames[0:13:3])
    np.testing.assert_array_equal(read_frame(fields, middle=True), read.frames[7])


TURNS = {  # display matrix -> what a player does to the picture
    ("90",): lambda frames: np.rot90(frames, 1, (1, 2)),
    ("180",): lambda frames: frames[:, ::-1, ::-1],
    ("270",): lambda frames: np.rot90(frames, -1, (1, 2)),
    ("0", "-display_hflip"): lambda frames: frames[:, :, ::-1],
    ("0", "-display_vflip"): lambda frames: frames[:, ::-1],
    ("90", "-display_vflip"): lambda frames: np.rot90(frames, 1, (1, 2))[:, ::-1],
    ("90", "-display_hflip"): lambda frames: np.rot90(frames, 1, (1, 2))[:, :, ::-1],
}


@pytest.mark.parametrize("matrix", TURNS, ids=" ".join)
def test_an_interlaced_video_is_the_same_whichever_way_it_was_held(fields, tmp_path, matrix):
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", *matrix, "-i", fields, "-c", "copy", turned)
    np.testing.assert_array_equal(read_video(turned, 60).frames, TURNS[matrix](read_video(fields, 60).frames))


@pytest.mark.parametrize(
    "described, interlaced",
    [
        (" (High) (avc1 / 0x31637661), yuv420p(top first), 96x64 [SAR 1:1 DAR 3:2], 30 fps", True),
        (", yuv420p(tv, bottom coded first (swapped)), 96x64, SAR 1:1 DAR 3:2, 30 fps", True),
        (" (Main), yuv420p(tv, bt709, progressive), 1920x1080 [SAR 1:1 DAR 16:9], 25 fps", False),
        (" (top first / 0x1), yuv420p, 96x64, 30 fps", False),
    ],
)
def test_fields_are_known_from_the_stream_and_not_from_its_tags(described, interlaced):
    assert PictureKind.of_stream(described) == PictureKind(interlaced)


def test_a_colour_matrix_that_cannot_be_mapped_is_left_alone_and_said(caplog):
    kind = PictureKind.of_stream(" (Main 10), yuv420p10le(pc, ipt-c2/bt2020/smpte2084), 96x64, 30 fps")
    assert kind.is_hdr and kind.tone_mapping() == []
    kind.warn_of_hdr("dolby.mp4")
    assert "dolby.mp4 is HDR (smpte2084, matrix ipt-c2)" in caplog.text
