"""Videos whose captions and masks a table names."""

import csv
import json

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
def test_a_row_that_cannot_be_used_is_named(folder, changes, said):
    write_lines(folder, [ROWS[1] | changes])
    source = open_source(folder, 9)
    with pytest.raises(InputError, match=said) as error:
        load(source, source.names()[0])
    assert error.value.code is ErrorCode.FILE_INVALID


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
