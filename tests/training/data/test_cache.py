import json
import shutil
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch
from tiny_model import write_tiny_model

from hoi_motion.lock import only_writer
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video import conditioning
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.data.cache import CacheWriter, ClipCache, fill, main
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder
from training.data.sources import VideoClips, fitted, open_source

CAPTION = "A person takes the [TGT] cup."


@pytest.fixture(scope="module")
def encoder(tiny_base):
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base)
    return ClipEncoder(pipeline, CacheSettings(str(tiny_base), "x", 32, 48, 9, 2, "target", 24))


def write_clip(folder, name, frames=9, size=(48, 32), mask=True, caption=CAPTION):
    video = cv2.VideoWriter(str(folder / f"{name}.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 8, size)
    for t in range(frames):
        video.write(np.full((size[1], size[0], 3), 20 * t, np.uint8))
    video.release()
    if mask:
        picture = np.zeros(size[::-1] if mask is True else mask, np.uint8)
        picture[8:20, 10:30] = 255
        cv2.imwrite(str(folder / f"{name}.png"), picture)
    if caption is not None:
        (folder / f"{name}.txt").write_text(caption)


def test_bad_clips_are_listed_with_the_reason_and_the_good_one_is_kept(tmp_path, encoder):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "good")
    write_clip(clips, "nomask", mask=False)
    write_clip(clips, "othersize", mask=(64, 64))
    write_clip(clips, "nocaption", caption=None)
    write_clip(clips, "empty", caption=" ")
    write_clip(clips, "notarget", caption="A person takes a cup.")
    write_clip(clips, "short", frames=4)
    write_clip(clips, "corrupt")
    (clips / "corrupt.avi").write_bytes(b"RIFF nothing")
    writer = CacheWriter(tmp_path / "cache", encoder.settings, encoder.text(""))
    fill(writer, encoder, open_source(clips, 9), 4, None)
    skipped = [json.loads(line) for line in (tmp_path / "cache" / "skipped.jsonl").read_text().splitlines()]
    reasons = {line["name"].split(".")[0]: line["reason"] for line in skipped}
    assert [clip.name for clip in ClipCache(tmp_path / "cache")] == ["good.avi"]
    for name, words in dict(
        nomask="mask nomask.png is missing",
        othersize="64x64",
        nocaption="caption nocaption.txt is missing",
        empty="caption is empty",
        notarget="has no [TGT]",
        short="has 4 frames, 9 are needed",
        corrupt="corrupt.avi is no video",
    ).items():
        assert words in reasons[name]


def test_stopped_encoding_goes_on_without_encoding_again(tmp_path, encoder, monkeypatch):
    clips = tmp_path / "clips"
    clips.mkdir()
    for name in "abc":
        write_clip(clips, name)
    out = tmp_path / "cache"
    fill(CacheWriter(out, encoder.settings, encoder.text("")), encoder, VideoClips(clips, 9), 1, 2)
    with open(out / "index.jsonl", "a") as file:
        file.write('{"shard": "shard_0')  # killed while it wrote
    (out / ".shard_00002.0a1b2c3d.partial.safetensors").write_bytes(b"a part")
    encoded, encode = [], encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda name, clip: encoded.append(name) or encode(name, clip))
    fill(CacheWriter(out, encoder.settings, encoder.text("")), encoder, VideoClips(clips, 9), 1, None)
    assert encoded == ["c.avi"] and not list(out.glob(".*"))
    assert [clip.name for clip in ClipCache(out)] == ["a.avi", "b.avi", "c.avi"]


def test_damaged_shard_and_other_settings_are_refused(tiny_cache, tmp_path):
    folder = shutil.copytree(tiny_cache, tmp_path / "cache")
    settings = ClipCache(folder).settings
    with pytest.raises(InputError, match="with another height"):
        CacheWriter(folder, CacheSettings(**{**vars(settings), "height": 64}), torch.zeros(1))
    shard = folder / "shard_00001.safetensors"
    content = bytearray(shard.read_bytes())
    content[-5] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match="shard_00001.safetensors is missing or damaged") as caught:
        ClipCache(folder)
    assert caught.value.code == ErrorCode.FILE_INVALID


