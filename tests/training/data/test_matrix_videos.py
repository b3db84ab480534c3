"""On a small folder made in the layout."""

import csv
import json

import cv2
import numpy as np
import pytest

from hoi_motion.media.video_file import write_video
from tavid_planner.errors import InputError
from training.data.matrix_videos import MatrixVideos, plain_caption
from training.data.sources import load, open_source

PROMPT = "a <id1> person passes a ball to another <id2> person"
FRAMES = 16


def mask_of(number: int, frame: int) -> np.ndarray:
    mask = np.zeros((32, 48), np.uint8)
    mask[4 * number : 4 * number + 8, frame : frame + 10] = 255
    return mask


@pytest.fixture
def folder(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, 32, 48, 3), dtype=np.uint8)
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "000001.mp4", frames, 16.0)
    for number in (1, 2):
        masks = tmp_path / "mask_annotation" / "000001" / f"<id{number}>"
        masks.mkdir(parents=True)
        for frame in range(FRAMES):
            # one channel is enough: the brightest counts
            picture = np.zeros((32, 48, 3), np.uint8)
            picture[..., number] = mask_of(number, frame)
            cv2.imwrite(str(masks / f"{frame:03d}.png"), picture)
    return tmp_path


def write_rows(folder, rows, kind):
    path = folder / f"metadata.{kind}"
    if kind == "csv":
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows) if kind == "json" else "\n".join(json.dumps(r) for r in rows))


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_the_layout_is_recognised_with_every_kind_of_metadata(folder, kind):
    write_rows(folder, [{"video": "videos/000001.mp4", "prompt": PROMPT}], kind)
    source = open_source(folder, 8, 8.0)
    assert isinstance(source, MatrixVideos) and source.names() == ["000001.mp4"]
    clip = source.load("000001.mp4")
    assert clip.caption == "a person passes a ball to another [TGT] person"
    assert clip.frames.shape == (8, 32, 48, 3) and clip.tracks.shape == (2, 8, 32, 48)


def test_tracks_follow_the_frames_that_are_kept(folder):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "jsonl")
    clip = MatrixVideos(folder, 8, 8.0).load("000001.mp4")  # every second frame of 16 a second
    for t in range(8):
        assert np.array_equal(clip.tracks[0, t], mask_of(1, 2 * t) > 0)
        assert np.array_equal(clip.tracks[1, t], mask_of(2, 2 * t) > 0)
    assert np.array_equal(clip.mask, mask_of(2, 0) > 0)


@pytest.mark.parametrize("fps, frames", [(16.0, [0, 1, 2, 3]), (4.0, [0, 4, 8, 12])])
def test_clip_has_the_rate_that_is_asked_for(folder, fps, frames):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "jsonl")
    clip = open_source(folder, 4, fps).load("000001.mp4")
    assert [np.array_equal(clip.tracks[0, t], mask_of(1, frame) > 0) for t, frame in enumerate(frames)] == [True] * 4


def test_a_video_is_decoded_no_further_than_its_clip_reaches_however_long_it_is(folder):
    frames = np.random.default_rng(0).integers(0, 255, (4, 32, 48, 3), dtype=np.uint8)
    write_video(folder / "videos" / "000001.mp4", (frames[t % 4] for t in range(1200)), 16.0, preset="ultrafast")
    whole = (folder / "videos" / "000001.mp4").read_bytes()
    # pictures are at the end of the file; those of its last quarter are no longer there
    (folder / "videos" / "000001.mp4").write_bytes(whole[: -len(whole) // 4] + bytes(len(whole) // 4))
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "jsonl")
    clip = MatrixVideos(folder, 4, 8.0).load("000001.mp4")
    assert clip.frames.shape == (4, 32, 48, 3)
    assert [np.array_equal(clip.tracks[1, t], mask_of(2, 2 * t) > 0) for t in range(4)] == [True] * 4


def test_a_video_of_fewer_frames_a_second_than_the_model_or_too_short_is_refused(folder):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "jsonl")
    for count, fps, said in ((9, 30.0, "too few frames a second"), (17, 16.0, "16 frames, 17 are needed")):
        with pytest.raises(InputError, match=f"000001.mp4: .*{said}"):
            MatrixVideos(folder, count, fps).load("000001.mp4")


def test_the_target_is_the_first_instance_of_the_id_map(folder):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "jsonl")
    ids = MatrixVideos(folder, 4, 8.0).load("000001.mp4").ids
    assert (ids[mask_of(1, 0) > 0] == 2).all()  # where they overlap the later one counts
    assert (ids[(mask_of(2, 0) > 0) & (mask_of(1, 0) == 0)] == 1).all()


