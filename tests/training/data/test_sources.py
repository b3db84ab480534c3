"""Videos with masks and captions as people have them: other rates, encodings and endings."""

import codecs

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from hoi_motion.media.video_file import write_video
from tavid_planner.errors import ErrorCode, InputError
from training.data.caption_file import checked_encoding, read_caption
from training.data.clip import TrainingClip
from training.data.sources import SceneClips, VideoClips, fitted, open_source
from training.scenes.figure import ACTOR_INSTANCE
from training.scenes.scene import SceneSample

CAPTION = "A person takes the [TGT] café crème."


def write_clip(folder, name, count, fps, size=(32, 48)):
    """The brightness of a frame tells its number."""
    frames = np.broadcast_to(np.arange(count)[:, None, None, None] * 2, (count, *size, 3)).astype(np.uint8)
    write_video(folder / f"{name}.mp4", frames, fps)
    mask = np.zeros(size, np.uint8)
    mask[8:20, 10:30] = 255
    cv2.imwrite(str(folder / f"{name}.png"), mask)
    (folder / f"{name}.txt").write_text(CAPTION, encoding="utf-8")


def numbers(frames) -> np.ndarray:
    return np.round(frames.mean((1, 2, 3)) / 2)


@pytest.mark.parametrize(
    "count, fps, expected",
    [
        (100, 60, np.arange(9) * 7.5),
        (40, 30, np.arange(9) * 3.75),
        (30, 24, np.arange(9) * 3),
        (12, 8, np.arange(9)),
        (12, 7.98, np.arange(9)),
    ],
)
def test_a_clip_has_the_models_rate_and_is_read_no_further_than_it_reaches(tmp_path, count, fps, expected, monkeypatch):
    from training.data import sources

    write_clip(tmp_path, "a", count, fps)
    read, read_sampled = [], sources.read_sampled
    monkeypatch.setattr(sources, "read_sampled", lambda *a: read.append(read_sampled(*a)) or read[-1])
    clip = open_source(tmp_path, 9).load("a.mp4")
    np.testing.assert_allclose(numbers(clip.frames), expected, atol=1)
    assert read[0].source_count <= expected[-1] + 2


def test_a_clip_of_fewer_frames_a_second_than_the_model_is_refused(tmp_path):
    write_clip(tmp_path, "a", 30, 4)
    with pytest.raises(InputError, match="too few frames a second"):
        VideoClips(tmp_path, 17).load("a.mp4")


def test_a_short_clip_says_how_many_frames_it_has_at_that_rate(tmp_path):
    write_clip(tmp_path, "a", 60, 60)
    with pytest.raises(InputError, match="has 8 frames, 17 are needed at 8 frames a second"):
        VideoClips(tmp_path, 17).load("a.mp4")


def test_a_turned_video_has_its_mask_in_the_picture_as_it_is_shown(tmp_path):
    import subprocess

    write_clip(tmp_path, "flat", 9, 8)
    turned = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-display_rotation", "90", "-i"]
    subprocess.run([*turned, tmp_path / "flat.mp4", "-c", "copy", tmp_path / "turned.mp4"], check=True)
    cv2.imwrite(str(tmp_path / "turned.png"), np.eye(48, 32, dtype=np.uint8) * 255)
    (tmp_path / "turned.txt").write_text(CAPTION, encoding="utf-8")
    clip = VideoClips(tmp_path, 9).load("turned.mp4")
    assert clip.frames.shape == (9, 48, 32, 3) and clip.mask.shape == (48, 32)


def test_the_mask_of_a_large_video_is_scaled_down_with_it(tmp_path):
    write_clip(tmp_path, "a", 9, 8, size=(900, 1600))
    marked = np.zeros((900, 1600), np.uint8)
    marked[300:600, 400:800] = 255
    cv2.imwrite(str(tmp_path / "a.png"), marked)
    clip = VideoClips(tmp_path, 9).load("a.mp4")
    assert clip.mask.shape == clip.frames.shape[1:3] == (720, 1280)
    expected = np.zeros((720, 1280), bool)
    expected[240:480, 320:640] = True
    assert np.array_equal(clip.mask, expected)


def test_a_scene_that_a_video_lies_beside_is_still_a_scene(tmp_path):
    write_clip(tmp_path, "a", 9, 8)
    (tmp_path / "clip_000000.npz").touch()
    assert isinstance(open_source(tmp_path, 9), SceneClips)


def test_endings_may_be_in_any_case(tmp_path):
    write_clip(tmp_path, "a", 9, 8)
    for old, new in (("a.mp4", "a.MP4"), ("a.png", "a.Png"), ("a.txt", "a.TXT")):
        (tmp_path / old).rename(tmp_path / new)
    source = open_source(tmp_path, 9)
    assert source.names() == ["a.MP4"] and source.load("a.MP4").mask.any()


