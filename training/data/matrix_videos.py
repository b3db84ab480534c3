"""Videos with instance tracks in MATRIX-11K's layout, as its published code reads it.

    metadata.csv, .json or .jsonl           video, prompt: "a <id1> person passes a ball to another <id2> person"
    videos/000001.mp4
    mask_annotation/000001/<id1>/000.png    a mask of every frame, by instance; `merged/` beside them is not read

Beyond that a row may say who does what to what (`triplet`: words of subject, verb and object) and which instances these
are (`subject_id`, `object_id`), as `training.data.build_tracks` writes it. Without, the first instance that the
sentence names acts on the second.
"""

import hashlib
import json
import re
from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.media.image_files import read_labels
from hoi_motion.media.video_file import VideoClip, read_sampled
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import InputError
from tavid_planner.instances import MAX_INSTANCES
from tavid_planner.request import TARGET_TOKEN
from training.data.clip import TrainingClip, checked_clip, unusable
from training.data.fingerprint import DIGITS, fingerprint
from training.data.tables import Row, read_table, refuse_all, table_of

VIDEOS = "videos"
MASKS = "mask_annotation"
MARKED = 0.5  # of full brightness, in the brightest channel
_WHOLE = re.compile(r"[0-9]{1,9}")
_ID = re.compile(rf"<id({_WHOLE.pattern})>\s*")


class MatrixVideos:
    """A folder in that layout.

    Args:
        num_frames: of a clip, from a video's first frame on, which is decoded no further; fps: frames a second of the
            model that is trained.
        encoding: of metadata without a byte order mark.

    Raises:
        InputError: FILE_INVALID for metadata of which no row can be read.
    """

    def __init__(self, folder, num_frames: int = 1, fps: float = 8.0, encoding: str = "utf-8"):
        self.folder, self.num_frames, self.fps, self.encoding = Path(folder), num_frames, fps, encoding

    def names(self) -> list[str]:
        return sorted(self._rows) if (self.folder / MASKS).is_dir() else []

    def load(self, name: str) -> TrainingClip:
        found = self._rows[name]
        if found.fault:
            raise found.error()
        row = found.fields
        try:
            video = read_sampled(self._video(name), self.num_frames, self.fps)
        except InputError as error:
            raise unusable(name, error.message) from error
        prompt = row["prompt"]
        named = list(dict.fromkeys(int(number) for number in _ID.findall(prompt)))
        if not named:
            raise unusable(name, f"its prompt names no instance: {prompt[:60]!r} has no <id1>")
        subject = _number(name, row, "subject_id", named[0] if len(named) > 1 else None)
        other = _number(name, row, "object_id", named[1] if len(named) > 1 else named[0])
        followed = dict.fromkeys([other, *([] if subject is None else [subject]), *named])
        tracks = {number: self._track(name, number, video) for number in [*followed][:MAX_INSTANCES]}
        ids = np.zeros(tracks[other].shape[1:], np.uint8)
        for place, track in enumerate(tracks.values(), start=1):
            ids[track[0]] = place
        triplet = row.get("triplet") or None
        words = triplet if isinstance(triplet, list) else []
        if triplet is not None and (len(words) != 3 or not all(isinstance(w, str) and w.strip() for w in words)):
            raise unusable(name, f"its triplet is {str(triplet)[:60]!r}, expected words of subject, verb and object")
        if not tracks[other][0].any():
            raise unusable(name, f"<id{other}> is not in its first frame")
        clip = TrainingClip(
            video.frames,
            tracks[other][0],
            plain_caption(prompt, other),
            None if subject is None else np.stack([tracks[subject], tracks[other]]),
            None if triplet is None else tuple(triplet),
            ids,
        )
        return checked_clip(name, clip)

    def fingerprint(self, name: str) -> str:
        if self._rows[name].fault:
            return self._rows[name].digest
        masks = sorted((self.folder / MASKS / _stem(name)).glob("<id*>/*.png"))
        row = json.dumps(self._rows[name].fields, sort_keys=True)
        return fingerprint([self._video(name), *masks]) + hashlib.sha256(row.encode()).hexdigest()[:DIGITS]

    @cached_property
    def _rows(self) -> dict[str, Row]:
        """Metadata by name of the video, and by their places rows that cannot be read."""
        path = table_of(self.folder)
        if path is None:
            return {}
        with reading(path, "metadata", hint="each row has a video and a prompt"):
            named: dict[str, Row] = {}
            rows = [_clip_row(row) for row in read_table(path, self.encoding)]
            if all(row.fault for row in rows):
                refuse_all(rows)
            # masks belong to a name without its ending
            stems = Counter(_stem(row.fields["video"]) for row in rows if row.fields)
            for row in rows:
                name = Path(row.fields["video"]).name if row.fields else row.place
                if row.fields and stems[_stem(name)] > 1:
                    row = Row(name, {}, f"there are several rows for the video {_stem(name)!r:.100}")
                named[name] = row
            return named

    def _video(self, name: str) -> Path:
        return self.folder / VIDEOS / name

    def _track(self, name: str, number: int, video: VideoClip) -> np.ndarray:  # (T, H, W) bool
        """Masks of an instance in the frames of the clip; a frame without a file shows nothing of it."""
        folder = self.folder / MASKS / _stem(name) / f"<id{number}>"
        files = {int(path.stem): path for path in folder.glob("*.png") if _WHOLE.fullmatch(path.stem)}
        if 0 not in files:
            raise unusable(name, f"{folder.relative_to(self.folder)} has no mask of the first frame")
        track = []
        for frame in video.source_frames:
            if frame not in files:
                track.append(np.zeros(video.frames.shape[1:3], bool))
                continue
            track.append(read_track_mask(name, files[frame], video))
        return np.stack(track)


