"""Clips from files and to files."""

import os
from pathlib import Path

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError

MAX_CLIP_BYTES = 2_000_000_000


def read_video(path, max_frames: int) -> tuple[np.ndarray, float]:
    """Frames (T, H, W, 3) uint8 RGB and frames per second.

    Raises:
        InputError: FILE_INVALID for a missing, damaged or too long video.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} does not exist", "check the path")
    capture = cv2.VideoCapture(str(path))
    try:
        frames, size = [], 0
        while True:
            readable, frame = capture.read()
            if not readable:
                break
            size += frame.nbytes
            if len(frames) >= max_frames or size > MAX_CLIP_BYTES:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"video {path} is longer than {len(frames)} frames of {frame.shape[1]}x{frame.shape[0]}",
                    f"cut or shrink it: at most {max_frames} frames and {MAX_CLIP_BYTES / 1e9:g} GB of pixels",
                )
            frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        fps = capture.get(cv2.CAP_PROP_FPS)
    finally:
        capture.release()
    if not frames:
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} holds no readable frame", "the file may be damaged")
    if not (np.isfinite(fps) and 0 < fps <= 1000):
        raise InputError(ErrorCode.FILE_INVALID, f"video {path} says it has {fps} frames per second")
    return np.stack(frames), float(fps)


def write_video(path, frames: np.ndarray, fps: float) -> None:
    """Write an H.264 mp4, complete or not at all.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    import imageio_ffmpeg

    path = Path(path)
    partial = path.with_name(f".{path.stem}.partial.mp4")
    height, width = frames.shape[1] // 2 * 2, frames.shape[2] // 2 * 2
    try:
        writer = imageio_ffmpeg.write_frames(
            str(partial), (width, height), fps=fps, quality=8, macro_block_size=2, ffmpeg_log_level="error"
        )
        writer.send(None)
        for frame in frames:
            writer.send(np.ascontiguousarray(frame[:height, :width]))
        writer.close()
        os.replace(partial, path)
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