def test_fitting_keeps_the_target_where_it_is_in_the_picture():
    frames = np.zeros((9, 64, 144, 3), np.uint8)
    mask = np.zeros((64, 144), bool)
    mask[20:40, 60:84] = True
    frames[:, mask] = 255
    small = fitted(TrainingClip(frames, mask, CAPTION), 32, 48, 9)
    assert small.frames.shape == (9, 32, 48, 3)
    assert ((small.frames[0, ..., 0] > 127) == small.mask).mean() > 0.98
    with pytest.raises(InputError, match="outside the part"):
        mask[:] = False
        mask[:, :10] = True
        fitted(TrainingClip(frames, mask, CAPTION), 32, 48, 9)


def test_folder_without_clips_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no clips"):
        open_source(tmp_path, 9)


def encoded_by(tmp_path, encoder, clips, monkeypatch, count=None, encoding="utf-8"):
    """Names that one run over the clips encodes, in order."""
    names, encode = [], encoder.encode
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "encode", lambda name, clip: names.append(name) or encode(name, clip))
        out = tmp_path / "cache"
        source = VideoClips(clips, 9, encoding=encoding)
        fill(CacheWriter(out, encoder.settings, encoder.text("")), encoder, source, 2, count)
    return names


def held(tmp_path) -> list[str]:
    return [clip.name for clip in ClipCache(tmp_path / "cache")]


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in "abc":
        write_clip(folder, name)
    return folder


@pytest.mark.parametrize("changed", ["a.txt", "a.png", "a.avi"])
def test_a_changed_clip_is_encoded_again_and_replaces_its_old_self(tmp_path, encoder, clips, monkeypatch, changed):
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == ["a.avi", "b.avi", "c.avi"]
    digest = ClipCache(tmp_path / "cache").digest
    write_clip(clips, "other", frames=10, caption="Someone holds the [TGT] mug.")
    picture = cv2.imread(str(clips / "other.png"), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(clips / "other.png"), np.roll(picture, 2, axis=1))
    (clips / changed.replace("a.", "other.")).replace(clips / changed)
    for rest in clips.glob("other.*"):
        rest.unlink()
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == ["a.avi"]
    assert sorted(held(tmp_path)) == ["a.avi", "b.avi", "c.avi"] and len(held(tmp_path)) == 3
    assert ClipCache(tmp_path / "cache").digest != digest
    if changed == "a.txt":
        assert {c.caption for c in ClipCache(tmp_path / "cache") if c.name == "a.avi"} == {
            "Someone holds the [TGT] mug."
        }
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == []


def test_a_repaired_clip_is_encoded_and_no_longer_listed(tmp_path, encoder, clips, monkeypatch):
    (clips / "b.txt").rename(clips / "b.later")
    encoded_by(tmp_path, encoder, clips, monkeypatch)
    skipped = tmp_path / "cache" / "skipped.jsonl"
    assert "b.avi" in skipped.read_text() and held(tmp_path) == ["a.avi", "c.avi"]
    (clips / "b.later").rename(clips / "b.txt")
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == ["b.avi"]
    assert skipped.read_text() == "" and sorted(held(tmp_path)) == ["a.avi", "b.avi", "c.avi"]


def test_a_caption_that_was_skipped_for_its_encoding_is_encoded_once_that_is_named(
    tmp_path, encoder, clips, monkeypatch
):
    (clips / "b.txt").write_text("A person takes the [TGT] cup of the caf\u00e9.", encoding="cp1252")
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == ["a.avi", "c.avi"]
    # captions that read the same in both are left alone
    assert encoded_by(tmp_path, encoder, clips, monkeypatch, encoding="cp1252") == ["b.avi"]
    assert (tmp_path / "cache" / "skipped.jsonl").read_text() == ""


def test_a_cache_goes_on_after_a_damaged_line_of_its_index_was_removed(tmp_path, encoder, clips, monkeypatch):
    write_clip(clips, "d")
    write_clip(clips, "e", caption="Someone holds the [TGT] mug.")
    encoded_by(tmp_path, encoder, clips, monkeypatch)  # three shards of two, two and one clips
    [text] = [clip.text for clip in ClipCache(tmp_path / "cache") if clip.name == "e.avi"]
    index = tmp_path / "cache" / "index.jsonl"
    first, _, third = index.read_text().splitlines(keepends=True)
    index.write_text(first + third)
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == ["c.avi", "d.avi"]
    assert sorted(held(tmp_path)) == ["a.avi", "b.avi", "c.avi", "d.avi", "e.avi"]
    [same] = [clip.text for clip in ClipCache(tmp_path / "cache") if clip.name == "e.avi"]
    assert torch.equal(same, text)  # no other shard was written over its own


