"""Clips, masks and depth images from files, clips to files."""

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


def read_mask(path, name: str = "mask") -> np.ndarray:
    """A mask as it is stored, for `masks.checked_mask` to judge.

    Raises:
        InputError: MASK_INVALID when the file is missing or damaged.
    """
    return _read_picture(path, name, ErrorCode.MASK_INVALID)


def read_depth(path) -> np.ndarray:  # (H, W) float32 metres
    """A depth image: .npy or a float picture in metres, an integer picture in millimetres.

    Raises:
        InputError: IMAGE_INVALID when the file is missing, damaged or has several channels.
    """
    depth = _read_picture(path, "depth image", ErrorCode.IMAGE_INVALID)
    if depth.ndim != 2 or depth.dtype.kind not in "uif":
        raise InputError(
            ErrorCode.IMAGE_INVALID, f"depth image {path} is {depth.dtype} of shape {depth.shape}, expected one channel"
        )
    return depth.astype(np.float32) / (1.0 if depth.dtype.kind == "f" else 1000.0)


def _read_picture(path, name: str, code: ErrorCode) -> np.ndarray:
    from PIL import Image

    try:
        if Path(path).suffix == ".npy":
            return np.load(path, allow_pickle=False)
        with Image.open(path) as picture:
            return np.asarray(picture)
    except FileNotFoundError as error:
        raise InputError(code, f"{name} {path} does not exist", "check the path") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(code, f"{name} {path} cannot be read: {reason}", "give a PNG or .npy file") from error


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
