"""From videos with captions to instance tracks, in MATRIX-11K's layout and by its steps.

    python -m training.data.build_tracks --videos DIR --out DIR --language-model FOLDER --detector FOLDER \\
        --checker FOLDER --tracker FOLDER

For every `NAME.mp4` with a caption `NAME.txt`: (1) a language model says who does what to what, with contact and with
motion; (2) GroundingDINO proposes boxes in the first frame; (3) a vision-language model says which of them show what
they should; (4) SAM 2 follows them. Each step leaves a file, `steps/NAME/interactions.json`, `boxes.json`,
`checked.json`, or the masks; what is there already is kept, so that a run goes on after a stop and a file from
elsewhere takes a step's place. A step whose model is not given and whose file is missing leaves the clip out, by name.
`sheets/NAME.png` shows a person what came out: look at it, and delete what is wrong. The result is a folder for
`training.data.cache`.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from tqdm import tqdm

from hoi_motion.errors import counted, shown
from hoi_motion.files import whole_file, write_whole
from hoi_motion.media.video_file import VideoClip, read_video
from hoi_motion.reading.text import read_json
from tavid_planner.errors import InputError, TavidError
from tavid_planner.instances import MAX_INSTANCES
from tavid_planner.media import write_png
from tavid_planner.video.conditioning import PALETTE
from training.arguments import given_path
from training.data.caption_file import read_caption
from training.data.clip import unusable
from training.data.matrix_videos import MASKS, VIDEOS, instance_number, read_track_mask
from training.data.sources import VideoClips
from training.objectives.interaction_words import Triplet, triplet_spans

if TYPE_CHECKING:
    from training.data.track_models import Checker, Detector, LanguageModel, Tracker

MERGED = "merged"
MOST_FRAMES = 1000
"""Of a video, all of which are followed and held in memory."""
SHEET_FRAMES = 6


@dataclass(frozen=True)
class Models:
    """What makes the steps' files, see training.data.track_models; None where only files are read."""

    language: "LanguageModel | None" = None
    detector: "Detector | None" = None
    checker: "Checker | None" = None
    tracker: "Tracker | None" = None


@dataclass(frozen=True)
class Found:
    """One interaction of a caption: words of each instance by id, and which of them does what to which."""

    words: dict[int, str]
    subject_id: int
    object_id: int
    triplet: tuple[str, str, str]


