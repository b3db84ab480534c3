import imageio_ffmpeg
import numpy as np
import pytest

from tavid_planner import media
from tavid_planner.errors import ErrorCode, InputError


def read(path):
    reader = imageio_ffmpeg.read_frames(str(path))
    info = next(reader)
    width, height = info["size"]
    return info, [np.frombuffer(frame, np.uint8).reshape(height, width, 3) for frame in reader]


@pytest.mark.parametrize("height, width", [(64, 96), (33, 47)])
def test_a_video_has_its_frames_its_rate_and_an_even_size(tmp_path, height, width):
    frames = np.stack([np.full((height, width, 3), 25 * t, np.uint8) for t in range(9)])
    media.write_mp4(tmp_path / "a.mp4", frames, 8.0)
    info, decoded = read(tmp_path / "a.mp4")
    assert info["codec"] == "h264" and info["pix_fmt"].startswith("yuv420p") and info["fps"] == 8.0
    assert info["size"] == (width + width % 2, height + height % 2)
    assert len(decoded) == 9
    assert np.abs(np.stack(decoded)[:, :height, :width].astype(int) - frames).max() <= 6


@pytest.mark.parametrize(
    "size, scale", [((64, 96), 4), ((96, 144), 4), ((180, 320), 2), ((360, 640), 1), ((2000, 3000), 1)]
)
def test_only_small_clips_are_enlarged(size, scale):
    assert media.viewing_scale(*size) == scale


def test_a_pixel_centre_of_the_small_camera_is_that_of_its_enlarged_pixel(motion):
    large = media.enlarged_camera(motion, 4)
    point = motion.target.T_world_object[0, :3, 3]
    small_px, large_px = motion.camera.project(point), large.camera.project(point)
    assert np.allclose((small_px + 0.5) * 4, large_px + 0.5)


def test_attention_picture_shows_the_looked_at_place_brightest(video, make_request):
    picture = media.attention_picture(video, make_request().target_mask)
    height, width = 64 * 4, 96 * 4
    assert picture.shape == (height, 3 * width + 2 * 4, 3)
    first = picture[:, :width].mean(axis=2)
    place = first[4 * 32 : 4 * 48, 4 * 56 : 4 * 72]
    assert place.mean() > first.mean() + 30


def test_no_attention_no_picture(video, make_request):
    import dataclasses

    assert (
        media.attention_picture(dataclasses.replace(video, target_attention=None), make_request().target_mask) is None
    )


def test_a_picture_that_cannot_be_written_is_an_error_with_a_code(tmp_path):
    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(InputError) as caught:
        media.write_png(tmp_path / "nowhere" / "a.png", picture)
    assert caught.value.code == ErrorCode.OUTPUT_INVALID
