"""Videos with captions and masks that a table names, as hubs keep data sets of videos.

metadata.csv, .json or .jsonl    file_name (or video): of a video in the folder or below it
                                 text (or prompt, caption): a sentence with [TGT]
                                 mask: a picture's file, or COCO run lengths (size, counts), of the first frame;
                                 left out: the picture NAME.png, or else NAME_mask.png, beside the video

A row that cannot be used is one clip that cannot be used.
"""

import hashlib
import json
from collections import Counter
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from hoi_motion.lift.track.coco_masks import run_lengths_to_mask
from hoi_motion.masks import checked_mask
from hoi_motion.media.image_files import read_mask
from hoi_motion.media.video_file import read_sampled
from hoi_motion.reading.text import json_value
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import InputError
from training.data.clip import TrainingClip, checked_clip, unusable
from training.data.clip_files import ClipFiles, same_name
from training.data.fingerprint import DIGITS, fingerprint
from training.data.tables import Row, read_table, refuse_all, table_of

VIDEO_COLUMNS = ("file_name", "video")
CAPTION_COLUMNS = ("text", "prompt", "caption")
MASK_COLUMN = "mask"


class TableClips:
    """A folder with such a table.

    Args:
        num_frames: of a clip, from a video's first frame on; fps: frames a second of the model that is trained.
        encoding: of a table without a byte order mark.

    Raises:
        InputError: FILE_INVALID for a table of which no row can be read.
    """

    def __init__(self, folder, num_frames: int = 1, fps: float = 8.0, encoding: str = "utf-8"):
        self.folder, self.num_frames, self.fps, self.encoding = Path(folder), num_frames, fps, encoding
        self._places: dict[Path, ClipFiles] = {}

    def names(self) -> list[str]:
        """Videos that rows name, and the places of rows that cannot be read."""
        return sorted(self._rows)

    def load(self, name: str) -> TrainingClip:
        row = self._rows[name]
        if row.fault:
            raise row.error()
        try:
            clip = read_sampled(self._file(name, name), self.num_frames, self.fps)
            mask = self._mask(name, row.fields[MASK_COLUMN])
            mask = clip.fitted(checked_mask(mask, clip.size_of(mask)))
        except InputError as error:
            raise unusable(name, error.message) from error
        return checked_clip(name, TrainingClip(clip.frames, mask, row.fields[CAPTION_COLUMNS[0]]))

    def fingerprint(self, name: str) -> str:
        row = self._rows[name]
        if row.fault:
            return row.digest
        digits = hashlib.sha256(json.dumps(row.fields, sort_keys=True).encode()).hexdigest()[:DIGITS]
        try:
            files, mask = [self._file(name, name)], row.fields[MASK_COLUMN]
            if not mask or isinstance(mask, str):
                files.append(self._file(name, mask) if mask else self._beside(name))
        except InputError as error:  # for which this one clip is left out when it is loaded
            return Row(row.place, {}, error.message).digest + digits
        return fingerprint(files) + digits

    @cached_property
    def _rows(self) -> dict[str, Row]:
        """Caption and mask by name of the video; none where the table has no such columns."""
        path = table_of(self.folder)
        if path is None:
            return {}
        with reading(path, "metadata", hint="each row has a file_name and a text"):
            found: dict[str, Row] = {}
            rows = [_clip_row(row) for row in read_table(path, self.encoding)]
            if not any(_has(row, VIDEO_COLUMNS) and _has(row, CAPTION_COLUMNS) for row in rows):
                refuse_all(rows)
                return {}  # of something else
            for row in sorted(rows, key=lambda row: bool(row.fault)):
                name = row.fields.get(VIDEO_COLUMNS[0]) or row.place
                if name in found and row.fault:
                    name = row.place
                found[name] = _several(name, row) if name in found else row
            return found | self._of_one_file(found)

    def _of_one_file(self, rows: dict[str, Row]) -> dict[str, Row]:
        """Faults of rows whose videos are one file, by names that differ in letter case and the like."""
        alike: dict[str, list[str]] = {}
        for name, row in rows.items():
            if not row.fault:
                alike.setdefault(same_name(str(PurePosixPath(name))), []).append(name)
        faults = {}
        for names in (names for names in alike.values() if len(names) > 1):
            counts = Counter(self._found(name) for name in names)
            faults |= {name: _several(name, rows[name]) for name in names if counts[self._found(name)] > 1}
        return faults

    def _mask(self, name: str, mask) -> np.ndarray:
        if mask and not isinstance(mask, str):
            try:
                height, width = map(int, mask["size"])
                return run_lengths_to_mask(mask["counts"], (height, width))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise unusable(name, f"its mask is no COCO run lengths with size and counts: {error}") from error
        path = self._file(name, mask) if mask else self._beside(name)
        if not path.is_file():
            raise unusable(name, f"its mask {path.name} is missing")
        return read_mask(path)

    def _beside(self, name: str) -> Path:
        """The mask that lies beside a video."""
        video = self._file(name, name)
        found = self._files(video.parent).masks(video.name)
        if len(found) > 1:
            files = ", ".join(sorted(path.name for path in found)[:4])
            raise unusable(name, f"masks of one name are there, of which only one can be meant: {files}")
        return found[0] if found else video.with_suffix(".png")

    def _file(self, name: str, relative: str) -> Path:
        """A file in the folder; a table may come from anywhere."""
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts or not path.name:
            raise unusable(name, f"{relative[:100]!r} is not in the folder")
        return self._found(relative)

    def _found(self, relative: str) -> Path:
        path = self.folder / relative
        return self._files(path.parent).find(path.name)

    def _files(self, folder: Path) -> ClipFiles:
        return self._places.setdefault(folder, ClipFiles(folder))


def _several(name: str, row: Row) -> Row:
    return Row(name, {}, f"there are several rows for this video, one of them {row.place}")


def _has(row: Row, columns: tuple[str, ...]) -> bool:
    return bool(row.fields.get(columns[0]))


def _clip_row(row: Row) -> Row:
    """A row with the video, the caption and the mask that it names under the first of their columns, or its fault."""
    if row.fault:
        return row
    video, caption = (
        str(next((row.fields[column] for column in columns if row.fields.get(column)), "")).strip()
        for columns in (VIDEO_COLUMNS, CAPTION_COLUMNS)
    )
    mask = row.fields.get(MASK_COLUMN)
    fault = "" if video and caption else f"it names no {'video' if caption else 'caption'}"
    if isinstance(mask, str) and mask.lstrip().startswith("{"):
        try:
            mask = json_value(mask)  # run lengths in a field of a .csv
        except ValueError as error:
            fault = fault or f"its mask is no JSON: {error}"
    fields = {VIDEO_COLUMNS[0]: video, CAPTION_COLUMNS[0]: caption, MASK_COLUMN: mask}
    return Row(row.place, fields, fault)