@pytest.mark.parametrize(
    "content, encoding",
    [
        (CAPTION.encode(), "utf-8"),
        (codecs.BOM_UTF8 + CAPTION.encode(), "utf-8"),
        (CAPTION.encode("utf-16"), "utf-8"),
        (CAPTION.encode("utf-32"), "utf-8"),
        (CAPTION.encode("cp1252"), "cp1252"),
        (codecs.BOM_UTF8 + CAPTION.encode(), "cp1252"),
        (f"{CAPTION}\r\n".encode(), "utf-8"),
    ],
)
def test_a_caption_is_read_in_its_encoding(tmp_path, content, encoding):
    (tmp_path / "a.txt").write_bytes(content)
    assert read_caption(tmp_path / "a.txt", "a", encoding) == CAPTION


def test_a_caption_in_another_encoding_is_refused_and_not_guessed(tmp_path):
    (tmp_path / "a.txt").write_bytes(CAPTION.encode("cp1252"))
    with pytest.raises(InputError, match="a.txt is not in utf-8, byte 28 is 0xe9") as caught:
        read_caption(tmp_path / "a.txt", "a.mp4")
    assert "--caption-encoding" in caught.value.message


@pytest.mark.parametrize("name", ["nonsense", "base64", "hex"])
def test_what_is_no_encoding_of_text_is_refused(name):
    with pytest.raises(InputError, match="caption encoding") as caught:
        checked_encoding(name)
    assert caught.value.code == ErrorCode.CONFIG_INVALID


def test_utf_16_without_its_mark_is_not_read_as_letters_with_zeros_between(tmp_path):
    (tmp_path / "a.txt").write_bytes("picks up [TGT]".encode("utf-16-le"))
    with pytest.raises(InputError, match="control characters.*--caption-encoding"):
        read_caption(tmp_path / "a.txt", "a.mp4")
    assert read_caption(tmp_path / "a.txt", "a.mp4", "utf-16-le") == "picks up [TGT]"


@pytest.mark.parametrize("other, what", [("a.mov", "videos"), ("a.PNG", "masks"), ("a.TXT", "captions")])
def test_files_of_which_only_one_can_be_meant_are_named(tmp_path, other, what):
    write_clip(tmp_path, "a", 12, 8)
    (tmp_path / other).write_bytes(b"another")
    with pytest.raises(InputError, match=f"{what} of one name are there.*{other}"):
        open_source(tmp_path, 9).load("a.mp4")


@pytest.mark.parametrize("mask", ["clip_MASK.PNG", "Clip_mask.JPG", "CLIP.png", "Clip_mask.bmp"])
def test_a_mask_may_say_so_in_its_name_and_have_capitals(tmp_path, mask):
    write_clip(tmp_path, "a", 9, 8, (96, 144))
    picture = cv2.circle(np.zeros((96, 144, 3), np.uint8), (60, 40), 25, (255, 255, 255), -1)
    (tmp_path / "a.png").unlink()
    (tmp_path / "a.mp4").rename(tmp_path / "Clip.MP4")
    (tmp_path / "a.txt").rename(tmp_path / "clip.TXT")
    cv2.imwrite(str(tmp_path / mask), picture)
    source = open_source(tmp_path, 9)
    assert source.names() == ["Clip.MP4"]
    np.testing.assert_array_equal(source.load("Clip.MP4").mask, picture[..., 0] > 127)


def test_the_files_of_a_clip_of_almost_the_same_name_are_not_taken(tmp_path):
    for name in ("a", "a_mask"):
        write_clip(tmp_path, name, 9, 8)
    (tmp_path / "A.mp4").write_bytes((tmp_path / "a.mp4").read_bytes())
    source = open_source(tmp_path, 9)
    assert source.load("a.mp4").mask.any() and source.load("a_mask.mp4").mask.any()
    with pytest.raises(InputError, match="its mask A.png is missing"):
        source.load("A.mp4")


def test_two_masks_of_a_clip_are_named(tmp_path):
    write_clip(tmp_path, "a", 9, 8)
    (tmp_path / "a_mask.PNG").write_bytes(b"what a tool has put there")
    assert open_source(tmp_path, 9).load("a.mp4").mask.any()  # a.png comes first
    (tmp_path / "a.png").rename(tmp_path / "a_mask.png")
    with pytest.raises(InputError, match="masks of one name.*a_mask.PNG, a_mask.png"):
        open_source(tmp_path, 9).load("a.mp4")


def test_a_folder_is_listed_once_however_many_clips_it_has(tmp_path, monkeypatch):
    for name in "abcd":
        write_clip(tmp_path, name, 9, 8)
    listed, listing = [], type(tmp_path).iterdir
    monkeypatch.setattr(type(tmp_path), "iterdir", lambda path: listed.append(path) or listing(path))
    source = VideoClips(tmp_path, 9)
    assert all(source.fingerprint(name) and source.load(name).mask.any() for name in source.names())
    assert listed == [tmp_path]


def test_a_table_beside_videos_without_captions_is_what_the_folder_holds(tmp_path):
    write_clip(tmp_path, "a", 20, 16)
    (tmp_path / "a.txt").unlink()
    (tmp_path / "metadata.csv").write_text("file_name,text\na.mp4,it takes the [TGT] box\n")
    clip = open_source(tmp_path, 9, 16.0).load("a.mp4")
    assert clip.caption == "it takes the [TGT] box"
    np.testing.assert_allclose(numbers(clip.frames), np.arange(9), atol=1)