def test_a_deleted_clip_and_one_that_broke_count_no_longer(tmp_path, encoder, clips, monkeypatch):
    encoded_by(tmp_path, encoder, clips, monkeypatch)
    (clips / "a.avi").unlink()
    (clips / "c.avi").write_bytes(b"RIFF nothing")
    assert encoded_by(tmp_path, encoder, clips, monkeypatch) == []
    assert held(tmp_path) == ["b.avi"]
    assert "c.avi" in (tmp_path / "cache" / "skipped.jsonl").read_text()


def test_a_cache_that_lost_a_clip_is_another_and_gives_single_precision(tmp_path, encoder, clips, monkeypatch):
    encoded_by(tmp_path, encoder, clips, monkeypatch)
    before = ClipCache(tmp_path / "cache").digest
    (clips / "a.avi").unlink()
    encoded_by(tmp_path, encoder, clips, monkeypatch)
    cache = ClipCache(tmp_path / "cache")
    assert cache.digest != before
    kept = cache[0]
    assert {part.dtype for part in (kept.latents, kept.image_latents, kept.text)} == {torch.float32}
    assert {part.dtype for part in (kept.mask, kept.first_frame)} == {torch.uint8}


def test_a_run_over_the_first_clips_or_another_folder_keeps_the_rest(tmp_path, encoder, clips, monkeypatch):
    encoded_by(tmp_path, encoder, clips, monkeypatch)
    assert encoded_by(tmp_path, encoder, clips, monkeypatch, count=1) == []
    other = tmp_path / "other"
    other.mkdir()
    write_clip(other, "d")
    assert encoded_by(tmp_path, encoder, other, monkeypatch) == ["d.avi"]
    assert held(tmp_path) == ["a.avi", "b.avi", "c.avi", "d.avi"]


def test_clips_of_a_pair_find_each_other_whatever_comes_between(tmp_path, encoder):
    frames = np.zeros((9, 32, 48, 3), np.uint8)
    writer = CacheWriter(tmp_path, encoder.settings, encoder.text(""))
    mask = np.ones((32, 48), bool)
    for folder, pairs in (("here", ("7", "", "7")), ("there", ("7", "8"))):
        encoded = [encoder.encode(f"{p}-{i}", TrainingClip(frames, mask, CAPTION, pair=p)) for i, p in enumerate(pairs)]
        writer.add_shard(encoded, folder)
    cache = ClipCache(tmp_path)
    assert [cache.partner(i) for i in range(5)] == [2, None, 0, None, None]
    assert [cache[i].pair for i in range(5)] == ["7", "", "7", "7", "8"]


