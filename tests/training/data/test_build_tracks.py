"""Steps by file, and by tiny random models saved as transformers saves them."""

import json
import subprocess

import numpy as np
import pytest
import torch
from imageio_ffmpeg import get_ffmpeg_exe

from hoi_motion.media.video_file import write_video
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.media import write_png
from tests.hoi_motion.tiny_sam2 import write_tiny_sam2_video
from training.data.build_tracks import Models, build, read_interaction
from training.data.matrix_videos import MatrixVideos
from training.data.track_models import LanguageModel, Tracker

CAPTION = "A man in a red shirt picks up the blue mug."
SAID = {
    "instances": [{"id": 1, "noun": "man", "look": "in a red shirt"}, {"id": 2, "noun": "mug", "look": "blue"}],
    "triplets": [
        {"subject": 1, "verb": "looks at", "object": 2, "contact": False, "dynamic": False},
        {"subject": 1, "verb": "picks up", "object": 2, "contact": True, "dynamic": True},
    ],
}
BOXES = {"1": [4, 2, 30, 40, 0.9], "2": [32, 20, 44, 34, 0.8]}


@pytest.fixture(scope="module")
def sam_folder(tmp_path_factory):
    return write_tiny_sam2_video(tmp_path_factory.mktemp("sam2"))


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    frames = np.random.default_rng(0).integers(0, 255, (5, 48, 64, 3), dtype=np.uint8)
    write_video(folder / "one.mp4", frames, 8.0)
    (folder / "one.txt").write_text(CAPTION)
    return folder


def put(out, **files):
    (out / "steps" / "one").mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (out / "steps" / "one" / f"{name}.json").write_text(json.dumps(data))


def put_masks(out, count=5):
    for number, box in BOXES.items():
        mask = np.zeros((48, 64), np.uint8)
        mask[box[1] : box[3], box[0] : box[2]] = 255
        for part in (f"<id{number}>", "merged"):
            (out / "mask_annotation" / "one" / part).mkdir(parents=True, exist_ok=True)
        for t in range(count):
            write_png(out / "mask_annotation" / "one" / f"<id{number}>" / f"{t:03d}.png", mask)
            write_png(out / "mask_annotation" / "one" / "merged" / f"{t:03d}.png", np.dstack([mask] * 3))


def test_every_step_can_be_a_file_and_the_reader_reads_what_comes_out(videos, tmp_path):
    out = tmp_path / "out"
    put(out, interactions=SAID, checked=BOXES)
    put_masks(out)
    assert build(videos, out, Models()) == []
    [row] = map(json.loads, (out / "metadata.jsonl").read_text().splitlines())
    assert row["prompt"] == "A <id1> man in a red shirt picks up the <id2> blue mug."
    clip = MatrixVideos(out, 5, 8.0).load("one.mp4")
    assert clip.triplet == ("man", "picks up", "mug") and clip.caption.endswith("the [TGT] blue mug.")
    assert clip.mask.sum() == 12 * 14 and clip.tracks.shape == (2, 5, 48, 64)
    assert (out / "sheets" / "one.png").is_file()


@pytest.mark.parametrize(
    "files, named",
    [
        ({}, "interactions.json is missing, and no language model"),
        ({"interactions": SAID}, "boxes.json is missing, and no detector"),
        ({"interactions": SAID, "boxes": {"1": [BOXES["1"]], "2": []}}, "checked.json is missing, and no checker"),
        ({"interactions": SAID, "checked": {"1": BOXES["1"]}}, "no box shows 'mug blue'"),
        ({"interactions": SAID, "checked": BOXES | {"2": [50, 20, 40, 30]}}, "not in the picture"),
        ({"interactions": SAID, "checked": BOXES}, "no tracker"),
        ({"interactions": {"instances": 3}}, "another form"),
        ({"interactions": SAID, "checked": BOXES | {"7": BOXES["2"]}}, "checked.json has an instance '7'"),
        ({"interactions": SAID, "checked": BOXES | {"2": [50, 20]}}, "checked.json is of another form"),
        ({"interactions": SAID, "checked": BOXES | {"2": {"left": 3}}}, "checked.json is of another form"),
        *(
            ({"interactions": SAID, "checked": BOXES | {"2": [odd, 20, 40, 30]}}, "checked.json is of another form")
            for odd in (float("nan"), float("inf"), float("-inf"), 10**400)
        ),
        ({"interactions": SAID, "checked": BOXES | {"2": [64, 20, 65, 30]}}, "not in the picture"),
        ({"interactions": SAID, "checked": BOXES | {"2": [-9, -9, 0, 0]}}, "not in the picture"),
        *(
            ({"interactions": SAID | {"instances": [{"id": odd, "noun": "man"}, SAID["instances"][1]]}}, "another form")
            for odd in (float("inf"), 1.5, -1, True, "²", 10**400, None)
        ),
    ],
)
def test_a_clip_that_lacks_a_step_is_left_out_by_name(videos, tmp_path, files, named):
    put(tmp_path / "out", **files)
    [reason] = build(videos, tmp_path / "out", Models())
    assert reason.startswith("one.mp4") and named in reason


class Looking:  # as a checker: cuts out what it is asked about
    def shows(self, image, box, words):
        left, top, right, bottom = map(round, box[:4])
        return image[max(top, 0) : bottom, max(left, 0) : right].size > 0