def test_a_row_may_say_who_does_what_to_what(folder):
    row = {"video": "000001.mp4", "prompt": PROMPT, "subject_id": 2, "object_id": 1}
    write_rows(folder, [row | {"triplet": ["another person", "gets", "ball"]}], "json")
    clip = MatrixVideos(folder, 4, 8.0).load("000001.mp4")
    assert clip.triplet == ("another person", "gets", "ball") and np.array_equal(clip.mask, mask_of(1, 0) > 0)
    assert clip.caption.startswith("a [TGT] person passes")


@pytest.mark.parametrize(
    "change, named",
    [
        ({"prompt": "a person passes a ball"}, "<id1>"),
        ({"prompt": "a <id3> dog"}, "<id3>"),
        ({"object_id": "ball"}, "object_id"),
        ({"object_id": "²"}, "object_id"),
        ({"object_id": "1" * 5000}, "object_id"),
        ({"object_id": -1}, "object_id"),
        ({"prompt": f"a <id{'1' * 5000}> dog"}, "names no instance"),
        ({"triplet": ["a", "b"]}, "triplet"),
        ({"triplet": "abc"}, "triplet"),
    ],
)
def test_what_is_missing_is_named(folder, change, named):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT} | change], "json")
    with pytest.raises(InputError, match=named):
        MatrixVideos(folder, 4, 8.0).load("000001.mp4")


def test_a_changed_mask_or_row_changes_the_fingerprint(folder):
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT}], "json")
    before = MatrixVideos(folder).fingerprint("000001.mp4")
    assert before == MatrixVideos(folder).fingerprint("000001.mp4")
    write_rows(folder, [{"video": "000001.mp4", "prompt": PROMPT + " again"}], "json")
    again = MatrixVideos(folder).fingerprint("000001.mp4")
    cv2.imwrite(str(folder / "mask_annotation" / "000001" / "<id1>" / "003.png"), mask_of(2, 3))
    assert len({before, again, MatrixVideos(folder).fingerprint("000001.mp4")}) == 3


def test_damaged_metadata_is_named(folder):
    (folder / "metadata.json").write_text('[{"video": "000001.mp4"}]')
    with pytest.raises(InputError, match="metadata.json"):
        MatrixVideos(folder).names()


def test_marks_leave_the_sentence_and_the_target_gets_its_own():
    assert plain_caption("a <id1> man lifts a <id2>red mug", 2) == "a man lifts a [TGT] red mug"


def test_a_prompt_may_go_on_over_lines_and_fields_may_be_parted_by_semicolons(folder):
    prompt = PROMPT.replace(" passes", "\npasses")
    (folder / "metadata.csv").write_text(f'video;prompt\n000001.mp4;"{prompt}"\n')
    clip = MatrixVideos(folder, 8, 8.0).load("000001.mp4")
    assert clip.caption.split() == "a person passes a ball to another [TGT] person".split()


@pytest.mark.parametrize(
    "kind, text, said",
    [
        (
            "csv",
            "video,prompt\n1.mp4,a <id1> person, who sits\n",
            "line 2: it has 3 fields, the first",
        ),
        ("csv", "video,prompt\n1.mp4\n", "line 2: it has 1 fields, the first"),
        ("jsonl", '{"video": "1.mp4", "video": "2.mp4", "prompt": "x"}', "'video' twice"),
    ],
)
def test_metadata_without_any_row_of_use_is_refused(folder, kind, text, said):
    (folder / f"metadata.{kind}").write_text(text)
    with pytest.raises(InputError, match=said):
        MatrixVideos(folder).names()


@pytest.mark.parametrize("other", ["a/000002.mp4", "000002.avi"])
def test_of_several_rows_for_one_video_none_is_used_and_the_others_are(folder, other):
    rows = [{"video": v, "prompt": PROMPT} for v in ("videos/000001.mp4", "000002.mp4", other)]
    write_rows(folder, [*rows, {"video": "000003.mp4", "prompt": ""}], "csv")
    source = open_source(folder, 8, 8.0)
    assert source.load("000001.mp4").caption.startswith("a person")
    for name, said in (("000002.mp4", "several rows for the video '000002'"), ("metadata.csv line 5", "no prompt")):
        assert name in source.names()
        with pytest.raises(InputError, match=said):
            load(source, name)
