"""Clips from files and to files."""

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import whole_file

# of the frames that are kept; larger ones are scaled down as they are read
MAX_FRAME_PX = 1280 * 720
# steps between frames that differ more than this from the usual one make a variable frame rate
STEP_TOLERANCE = 0.5
# a file that ends this share of its length, and two frames, too early is damaged
MISSING_SHARE = 0.05


@dataclass(frozen=True)
class VideoClip:
    """A clip in memory.

    Attributes:
        frames: (T, h, w, 3) uint8 RGB, at most MAX_FRAME_PX pixels each, evenly spaced in time; fps: their rate.
        size_px: (height, width) of the video itself.
        resampled: the file has a variable frame rate; `frames` are those nearest to even times.
    """

    frames: np.ndarray
    fps: float
    size_px: tuple[int, int]
    resampled: bool = False

    @property
    def scale(self) -> np.ndarray:  # (2,)
        """Kept pixels to one of the video, along x and y; 1 where nothing was scaled."""
        return np.array(self.frames.shape[2:0:-1]) / self.size_px[::-1]

    def fitted(self, image: np.ndarray) -> np.ndarray:  # (H, W) -> (h, w)
        """A mask or depth image of the video's size at the size of the frames; a small mask never vanishes."""
        size = self.frames.shape[2:0:-1]
        if image.shape[::-1] == size:
            return image
        if image.dtype != bool:
            return cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)
        share = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return share >= min(0.5, float(share.max()))

    def fitted_intrinsics(self, K: np.ndarray, inverse: bool = False) -> np.ndarray:  # (3, 3) -> (3, 3)
        """Intrinsics of the video at the size of the frames, or back. Pixel centres lie at whole numbers."""
        scale = 1 / self.scale if inverse else self.scale
        K = np.array(K, float)
        K[:2] *= scale[:, None]
        K[:2, 2] += (scale - 1) / 2
        return K


def read_video(path, max_frames: int) -> VideoClip:
    """A clip from a file, in bounded memory whatever the file holds.

    Raises:
        InputError: FILE_INVALID for a missing, damaged, cut off or too long video.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} does not exist", "check the path")
    # the decoder's own lines would stand beside the one line that names the error
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    capture = cv2.VideoCapture(str(path))
    try:
        promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        frames, times_s, size_px = _read(capture, path, max_frames, promised)
        fps = capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    if not len(frames):
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} holds no readable frame", "the file may be damaged")
    if not (np.isfinite(fps) and 0 < fps <= 1000):
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} says it has {fps} frames per second")
    missing_s = promised / fps - (times_s[-1] - times_s[0]) - 1 / fps
    if np.diff(times_s).min(initial=1.0) > 0 and missing_s > max(2.5 / fps, MISSING_SHARE * promised / fps):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"video {path} ends after {len(frames)} of {promised:.0f} frames",
            "the file is cut off or damaged",
        )
    return _evenly(frames, times_s, float(fps), size_px, path, max_frames)


def _read(capture, path, max_frames: int, promised: float) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Frames scaled to MAX_FRAME_PX, their times in seconds, and the size of the video's own frames."""
    kept, times_s, size_px = np.zeros((0, 1, 1, 3), np.uint8), [], (0, 0)
    while True:
        # a file that says how long it is, is refused before it is decoded
        too_long = len(times_s) if len(times_s) > max_frames else promised if promised > max_frames else 0
        if too_long:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"video {path} has {too_long:.0f} frames or more, at most {max_frames} are lifted",
                "cut the clip",
            )
        readable, frame = capture.read()
        if not readable:
            return kept[: len(times_s)], np.array(times_s), size_px
        if not times_s:
            size_px = frame.shape[:2]
            shrink = min(1.0, np.sqrt(MAX_FRAME_PX / (size_px[0] * size_px[1])))
            size = tuple(max(1, int(side * shrink)) for side in size_px)
            # pages are only taken when they are written
            kept = np.empty((max_frames + 1, *size, 3), np.uint8)
        elif frame.shape[:2] != size_px:
            raise InputError(ErrorCode.FILE_INVALID, f"video {path} changes its size within the clip", "cut it there")
        small = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) if size != size_px else frame
        cv2.cvtColor(small, cv2.COLOR_BGR2RGB, dst=kept[len(times_s)])
        times_s.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)


def _evenly(frames, times_s, fps: float, size_px, path, max_frames: int) -> VideoClip:
    steps = np.diff(times_s)
    # containers without times say zero
    if len(steps) < 2 or steps.min() <= 0:
        return VideoClip(frames, fps, size_px)
    step = float(np.median(steps))
    if np.abs(steps - step).max() <= STEP_TOLERANCE * step:
        return VideoClip(frames, fps, size_px)
    even = np.arange(times_s[0], times_s[-1] + 0.5 * step, step)
    if len(even) > max_frames:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"video {path} has a variable frame rate: {len(even)} even frames, at most {max_frames} are lifted",
            "cut the clip, or give it a constant frame rate",
        )
    nearest = np.abs(times_s[None] - even[:, None]).argmin(1)
    return VideoClip(frames[nearest], 1 / step, size_px, resampled=True)


def write_video(path, frames: np.ndarray, fps: float) -> None:
    """Write an H.264 mp4, complete or not at all.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    import imageio_ffmpeg

    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
    try:
        with whole_file(path) as partial:
            writer = imageio_ffmpeg.write_frames(
                str(partial), (width, height), fps=fps, quality=8, macro_block_size=2, ffmpeg_log_level="error"
            )
            writer.send(None)
            for frame in frames:
                writer.send(np.ascontiguousarray(frame[:height, :width]))
            writer.close()
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror or error}") from error