def encode(monkeypatch, clips, base, out, *options):
    arguments = ["--clips", str(clips), "--base", str(base), "--size", "32x48", "--frames", "9", "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["cache", *arguments, *options])
    main()


@pytest.mark.parametrize(
    "options, said",
    [
        (["--frames", "8"], "8 frames, expected 4k + 1, such as 5"),
        (["--frames", "-3"], "'-3' is not a positive"),
        (["--size", "24x48"], "24x48, expected multiples of 16 px"),
        (["--size", "32x56"], "32x56, expected multiples of 16 px"),
        (["--size", "0x0"], "0x0, expected multiples of 16 px"),
        (["--variants", "0"], "'0' is not a positive"),
        (["--shard-size", "-1"], "'-1' is not a positive"),
        (["--count", "-1"], "'-1' is not a positive"),
        (["--trigger", " "], "trigger word is ' '"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_the_model_cannot_be_trained_with_is_refused_before_a_folder_is_made(
    options, said, tmp_path, tiny_base, monkeypatch, capsys
):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "a")
    with pytest.raises(SystemExit) as ended:
        encode(monkeypatch, clips, tiny_base, tmp_path / "cache", *options)
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_clips_that_a_model_has_no_positions_for_are_refused_before_a_folder_is_made(tmp_path, monkeypatch, capsys):
    base = write_tiny_model(tmp_path / "base", use_learned_positional_embeddings=True)
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "a")
    with pytest.raises(SystemExit) as ended:
        encode(monkeypatch, clips, base, tmp_path / "cache", "--frames", "13")
    assert ended.value.code == 2 and "learned positions for up to 9 frames of 48x32 only" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()


def test_clips_are_sampled_to_the_frame_rate_of_the_model(tmp_path, tiny_wan, monkeypatch, capsys):
    """Not to that of another one, at which a person would learn to move in slow motion."""
    pytest.importorskip("ftfy", reason="diffusers repairs every prompt of Wan with it")
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "a")
    with pytest.raises(SystemExit):
        encode(monkeypatch, clips, tiny_wan, tmp_path / "cache", "--size", "32x64")
    assert "24" in json.loads((tmp_path / "cache" / "skipped.jsonl").read_text())["reason"]
    assert json.loads((tmp_path / "cache" / "cache.json").read_text())["fps"] == 24


def test_memory_that_does_not_last_ends_the_encoding_and_blames_no_clip(tmp_path, tiny_base, monkeypatch, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "a")
    monkeypatch.setattr(ClipEncoder, "encode", lambda *_: torch.empty(2**60))
    with pytest.raises(SystemExit) as ended:
        encode(monkeypatch, clips, tiny_base, tmp_path / "cache")
    assert ended.value.code == 2 and "OUT_OF_MEMORY" in capsys.readouterr().err
    assert not (tmp_path / "cache" / "skipped.jsonl").exists()


def test_a_mark_that_vanishes_at_latent_size_leaves_its_clip_out(tmp_path, encoder, monkeypatch):
    monkeypatch.setattr(conditioning, "MIN_COVERAGE", 0.5)  # as for a model with larger cells
    mask = np.zeros((32, 48), bool)
    mask[4:6, 4:6] = True
    with pytest.raises(InputError) as caught:
        encoder.encode("a", TrainingClip(np.zeros((9, 32, 48, 3), np.uint8), mask, CAPTION))
    assert caught.value.code == ErrorCode.MASK_EMPTY


def test_two_encodings_into_one_folder_do_not_overwrite_each_other(tmp_path, tiny_base, monkeypatch, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    write_clip(clips, "a")
    with only_writer(tmp_path / "cache"), pytest.raises(SystemExit):
        encode(monkeypatch, clips, tiny_base, tmp_path / "cache")
    assert "OUTPUT_INVALID" in capsys.readouterr().err


def test_a_cache_of_an_older_version_goes_on(tiny_cache, tmp_path):
    folder = shutil.copytree(tiny_cache, tmp_path / "cache")
    facts = json.loads((folder / "cache.json").read_text())
    del facts["encoder_digest"]
    (folder / "cache.json").write_text(json.dumps(facts))
    settings = replace(ClipCache(folder).settings, encoder_digest="another than none")
    assert len(CacheWriter(folder, settings, torch.zeros(1)).done) == 4


def test_an_encoding_goes_on_with_a_copy_of_its_base(tiny_cache, tmp_path):
    folder = shutil.copytree(tiny_cache, tmp_path / "cache")
    settings = ClipCache(folder).settings
    facts = {**asdict(settings), "encoder_digest": "one", "encoder_state": "here"}
    (folder / "cache.json").write_text(json.dumps(facts))
    elsewhere = replace(settings, encoder_digest="one", encoder_state="elsewhere")
    assert len(CacheWriter(folder, elsewhere, torch.zeros(1)).done) == 4
    with pytest.raises(InputError, match="another encoder_digest"):
        CacheWriter(folder, replace(elsewhere, encoder_digest="two"), torch.zeros(1))


@pytest.mark.parametrize("column", ["names", "captions", "shard"])
def test_an_index_without_a_column_is_named(column, tiny_cache, tmp_path):
    folder = shutil.copytree(tiny_cache, tmp_path / "cache")
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    lines[0][column] = lines[0][column][:1] if column == "captions" else None
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="index.jsonl is not the index of a cache|is missing or damaged"):
        ClipCache(folder)


def test_a_cache_in_another_arithmetic_does_not_go_on_and_one_that_does_not_say_does(tiny_cache, tmp_path):
    folder = shutil.copytree(tiny_cache, tmp_path / "cache")
    settings = replace(ClipCache(folder).settings, dtype="bfloat16")
    facts = json.loads((folder / "cache.json").read_text())
    (folder / "cache.json").write_text(json.dumps({k: v for k, v in facts.items() if k != "dtype"}))
    CacheWriter(folder, settings, torch.zeros(1))
    (folder / "cache.json").write_text(json.dumps(facts | {"dtype": "float32"}))
    with pytest.raises(InputError, match="with another dtype"):
        CacheWriter(folder, settings, torch.zeros(1))
