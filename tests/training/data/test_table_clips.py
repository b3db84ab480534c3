"""Videos whose captions and masks a table names."""

import csv
import json
import unicodedata

import cv2
import numpy as np
import pytest

from hoi_motion.media.video_file import write_video
from tavid_planner.errors import ErrorCode, InputError
from training.data.sources import load, open_source
from training.data.table_clips import TableClips

CAPTION = "A person takes the [TGT] mug."
MASK = np.zeros((32, 48), bool)
MASK[8:20, 10:30] = True
# column by column, first the number of zeros
RUNS = {"size": [32, 48], "counts": [10 * 32 + 8, *[12, 20] * 19, 12, 32 * 48 - 29 * 32 - 20]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "videos").mkdir()
    for name in "abc":
        write_video(tmp_path / "videos" / f"{name}.mp4", np.full((9, 32, 48, 3), 90, np.uint8), 8)
    cv2.imwrite(str(tmp_path / "videos" / "a.png"), 255 * MASK.astype(np.uint8))
    cv2.imwrite(str(tmp_path / "b-mask.png"), 255 * MASK.astype(np.uint8))
    return tmp_path


ROWS = [
    {"file_name": "videos/a.mp4", "text": CAPTION, "mask": ""},
    {"file_name": "videos/b.mp4", "text": CAPTION, "mask": "b-mask.png"},
    {"file_name": "videos/c.mp4", "text": CAPTION, "mask": RUNS},
]


def write_csv(folder):
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["file_name", "text", "mask"])
        table.writeheader()
        table.writerows(
            {**row, "mask": row["mask"] if isinstance(row["mask"], str) else json.dumps(RUNS)} for row in ROWS
        )