def read_track_mask(name: str, path: Path, video: VideoClip) -> np.ndarray:  # (H, W) bool
    """The mask of an instance in one frame of a video, at the size of the clip's frames.

    Raises:
        InputError: FILE_INVALID, with the name of the clip, for a missing or damaged file or one of another size.
    """
    try:
        picture = read_labels(path)
    except InputError as error:
        raise unusable(name, error.message) from error
    brightest = picture if picture.ndim == 2 else picture[..., :3].max(-1)
    # Pillow opens pictures of one bit as truth values, and some of 16 bits as wider integers
    white = 1 if picture.dtype == bool else 255 if picture.dtype.itemsize == 1 else 65535
    mask = brightest > MARKED * white
    if mask.shape not in (tuple(video.size_px), tuple(video.shown_px or ())):
        raise unusable(name, f"its masks have {mask.shape[1]}x{mask.shape[0]} pixels, not those of the video: {path}")
    return video.fitted(mask)


def plain_caption(prompt: str, target: int) -> str:
    """The sentence with [TGT] where it first names the target, and without the other instances' marks."""
    first = re.search(rf"<id{target}>\s*", prompt)
    if first is None:
        return _ID.sub("", prompt).strip()
    before, after = prompt[: first.start()], prompt[first.end() :]
    return f"{_ID.sub('', before)}{TARGET_TOKEN} {_ID.sub('', after)}".strip()


def _clip_row(row: Row) -> Row:
    """A row with a video and a prompt, or its fault."""
    video, prompt = (str(row.fields.get(column) or "").strip() for column in ("video", "prompt"))
    if row.fault or not (video and prompt):
        return Row(row.place, {}, row.fault or f"it names no {'video' if prompt else 'prompt'}")
    return Row(row.place, {**row.fields, "video": video, "prompt": prompt})


def _number(name: str, row: dict, field: str, otherwise: int | None) -> int | None:
    given = row.get(field)
    if given in (None, ""):
        return otherwise
    try:
        return instance_number(given)
    except ValueError as error:
        raise unusable(name, f"its {field}: {error}") from error


def instance_number(given) -> int:
    """The number of an instance, as tables and language models write it: 3 or "3".

    Raises:
        ValueError: for anything else.
    """
    if isinstance(given, bool) or not isinstance(given, (int, str)) or not _WHOLE.fullmatch(str(given)):
        raise ValueError(f"{shown(given)} is no number of an instance")
    return int(given)


def _stem(name: str) -> str:
    return Path(name).stem
