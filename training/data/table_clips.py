"""Videos with captions and masks that a table names, as hubs keep data sets of videos.

metadata.csv, .json or .jsonl    file_name (or video): of a video in the folder or below it
                                 text (or prompt, caption): a sentence with [TGT]
                                 mask: a picture's file, or COCO run lengths (size, counts), of the first frame;
                                 left out: the picture NAME.png beside the video
"""

import hashlib
import json
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.lift.track.coco_masks import run_lengths_to_mask
from hoi_motion.masks import checked_mask
from hoi_motion.media.image_files import read_mask
from hoi_motion.media.video_file import read_sampled
from hoi_motion.reading.text import json_value
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import InputError
from training.data.clip import TrainingClip, checked_clip, unusable
from training.data.fingerprint import DIGITS, fingerprint
from training.data.tables import read_table, table_of

VIDEO_COLUMNS = ("file_name", "video")
CAPTION_COLUMNS = ("text", "prompt", "caption")
MASK_COLUMN = "mask"
MOST_PIXELS = 2**26


class TableClips:
    """A folder with such a table.

    Args:
        num_frames: of a clip, from a video's first frame on; fps: frames a second of the model that is trained.

    Raises:
        InputError: FILE_INVALID for a table that cannot be read.
    """

    def __init__(self, folder, num_frames: int = 1, fps: float = 8.0):
        self.folder, self.num_frames, self.fps = Path(folder), num_frames, fps

    def names(self) -> list[str]:
        return sorted(self._rows)

    def load(self, name: str) -> TrainingClip:
        row = self._rows[name]
        try:
            clip = read_sampled(self._file(name, name), self.num_frames, self.fps)
            mask = self._mask(name, row)
            mask = clip.fitted(checked_mask(mask, clip.size_of(mask)))
        except InputError as error:
            raise unusable(name, error.message) from error
        return checked_clip(name, TrainingClip(clip.frames, mask, row["caption"]))

    def fingerprint(self, name: str) -> str:
        row, files = self._rows[name], [self.folder / name]
        if not row[MASK_COLUMN] or isinstance(row[MASK_COLUMN], str):
            files.append(self.folder / (row[MASK_COLUMN] or str(PurePosixPath(name).with_suffix(".png"))))
        digits = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:DIGITS]
        return fingerprint(files) + digits

    @cached_property
    def _rows(self) -> dict[str, dict]:
        """Caption and mask by name of the video; none where the table has no such columns."""
        path = table_of(self.folder)
        if path is None:
            return {}
        with reading(path, "metadata", hint="each row has a file_name and a text"):
            rows, found = read_table(path), {}
            if not isinstance(rows, list):  # of something else
                return {}
            for row in rows:
                video, caption = (
                    next((row[column] for column in columns if row.get(column)), None)
                    for columns in (VIDEO_COLUMNS, CAPTION_COLUMNS)
                )
                if video is None or caption is None:
                    continue
                if video in found:
                    raise ValueError(f"it has several rows for the video {video!r:.100}")
                mask = row.get(MASK_COLUMN)
                if isinstance(mask, str) and mask.lstrip().startswith("{"):
                    mask = json_value(mask)  # run lengths in a field of a .csv
                found[str(video)] = {"caption": str(caption).strip(), MASK_COLUMN: mask}
            return found

    def _mask(self, name: str, row: dict) -> np.ndarray:
        mask = row[MASK_COLUMN]
        if mask and not isinstance(mask, str):
            try:
                height, width = map(int, mask["size"])
                if not 0 < height * width <= MOST_PIXELS:
                    raise ValueError(f"its size is {shown(mask['size'])}")
                return run_lengths_to_mask(mask["counts"], (height, width))
            except (KeyError, TypeError, ValueError) as error:
                raise unusable(name, f"its mask is no COCO run lengths with size and counts: {error}") from error
        path = self._file(name, mask or str(PurePosixPath(name).with_suffix(".png")))
        if not path.is_file():
            raise unusable(name, f"its mask {path.name} is missing")
        return read_mask(path)

    def _file(self, name: str, relative: str) -> Path:
        """A file in the folder; a table may come from anywhere."""
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts:
            raise unusable(name, f"{relative[:100]!r} is not in the folder")
        return self.folder / path