def write_lines(folder, rows=ROWS):
    names = {"file_name": "video", "text": "prompt", "mask": "mask"}
    lines = (json.dumps({names[key]: value for key, value in row.items()}) for row in rows)
    (folder / "metadata.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize("write", [write_csv, write_lines])
def test_masks_beside_the_video_in_a_file_and_as_run_lengths_are_one(folder, write):
    write(folder)
    source = open_source(folder, 9)
    assert isinstance(source, TableClips) and source.names() == [row["file_name"] for row in ROWS]
    for name in source.names():
        clip = load(source, name)
        assert np.array_equal(clip.mask, MASK) and clip.caption == CAPTION and len(clip.frames) == 9


def test_what_changed_in_table_or_mask_is_another_clip(folder):
    write_lines(folder)
    before = {name: TableClips(folder).fingerprint(name) for name in TableClips(folder).names()}
    cv2.imwrite(str(folder / "b-mask.png"), np.zeros((32, 48), np.uint8))
    write_lines(folder, [ROWS[0], ROWS[1], {**ROWS[2], "text": "The [TGT] mug is taken."}])
    after = {name: TableClips(folder).fingerprint(name) for name in TableClips(folder).names()}
    assert [before[name] == after[name] for name in before] == [True, False, False]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"mask": "../b-mask.png"}, "is not in the folder"),
        ({"mask": "/etc/hosts"}, "is not in the folder"),
        ({"mask": "none.png"}, "none.png is missing"),
        ({"mask": {"size": [32, 48]}}, "no COCO run lengths"),
        ({"mask": {"size": [10**6, 10**6], "counts": [10**12]}}, "no COCO run lengths.*1000000"),
        ({"mask": {"size": [32, 48], "counts": [5]}}, "no COCO run lengths"),
        ({"text": "A person takes the mug."}, "does not name the target"),
        ({"file_name": "videos/none.mp4"}, "none.mp4"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_once(folder, changes, said):
    write_lines(folder, [ROWS[1] | changes])
    source = open_source(folder, 9)
    name = source.names()[0]
    with pytest.raises(InputError, match=said) as error:
        load(source, name)
    assert error.value.code is ErrorCode.FILE_INVALID
    assert error.value.message.startswith(f"{name}: ") and error.value.message.count(f"{name}: ") == 1


def test_a_table_without_captions_leaves_the_folder_to_what_lies_beside_the_videos(folder):
    (folder / "metadata.csv").write_text("file_name,length\nvideos/a.mp4,9\n")
    write_video(folder / "d.mp4", np.full((9, 32, 48, 3), 90, np.uint8), 8)
    assert open_source(folder, 9).names() == ["d.mp4"]


@pytest.mark.parametrize("table", ["file_name,text\nvideos/a.mp4,A person takes the mug.\n", "no,table\n1,2,3\n"])
def test_a_table_does_not_count_where_captions_lie_beside_the_videos(folder, table):
    (folder / "videos" / "a.txt").write_text(CAPTION)
    (folder / "videos" / "metadata.csv").write_text(table)
    assert load(open_source(folder / "videos", 9), "a.mp4").caption == CAPTION


def test_a_file_of_that_name_that_is_no_table_says_nothing(folder):
    (folder / "metadata.json").write_text('{"fps": 8}')
    write_video(folder / "d.mp4", np.full((9, 32, 48, 3), 90, np.uint8), 8)
    assert open_source(folder, 9).names() == ["d.mp4"]


BROKEN = {
    "csv": (
        "file_name,text,mask\r\n"
        f"videos/a.mp4,{CAPTION},\r\n"
        'videos/x.mp4,"A person takes the [TGT] mug.,\r\n'
        'videos/b.mp4,"A person says ""hi"" and takes the [TGT] mug.",b-mask.png\r\n'
        "videos/y.mp4,A person, who takes the [TGT] mug.,\r\n"
        "videos/z.mp4,,\r\n",
        {"metadata.csv line 3": "quotation marks", "metadata.csv line 5": "4 fields", "videos/z.mp4": "no caption"},
    ),
    "jsonl": (
        json.dumps(ROWS[0])
        + '\n{"file_name": "videos/x.mp4", \n[1]\n'
        + json.dumps({**ROWS[1], "text": 'A person says "hi" and takes the [TGT] mug.'})
        + '\n{"text": "The [TGT] mug."}\n{"file_name": "videos/z.mp4"}\n',
        {
            "metadata.jsonl line 2": "no JSON",
            "metadata.jsonl line 3": "expected an object",
            "metadata.jsonl line 5": "no video",
            "videos/z.mp4": "no caption",
        },
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_rows_that_cannot_be_read_are_named_and_the_others_are_used(folder, kind):
    text, faults = BROKEN[kind]
    (folder / f"metadata.{kind}").write_text(text, newline="")
    source = open_source(folder, 9)
    assert source.names() == sorted([*faults, "videos/a.mp4", "videos/b.mp4"])
    assert load(source, "videos/a.mp4").caption == CAPTION
    assert load(source, "videos/b.mp4").caption == 'A person says "hi" and takes the [TGT] mug.'
    for name, said in faults.items():
        assert source.fingerprint(name)
        with pytest.raises(InputError, match=said) as error:
            load(source, name)
        assert error.value.message.startswith(f"metadata.{kind} line ")


def test_of_several_rows_for_one_video_none_is_used(folder):
    write_lines(folder, [ROWS[0], *[ROWS[1] | {"text": f"{n} takes the [TGT] mug."} for n in "abc"]])
    source = open_source(folder, 9)
    with pytest.raises(InputError, match="several rows for this video, one of them metadata.jsonl line 4"):
        load(source, "videos/b.mp4")
    assert load(source, "videos/a.mp4").caption == CAPTION


@pytest.mark.parametrize("other", ["videos/A.mp4", "./videos/a.mp4"])
def test_two_names_of_one_file_are_two_rows_for_one_video(folder, other):
    write_lines(folder, [ROWS[0], ROWS[0] | {"file_name": other}, ROWS[1]])
    source = open_source(folder, 9)
    assert load(source, "videos/b.mp4")
    for name in ("videos/a.mp4", other):
        with pytest.raises(InputError, match="several rows for this video"):
            load(source, name)
    (folder / "videos" / "A.mp4").write_bytes((folder / "videos" / "a.mp4").read_bytes())
    (folder / "videos" / "A.png").write_bytes((folder / "videos" / "a.png").read_bytes())
    if other == "videos/A.mp4":
        assert all(load(open_source(folder, 9), name) for name in ("videos/a.mp4", other))


def test_a_row_without_a_caption_takes_nothing_from_the_one_that_has_it(folder):
    write_lines(folder, [{**ROWS[0], "text": ""}, ROWS[0]])
    source = open_source(folder, 9)
    assert source.names() == ["metadata.jsonl line 1", "videos/a.mp4"]
    assert load(source, "videos/a.mp4").caption == CAPTION


def test_lines_of_separators_are_no_rows(folder):
    (folder / "metadata.csv").write_text(f"file_name,text,mask\nvideos/a.mp4,{CAPTION},\n,,\n  \n\n,,\n")
    assert open_source(folder, 9).names() == ["videos/a.mp4"]


@pytest.mark.parametrize(
    "row, said",
    [
        ({"file_name": "../a.mp4"}, "is not in the folder"),
        ({"file_name": "/a.mp4"}, "is not in the folder"),
        ({"file_name": "."}, "is not in the folder"),
        ({"file_name": "a" * 400 + ".mp4"}, "."),
        ({"file_name": "a\0.mp4"}, "has control characters"),
        ({"file_name": "\ud800.mp4"}, "has control characters"),
        ({"file_name": "videos/a.mp4", "mask": "../b-mask.png"}, "is not in the folder"),
        ({"file_name": "videos/c.mp4"}, "masks of one name"),
        ({"file_name": "videos/a.mp4", "text": "A person\x92s hand takes the [TGT] mug."}, "has control characters"),
    ],
)
def test_a_row_whose_files_cannot_be_told_is_left_out_alone(folder, row, said):
    for mask in ("c_mask.png", "c_mask.bmp"):
        (folder / "videos" / mask).write_bytes(b"")
    write_lines(folder, [ROWS[1], {"text": CAPTION} | row])
    source = open_source(folder, 9)
    other = next(name for name in source.names() if name != "videos/b.mp4")
    assert all(source.fingerprint(name) for name in source.names())  # made of all, before the first is encoded
    assert load(source, "videos/b.mp4")
    with pytest.raises(InputError, match=said):
        load(source, other)


def test_a_table_of_which_no_row_can_be_read_is_refused(folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "videos/a.mp4"\n' * 2)
    with pytest.raises(InputError, match="metadata.jsonl line 1: it is no JSON") as error:
        open_source(folder, 9)
    assert error.value.code is ErrorCode.FILE_INVALID


def test_files_are_found_whatever_their_letter_case_and_their_unicode_form(folder):
    (folder / "videos" / "a.mp4").rename(folder / "videos" / unicodedata.normalize("NFD", "Müller.MP4"))
    (folder / "videos" / "a.png").rename(folder / "videos" / unicodedata.normalize("NFD", "Müller_MASK.PNG"))
    (folder / "b-mask.png").rename(folder / "B-Mask.PNG")
    write_lines(folder, [{**ROWS[0], "file_name": "videos/müller.mp4"}, ROWS[1]])
    source = open_source(folder, 9)
    assert all(np.array_equal(load(source, name).mask, MASK) for name in source.names())
    before = [source.fingerprint(name) for name in source.names()]
    for path in (folder / "videos").glob("M*PNG"):
        path.write_bytes(b"")
    (folder / "B-Mask.PNG").write_bytes(b"")
    assert not {source.fingerprint(name) for name in source.names()} & set(before)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_in_its_encoding(folder, encoding):
    rows = "file_name;text\r\nvideos/a.mp4;A person takes the [TGT] café.\r\n"
    (folder / "metadata.csv").write_bytes(rows.encode(encoding))
    if encoding == "cp1252":
        with pytest.raises(InputError, match="is not in utf-8, byte.*--caption-encoding"):
            open_source(folder, 9)
    source = open_source(folder, 9, encoding="cp1252")
    assert load(source, "videos/a.mp4").caption == "A person takes the [TGT] café."