@pytest.mark.parametrize("odd", [[float("inf"), 20, 44, 34], [640, 20, 700, 34]])
def test_a_checker_is_asked_only_about_boxes_in_the_picture(videos, tmp_path, odd):
    put(tmp_path / "out", interactions=SAID, boxes={"1": [BOXES["1"]], "2": [odd]})
    [reason] = build(videos, tmp_path / "out", Models(checker=Looking()))
    assert reason.startswith("one.mp4") and ("of another form" in reason or "not in the picture" in reason)


def test_masks_of_a_large_video_have_its_size_and_those_of_another_size_are_refused(videos, tmp_path, monkeypatch):
    monkeypatch.setattr("hoi_motion.media.video_file.MAX_FRAME_PX", 24 * 32)
    out = tmp_path / "out"
    put(out, interactions=SAID, checked={"1": [2, 1, 15, 20], "2": [16, 10, 22, 17]})
    assert build(videos, out, Models(tracker=Following())) == []
    masks = sorted((out / "mask_annotation" / "one").glob("*/*.png"))
    assert {read_mask_size(path) for path in masks} == {(48, 64)}
    assert build(videos, out, Models()) == []  # they are read again
    clip = MatrixVideos(out, 5, 8.0).load("one.mp4")
    assert clip.frames.shape[1:3] == clip.mask.shape == (24, 32) and clip.mask[10:20, :4].all()
    cut = np.zeros((48, 60), np.uint8) + 255
    write_png(masks[0], cut)
    [reason] = build(videos, out, Models())
    assert "one.mp4" in reason and "60x48" in reason


def test_sam_2_follows_what_is_in_the_boxes_once(videos, tmp_path, sam_folder):
    tracker = Tracker(str(sam_folder))
    frames = np.random.default_rng(0).integers(0, 255, (4, 48, 64, 3), dtype=np.uint8)
    tracks = tracker.tracks(frames, {1: BOXES["1"], 2: BOXES["2"]})
    assert {n: t.shape for n, t in tracks.items()} == {1: (4, 48, 64), 2: (4, 48, 64)}
    again = tracker.tracks(frames, {1: BOXES["1"], 2: BOXES["2"]})
    assert all(np.array_equal(tracks[n], again[n]) for n in tracks)
    out = tmp_path / "out"
    put(out, interactions=SAID, checked=BOXES)
    build(videos, out, Models(tracker=tracker))
    made = sorted((out / "mask_annotation" / "one").glob("*/*.png"))
    assert len(made) == 3 * 5 and read_mask_size(made[0]) == (48, 64)
    times = [path.stat().st_mtime_ns for path in made]
    build(videos, out, Models())  # nothing is missing: no model is needed
    assert [path.stat().st_mtime_ns for path in made] == times


class Following:  # as a tracker: the mask of each instance is as wide as its frame is bright
    def tracks(self, frames, boxes):
        tracks = {number: np.zeros(frames.shape[:3], bool) for number in boxes}
        for track in tracks.values():
            for mask, brightness in zip(track, frames[:, 20, 30, 0]):
                mask[10:20, : 4 + brightness // 8] = True
        return tracks


def test_masks_of_a_variable_frame_rate_are_read_with_the_frames_that_they_are_of(videos, tmp_path):
    frames = np.repeat(np.arange(10, 250, 10, dtype=np.uint8), 48 * 64 * 3).reshape(24, 48, 64, 3)
    write_video(tmp_path / "even.mp4", frames, 8.0)
    dropped = ["-vf", "select='not(between(n,6,18)*mod(n,3))'", "-fps_mode", "vfr"]
    subprocess.run(
        [get_ffmpeg_exe(), "-v", "error", "-y", "-i", tmp_path / "even.mp4", *dropped, videos / "one.mp4"], check=True
    )
    out = tmp_path / "out"
    put(out, interactions=SAID, checked=BOXES)
    assert build(videos, out, Models(tracker=Following())) == []
    clip = MatrixVideos(out, 10, 4.0).load("one.mp4")
    wide = clip.tracks[1, :, 15].sum(1)
    np.testing.assert_allclose(wide, 4 + clip.frames[:, 24, 32, 0] // 8, atol=1)


def read_mask_size(path):
    import cv2

    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape


def test_interactions_without_contact_or_motion_are_left_out():
    found = read_interaction("one", CAPTION, SAID)
    assert found.triplet == ("man", "picks up", "mug") and (found.subject_id, found.object_id) == (1, 2)
    with pytest.raises(InputError, match="contact and motion"):
        read_interaction("one", CAPTION, SAID | {"triplets": SAID["triplets"][:1]})


def test_words_that_the_caption_lacks_are_named():
    with pytest.raises(InputError, match="'mug'"):
        read_interaction("one", "A man in a red shirt picks up the ball.", SAID)


def test_a_language_model_that_answers_without_json_is_quoted(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "mug": 1, "man": 2}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(tmp_path)
    size = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1)
    LlamaForCausalLM(LlamaConfig(vocab_size=3, bos_token_id=0, eos_token_id=0, **size)).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="without JSON"):
        LanguageModel(str(tmp_path)).interactions("one", CAPTION)


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(VideoError) as caught:
        Tracker(str(tmp_path))
    assert caught.value.code is ErrorCode.MODEL_MISSING


def test_a_video_of_which_a_stop_left_a_part_is_copied_again(videos, tmp_path):
    out = tmp_path / "out"
    put(out, interactions=SAID, checked=BOXES)
    put_masks(out)
    (out / "videos").mkdir()
    (out / "videos" / "one.mp4").write_bytes((videos / "one.mp4").read_bytes()[:100])
    assert build(videos, out, Models()) == []
    assert (out / "videos" / "one.mp4").read_bytes() == (videos / "one.mp4").read_bytes()
