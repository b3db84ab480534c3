"""Training clips from folders, one interface: names, and a clip by name or the reason why it is unusable."""

from pathlib import Path

import cv2
import numpy as np

from hoi_motion.masks import checked_mask
from hoi_motion.media.image_files import read_mask
from tavid_planner.errors import ErrorCode, InputError
from training.data.clip import ClipSource, TrainingClip, checked_clip, unusable
from training.scenes.clip_file import is_whole, load_clip

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")


class SceneClips:
    """Clips written by `python -m training.scenes`."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("clip_*.npz"))

    def load(self, name: str) -> TrainingClip:
        if not is_whole(self.folder / name):
            raise unusable(name, "it is damaged or only partly written")
        scene = load_clip(self.folder / name)
        return checked_clip(name, TrainingClip(scene.frames, scene.target_mask, scene.caption))


class VideoClips:
    """Any folder with, for every clip, a video, a mask `NAME.png` of its first frame and a caption `NAME.txt`."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)

    def load(self, name: str) -> TrainingClip:
        video, stem = self.folder / name, Path(name).stem
        for suffix, what in ((".png", "mask"), (".txt", "caption")):
            if not (self.folder / (stem + suffix)).is_file():
                raise unusable(name, f"its {what} {stem}{suffix} is missing")
        frames = read_frames(video)
        try:
            mask = checked_mask(read_mask(self.folder / f"{stem}.png"), frames.shape[1:3])
        except InputError as error:
            raise unusable(name, error.message) from error
        caption = (self.folder / f"{stem}.txt").read_text(errors="replace").strip()
        return checked_clip(name, TrainingClip(frames, mask, caption))


def open_source(folder, num_frames: int) -> ClipSource:
    """The kind of clips a folder holds; recordings that are longer give clips of `num_frames` frames.

    Raises:
        InputError: FILE_INVALID when there are none.
    """
    from training.data.behave import BehaveClips
    from training.data.ego_exo import EgoExoClips

    folder = Path(folder)
    if folder.is_dir():
        recordings = BehaveClips(folder, num_frames), EgoExoClips(folder, num_frames)
        for source in (SceneClips(folder), VideoClips(folder), *recordings):
            if source.names():
                return source
    raise InputError(
        ErrorCode.FILE_INVALID,
        f"{folder} holds no clips",
        "give a folder of training.scenes, of BEHAVE, of Ego-Exo4D, or one of NAME.mp4 + NAME.png (mask) + NAME.txt "
        "(caption with [TGT])",
    )


def fitted(clip: TrainingClip, height: int, width: int, num_frames: int) -> TrainingClip:
    """The first `num_frames` frames, scaled to cover height x width and cut to it around the middle.

    Raises:
        InputError: FILE_INVALID when the clip is too short, or the target is cut away.
    """
    if len(clip.frames) < num_frames:
        raise unusable("the clip", f"it has {len(clip.frames)} frames, {num_frames} are needed")
    h, w = clip.frames.shape[1:3]
    scale = max(height / h, width / w)
    size = max(width, round(w * scale)), max(height, round(h * scale))
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC

    def cut(image: np.ndarray, interpolation: int) -> np.ndarray:
        resized = image if image.shape[1::-1] == size else cv2.resize(image, size, interpolation=interpolation)
        return resized[top : top + height, left : left + width]

    frames = np.stack([cut(frame, way) for frame in clip.frames[:num_frames]])
    mask = cut(clip.mask.astype(np.uint8), cv2.INTER_NEAREST).astype(bool)
    if not mask.any():
        raise unusable("the clip", "the target lies outside the part of the picture that is kept")
    return TrainingClip(frames, mask, clip.caption)


def read_frames(path: Path) -> np.ndarray:  # (T, H, W, 3) u8
    """All frames of a video. Raises: InputError when none can be read."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    capture.release()
    if not frames:
        raise unusable(path.name, "no frame of it can be read")
    return np.stack(frames)