def build(videos: Path, out: Path, models: Models) -> list[str]:
    """Build what is missing; why clips were left out, one reason each."""
    rows, reasons = [], []
    source = VideoClips(videos)
    for name in tqdm(source.names(), unit="clip", desc="tracks"):
        stem = Path(name).stem
        try:
            caption = read_caption(source.beside(name, ".txt"), name)
            video = read_video(videos / name, MOST_FRAMES)
            frames = video.frames
            steps = out / "steps" / stem
            found = _interaction(name, caption, steps / "interactions.json", models)
            boxes = _boxes(name, found, frames[0], steps, models)
            tracks = _tracks(name, video, boxes, out / MASKS / stem, models)
        except InputError as error:
            reasons.append(error.message)
            continue
        (out / VIDEOS).mkdir(parents=True, exist_ok=True)
        copy = out / VIDEOS / name
        if not copy.is_file() or copy.stat().st_size != (videos / name).stat().st_size:
            with whole_file(copy) as partial:  # a stop leaves no half of a video
                shutil.copyfile(videos / name, partial)
        row = {"video": f"{VIDEOS}/{name}", "prompt": marked_caption(caption, found), "triplet": found.triplet}
        rows.append(row | {"subject_id": found.subject_id, "object_id": found.object_id})
        (out / "sheets").mkdir(exist_ok=True)
        write_png(out / "sheets" / f"{stem}.png", sheet(frames, tracks, caption, found))
    write_whole(out / "metadata.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    return reasons


def marked_caption(caption: str, found: Found) -> str:
    """The caption with `<idK>` before subject and object. The earlier words are marked last: places stay right."""
    subject, _, other = triplet_spans(caption, Triplet(*found.triplet))
    for start, number in sorted([(subject[0], found.subject_id), (other[0], found.object_id)], reverse=True):
        caption = f"{caption[:start]}<id{number}> {caption[start:]}"
    return caption


def read_interaction(name: str, caption: str, data: dict) -> Found:
    """The first interaction with contact and motion whose words are in the caption.

    Raises:
        InputError: FILE_INVALID when there is none, or the data is of another form.
    """
    try:
        given = [(instance_number(i["id"]), i) for i in data["instances"]]
        words = {number: " ".join([i["noun"], i.get("look", "")]).strip() for number, i in given}
        nouns = {number: str(i["noun"]) for number, i in given}
        kept = [t for t in data["triplets"] if t["contact"] and t["dynamic"]]
        choices = [(instance_number(t["subject"]), str(t["verb"]), instance_number(t["object"])) for t in kept]
        choices = [(s, (nouns[s], verb, nouns[o]), o) for s, verb, o in choices]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise unusable(name, f"its interactions are of another form: {type(error).__name__} {error}") from error
    if len(words) > MAX_INSTANCES:
        raise unusable(name, f"its interactions have {len(words)} instances, at most {MAX_INSTANCES} are followed")
    if not choices:
        raise unusable(name, "no interaction of its caption has both contact and motion")
    subject, triplet, other = choices[0]
    triplet_spans(caption, Triplet(*triplet))
    return Found(words, subject, other, triplet)


def _interaction(name: str, caption: str, path: Path, models: Models) -> Found:
    if not path.is_file():
        if models.language is None:
            raise unusable(name, f"{path.name} is missing, and no language model is given")
        said = models.language.interactions(name, caption)
        read_interaction(name, caption, said)
        _write(path, said)
    return read_interaction(name, caption, _read(name, path))


def _boxes(name: str, found: Found, image: np.ndarray, steps: Path, models: Models) -> dict[int, list[float]]:
    """A box of every instance of the interaction, checked."""
    checked, proposed = steps / "checked.json", steps / "boxes.json"
    if not checked.is_file():
        if not proposed.is_file():
            if models.detector is None:
                raise unusable(name, f"{proposed.name} is missing, and no detector is given")
            _write(proposed, {str(i): models.detector.boxes(image, words) for i, words in found.words.items()})
        if models.checker is None:
            raise unusable(name, f"{checked.name} is missing, and no checker is given")
        chosen = {}
        for number, rows in _of_instances(name, proposed, found, lambda rows: [_box(row) for row in rows]).items():
            words = found.words[number]
            for row in rows:
                _check_in_picture(name, number, row, image)
            chosen[number] = next((row for row in rows if models.checker.shows(image, row, words)), None)
        _write(checked, {str(number): row for number, row in chosen.items() if row is not None})
    boxes = _of_instances(name, checked, found, _box)
    for number in (found.subject_id, found.object_id):
        if number not in boxes:
            raise unusable(name, f"no box shows {found.words[number]!r} (instance {number})")
    for number, box in boxes.items():
        _check_in_picture(name, number, box, image)
    return boxes


def _box(row) -> list[float]:
    """Left, top, right, bottom, perhaps a score. Raises: ValueError, TypeError, OverflowError for anything else."""
    numbers = [float(number) for number in row] if isinstance(row, list) else []
    if len(numbers) < 4 or not np.isfinite(numbers).all():
        raise ValueError(f"{shown(row)} is no box of left, top, right, bottom")
    return numbers


def _check_in_picture(name: str, number: int, box: list[float], image: np.ndarray) -> None:
    """Raises: InputError: for a box that goes far beyond the picture, or has nothing of it."""
    (left, top, right, bottom), (height, width) = box[:4], image.shape[:2]
    if not (
        left < min(right, width) and 0 < right <= width + 1 and top < min(bottom, height) and 0 < bottom <= height + 1
    ):
        raise unusable(name, f"the box of instance {number} is {box[:4]}, which is not in the picture")


def _of_instances(name: str, path: Path, found: Found, read: Callable) -> dict[int, list]:
    """What a step's file says of the interaction's instances, by number; a file may come from elsewhere."""
    said = _read(name, path)
    if foreign := sorted(said.keys() - {str(number) for number in found.words}):
        raise unusable(name, f"{path.name} has an instance {shown(foreign[0])}, which its interactions do not name")
    try:
        return {int(number): read(value) for number, value in said.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise unusable(name, f"{path.name} is of another form: {error}") from error


def _tracks(name: str, video: VideoClip, boxes: dict, folder: Path, models: Models) -> dict[int, np.ndarray]:
    """Masks by instance, written as files unless they are there, by the numbers of the video's own frames.

    Of a video with a variable frame rate these are not the numbers of what is shown at even times.
    """
    frames, names = video.frames, [f"{number:03d}.png" for number in video.source_frames]
    wanted = {number: folder / f"<id{number}>" for number in boxes}
    merged = folder / MERGED
    if {path.name for path in merged.glob("*.png")} != set(names):
        if models.tracker is None:
            raise unusable(name, f"its masks are missing in {folder.name}, and no tracker is given")
        tracks = models.tracker.tracks(frames, boxes)
        for number, path in wanted.items():
            path.mkdir(parents=True, exist_ok=True)
            for file, mask in zip(names, tracks[number]):
                write_png(path / file, _of_video(video, mask).astype(np.uint8) * 255)
        merged.mkdir(parents=True, exist_ok=True)
        # these come last: a stop before them has the clip followed again
        for t, file in enumerate(names):
            masks = {number: _of_video(video, track[t]) for number, track in tracks.items()}
            write_png(merged / file, painted(np.zeros((*_shown_px(video), 3), np.uint8), masks))
    masks = {}
    for number, path in wanted.items():
        masks[number] = np.stack([read_track_mask(name, path / file, video) for file in names])
        if not masks[number][0].any():
            raise unusable(name, f"instance {number} is not found in the first frame")
    return masks


def _of_video(video: VideoClip, mask: np.ndarray) -> np.ndarray:  # (h, w) bool -> (H, W) bool
    """A mask of a clip's frames at the size of the video itself, which is read smaller where it is large."""
    return cv2.resize(mask.astype(np.uint8), _shown_px(video)[::-1], interpolation=cv2.INTER_NEAREST) > 0


def _shown_px(video: VideoClip) -> tuple[int, int]:
    return video.shown_px or video.size_px


def painted(picture: np.ndarray, masks: dict[int, np.ndarray], share: float = 1.0) -> np.ndarray:  # (H, W, 3) u8
    """Masks (H, W) bool in the colours of their numbers, over a picture."""
    result = picture.astype(float)
    for number, mask in masks.items():
        result[mask] = (1 - share) * result[mask] + share * np.array(PALETTE[(number - 1) % len(PALETTE)])
    return result.round().astype(np.uint8)


def sheet(frames: np.ndarray, tracks: dict[int, np.ndarray], caption: str, found: Found) -> np.ndarray:
    """For a person to look at: frames from first to last with the masks over them, and what they are said to be."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, SHEET_FRAMES).round().astype(int))
    row = np.concatenate([painted(frames[t], {n: m[t] for n, m in tracks.items()}, 0.5) for t in chosen], axis=1)
    title = np.full((36, row.shape[1], 3), 255, np.uint8)
    said = ", ".join(f"{number}: {words}" for number, words in found.words.items())
    for line, text in enumerate((caption, f"{' / '.join(found.triplet)}   ({said})")):
        cv2.putText(title, text, (4, 13 + 16 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (20, 20, 20), 1, cv2.LINE_AA)
    return np.concatenate([title, row])


def _write(path: Path, data: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(data, indent=1) + "\n").encode())


def _read(name: str, path: Path) -> dict:
    try:
        return read_json(path, "a step's file")
    except InputError as error:
        raise unusable(name, error.message) from error


def main() -> None:
    from training.data import track_models

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=given_path, required=True, help="folder of NAME.mp4 and NAME.txt")
    parser.add_argument("--out", type=given_path, required=True)
    kinds = {
        "language-model": track_models.LanguageModel,
        "detector": track_models.Detector,
        "checker": track_models.Checker,
        "tracker": track_models.Tracker,
    }
    for option in kinds:
        parser.add_argument(f"--{option}", help="folder or hub id, in transformers' format")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if not args.videos.is_dir():
        parser.error(f"--videos: {args.videos} is no folder")
    try:
        named = [getattr(args, option.replace("-", "_")) for option in kinds]
        models = Models(*(kind(name, args.device) if name else None for kind, name in zip(kinds.values(), named)))
        reasons = build(args.videos, args.out, models)
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    print("\n".join([*reasons, f"{counted(len(reasons), 'clip')} left out; look at {args.out / 'sheets'}"]))


if __name__ == "__main__":
    main()