def test_the_encoding_that_is_asked_for_reaches_a_clips_caption(tmp_path):
    write_clip(tmp_path, "a", 9, 8)
    (tmp_path / "a.txt").write_text(CAPTION, encoding="cp1252")
    assert open_source(tmp_path, 9, encoding="cp1252").load("a.mp4").caption == CAPTION


TARGET = 5


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """A folder of one scene; call it with a number of frames and their rate.

    The brightness of a frame tells its number, and so do the row of the actor, on the left, and the target, right.
    """
    (tmp_path / "clip_000000.npz").touch()

    def write(count: int, fps: float):
        ids = np.zeros((count, count, 4), np.uint8)
        ids[np.arange(count), np.arange(count), 0], ids[np.arange(count), np.arange(count), 3] = ACTOR_INSTANCE, TARGET
        frames = np.broadcast_to(2 * np.arange(count)[:, None, None, None], (count, count, 4, 3)).astype(np.uint8)
        said = "someone lifts the [TGT] cup", ("someone", "lifts", "cup")
        scene = SceneSample(
            frames, fps, ids[0] == TARGET, ids, {}, TARGET, (TARGET,), None, None, np.zeros(count), *said, 0
        )
        monkeypatch.setattr("training.data.sources.load_clip", lambda path: scene)
        monkeypatch.setattr("training.data.sources.is_whole", lambda path: True)
        return tmp_path

    return write


def test_a_scene_is_sampled_to_the_models_rate_with_its_tracks(scenes):
    clip = open_source(scenes(9, 12.0), 6, 8.0).load("clip_000000.npz")
    chosen = [0, 2, 3, 4, 6, 8]  # nearest to every 1.5th; of two as near the even one
    assert numbers(clip.frames).tolist() == chosen
    actor, target = clip.tracks
    assert [np.argwhere(mask).tolist() for mask in actor] == [[[row, 0]] for row in chosen]
    assert [np.argwhere(mask).tolist() for mask in target] == [[[row, 3]] for row in chosen]
    assert clip.ids[0].tolist() == [2, 0, 0, 1] and not clip.ids[1:].any()


def test_a_scene_of_the_models_own_rate_keeps_every_frame(scenes):
    rate = 30000 / 1001  # 9 frames at it are a whisker less than 9 when counted in floating point
    assert len(open_source(scenes(10, rate), 10, rate).load("clip_000000.npz").frames) == 10


def test_a_scene_of_fewer_frames_a_second_than_the_model_is_refused(scenes):
    with pytest.raises(InputError, match="it has 7.9 frames a second, 8 are needed"):
        SceneClips(scenes(9, 7.9), 8.0).load("clip_000000.npz")


@pytest.mark.parametrize("size", [(64, 48), (32, 96)])
def test_a_clip_is_cut_around_its_middle_with_all_that_is_known_of_it(size):
    """An upright and a wide clip of the height or width that is wanted, so that nothing is scaled."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (7, *size, 3), dtype=np.uint8)
    ids = rng.integers(0, 3, size, dtype=np.uint8)
    tracks = rng.random((2, 7, *size)) < 0.5
    cut = fitted(TrainingClip(frames, ids == 1, CAPTION, tracks, ids=ids), 32, 48, 5)
    top, left = (size[0] - 32) // 2, (size[1] - 48) // 2
    inside = (..., slice(top, top + 32), slice(left, left + 48))
    assert np.array_equal(cut.frames, frames[:5, top : top + 32, left : left + 48])
    assert np.array_equal(cut.mask, ids[inside] == 1) and np.array_equal(cut.ids, ids[inside])
    assert np.array_equal(cut.tracks, tracks[:, :5][inside])


@pytest.mark.parametrize("times", [0.5, 2.0])
def test_masks_and_numbers_of_instances_are_scaled_without_values_in_between(times):
    """Square marks, every second pixel of a coarse grid; a mean of 0 and 2 would be another instance."""
    coarse = np.zeros((8, 12), np.uint8)
    coarse[2:6, 3:9] = 2
    coarse[3, 4] = 1
    size = (int(32 / times), int(48 / times))
    ids = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)
    frames = np.repeat(ids[None, :, :, None], 3, axis=-1) * 100
    cut = fitted(TrainingClip(frames, ids > 0, CAPTION, (ids > 0)[None, None], ids=ids), 32, 48, 1)
    expected = cv2.resize(coarse, (48, 32), interpolation=cv2.INTER_NEAREST)
    assert np.array_equal(cut.ids, expected) and np.array_equal(cut.mask, expected > 0)
    assert np.array_equal(cut.tracks[0, 0], expected > 0)


def test_a_large_picture_is_averaged_and_not_thinned_out():
    """At an eighth of the size a quarter of their brightness is left of stripes that cover a quarter."""
    frames = np.zeros((1, 256, 384, 3), np.uint8)
    frames[:, :, np.arange(384) % 8 < 2] = 200
    small = fitted(TrainingClip(frames, np.ones((256, 384), bool), CAPTION), 32, 48, 1)
    assert np.abs(small.frames.astype(int) - 50).max() <= 1
