"""Training clips from folders, one interface: names, and a clip by name or the reason why it is unusable."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import counted
from hoi_motion.masks import checked_mask
from hoi_motion.media.image_files import read_mask
from hoi_motion.media.video_file import read_sampled
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError
from training.data.caption_file import read_caption, reading_mark
from training.data.clip import ClipSource, TrainingClip, checked_clip, unusable
from training.data.clip_files import VIDEO_SUFFIXES, ClipFiles
from training.data.fingerprint import fingerprint
from training.scenes.clip_file import is_whole, load_clip
from training.scenes.figure import ACTOR_INSTANCE

# CogVideoX was trained at so many frames a second
MODEL_FPS = 8.0


class SceneClips:
    """Clips written by `python -m training.scenes`, their frames nearest to even times at `fps` frames a second."""

    def __init__(self, folder, fps: float = MODEL_FPS):
        self.folder, self.fps = Path(folder), fps

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("clip_*.npz"))

    def load(self, name: str) -> TrainingClip:
        if not is_whole(self.folder / name):
            raise unusable(name, "it is damaged or only partly written")
        scene = load_clip(self.folder / name)
        if scene.fps < self.fps:
            raise unusable(name, f"it has {scene.fps:g} frames a second, {self.fps:g} are needed")
        count = int((len(scene.frames) - 1) * self.fps / scene.fps + 1e-6) + 1
        chosen = np.rint(np.arange(count) * scene.fps / self.fps).astype(int)
        ids = scene.instance_ids[chosen]
        tracks = np.stack([ids == ACTOR_INSTANCE, ids == scene.target_id])
        pair = "" if scene.pair is None else str(scene.pair)
        ids = scene.first_frame_ids()
        clip = TrainingClip(scene.frames[chosen], scene.target_mask, scene.caption, tracks, scene.triplet, ids, pair)
        return checked_clip(name, clip)

    def fingerprint(self, name: str) -> str:
        return fingerprint([self.folder / name])


class VideoClips:
    """Any folder with, for every clip, a video, a mask of its first frame and a caption `NAME.txt`.

    The mask is `NAME.png`, or else `NAME_mask` with the ending of any picture. Names may differ in letter case and
    Unicode form. A clip is what a video shows from its first frame on, `num_frames` frames at `fps` frames a second.
    """

    def __init__(self, folder, num_frames: int = 1, fps: float = MODEL_FPS, encoding: str = "utf-8"):
        self.folder, self.num_frames, self.fps, self.encoding = Path(folder), num_frames, fps, encoding
        self._files = ClipFiles(self.folder)

    def names(self) -> list[str]:
        return self._files.videos()

    def are_captioned(self) -> bool:
        """Whether a caption lies beside any of the videos."""
        return any(self._files.called(name, (".txt",)) for name in self.names())

    def load(self, name: str) -> TrainingClip:
        for same, what in (
            (self._files.called(name, VIDEO_SUFFIXES), "videos"),
            (self._files.masks(name), "masks"),
            (self._files.called(name, (".txt",)), "captions"),
        ):
            if len(same) > 1:
                files = ", ".join(sorted(path.name for path in same)[:4])
                raise unusable(name, f"{what} of one name are there, of which only one can be meant: {files}")
        beside = {suffix: self.beside(name, suffix) for suffix in (".png", ".txt")}
        for suffix, what in ((".png", "mask"), (".txt", "caption")):
            if not beside[suffix].is_file():
                raise unusable(name, f"its {what} {beside[suffix].name} is missing")
        caption = read_caption(beside[".txt"], name, self.encoding)
        try:
            clip = read_sampled(self.folder / name, self.num_frames, self.fps)
            mask = read_mask(beside[".png"])
            mask = clip.fitted(checked_mask(mask, clip.size_of(mask)))
        except InputError as error:
            raise unusable(name, error.message) from error
        return checked_clip(name, TrainingClip(clip.frames, mask, caption))

    def fingerprint(self, name: str) -> str:
        caption = self.beside(name, ".txt")
        files = fingerprint([self.folder / name, self.beside(name, ".png"), caption])
        return files + reading_mark(caption, self.encoding)

    def beside(self, name: str, suffix: str) -> Path:
        """The file of a clip with another extension; `.png` is its mask's, whose name may be longer."""
        found = self._files.masks(name) if suffix == ".png" else self._files.called(name, (suffix,))
        return min(found, default=(self.folder / name).with_suffix(suffix))


def load(source: ClipSource, name: str) -> TrainingClip:
    """A clip of a source: whatever is wrong with the files of one, the others go on.

    Raises:
        InputError: FILE_INVALID, with the reason.
    """
    with reading(name, "a clip that can be used"):
        return source.load(name)


def open_source(folder, num_frames: int, fps: float = MODEL_FPS, encoding: str = "utf-8") -> ClipSource:
    """The kind of clips a folder holds; recordings that are longer give clips of `num_frames` frames.

    Args:
        fps: frames a second of the model that is trained; encoding: of captions without a byte order mark.

    Raises:
        InputError: FILE_INVALID when there are none.
    """
    from training.data.behave import BehaveClips
    from training.data.ego_exo import EgoExoClips
    from training.data.matrix_videos import MatrixVideos
    from training.data.table_clips import TableClips

    folder = Path(folder)
    if folder.is_dir():
        recordings = BehaveClips(folder, num_frames, encoding), EgoExoClips(folder, num_frames, fps)
        tracked = MatrixVideos(folder, num_frames, fps, encoding)
        listed = TableClips(folder, num_frames, fps, encoding)
        videos = VideoClips(folder, num_frames, fps, encoding)
        with reading(folder, "a folder of clips that can be listed"):
            # what lies beside a video comes before a table, which may be there for something else
            beside = (videos,) if videos.are_captioned() else ()
            for source in (SceneClips(folder, fps), tracked, *beside, *recordings, listed, videos):
                if source.names():
                    return source
    raise InputError(
        ErrorCode.FILE_INVALID,
        f"{folder} holds no clips",
        "give a folder of training.scenes, of BEHAVE, of Ego-Exo4D, one in MATRIX-11K's layout, one of NAME.mp4 + "
        "NAME.png (mask) + NAME.txt (caption with [TGT]), or one with metadata.csv, .json or .jsonl of file_name, text "
        "and mask",
    )


def fitted(clip: TrainingClip, height: int, width: int, num_frames: int) -> TrainingClip:
    """The first `num_frames` frames, scaled to cover height x width and cut to it around the middle.

    Raises:
        InputError: FILE_INVALID when the clip is too short, or the target is cut away.
    """
    if len(clip.frames) < num_frames:
        raise unusable("the clip", f"it has {counted(len(clip.frames), 'frame')}, {num_frames} are needed")
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
    tracks = clip.tracks
    if tracks is not None:
        shown = [[cut(m.astype(np.uint8), cv2.INTER_NEAREST) for m in track[:num_frames]] for track in tracks]
        tracks = np.array(shown, bool)
    ids = None if clip.ids is None else cut(clip.ids, cv2.INTER_NEAREST)
    return replace(clip, frames=frames, mask=mask, tracks=tracks, ids=ids)
