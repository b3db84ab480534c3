"""Clips from files and to files."""

import contextlib
import itertools
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import cv2
import numpy as np

from hoi_motion.errors import ErrorCode, InputError, counted
from hoi_motion.files import whole_file
from hoi_motion.media.depth_pictures import depth_seen_at
from hoi_motion.media.video_stream import VideoStream, open_video, output_name

# of the frames that are kept; larger ones are scaled down as they are read
MAX_FRAME_PX = 1280 * 720
# steps between frames that differ more than this from the usual one make a variable frame rate
STEP_TOLERANCE = 0.5
# a cut between key frames loses some of the frames that lie before the last, or after the first, in time: gaps of so
# many steps, so near to the ends of a clip of at least so many, make no variable frame rate
END_GAP_STEPS = 5
END_STEPS = 4
END_CLIP_STEPS = 24
# rates beyond these mean a damaged file
MIN_FPS = 0.01
MAX_FPS = 1000.0
# a clip sampled to a rate may show this share of its frames twice; with fewer frames a second it would stutter
MAX_REPEATED_SHARE = 0.2


@dataclass(frozen=True)
class VideoClip:
    """A clip in memory, as a player shows it: turned, mirrored, in square pixels.

    Attributes:
        frames: (T, h, w, 3) uint8 RGB, at most MAX_FRAME_PX pixels each, evenly spaced in time; fps: their rate.
        size_px: (height, width) of the video itself, turned, in pixels as it stores them.
        resampled: the file has a variable frame rate; `frames` are those nearest to even times.
        shown_px: (height, width) of the video in square pixels; the same as `size_px` unless its own are not square.
        source_frames: (T,) int, which of the file's frames each is; source_count: how many the file has.
    """

    frames: np.ndarray
    fps: float
    size_px: tuple[int, int]
    resampled: bool = False
    shown_px: tuple[int, int] | None = None
    source_frames: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    source_count: int = 0

    @property
    def scale(self) -> np.ndarray:  # (2,)
        """Kept pixels to one of the video, along x and y; 1 where nothing was scaled."""
        return np.array(self.frames.shape[2:0:-1]) / self.size_px[::-1]

    @property
    def pixel_aspect(self) -> float:
        """Width of one of the video's own pixels over its height."""
        return self.shown_px[1] / self.size_px[1] if self.shown_px else 1.0

    def size_of(self, image: np.ndarray) -> tuple[int, int]:  # (H, W)
        """The size that a mask or depth image of this video must have: of stored pixels, or as it is shown."""
        return self.shown_px if self.shown_px and image.shape[:2] == tuple(self.shown_px) else self.size_px

    def fitted(self, image: np.ndarray) -> np.ndarray:  # (H, W) -> (h, w)
        """A mask or depth image of the video's size at the size of the frames; a small mask never vanishes."""
        size = self.frames.shape[2:0:-1]
        if image.shape[::-1] == size:
            return image
        if image.dtype != bool:
            (columns, rows), step = np.meshgrid(*(np.arange(n) for n in size)), image.shape[::-1] / np.array(size)
            return depth_seen_at(image, (columns + 0.5) * step[0] - 0.5, (rows + 0.5) * step[1] - 0.5)
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
        InputError: FILE_INVALID for a missing, damaged, cut off, too large or too long video.
    """
    video = open_video(path)
    # a file that is too long is refused before it is decoded
    expected = len(video.packet_times_s(max_frames))
    if expected > max_frames:
        raise _too_long(path, max_frames)
    size = kept_size(video)
    kept, times_s, usual_s = np.empty((0, *size, 3), np.uint8), [], 0.0
    for time_s, duration_s, image in video.frames(size):
        if not times_s:
            # room for what the file announces: pages are only taken when they are written, but not every system
            # promises more of them than it has
            kept, usual_s = np.empty((max(expected, 1), *size, 3), np.uint8), duration_s
        elif len(times_s) == max_frames:
            raise _too_long(path, max_frames)
        elif len(times_s) == len(kept):
            kept = np.concatenate([kept, np.empty((min(len(kept), max_frames - len(kept)), *size, 3), np.uint8)])
        kept[len(times_s)] = image
        times_s.append(time_s)
    fps, chosen = _even_frames(np.array(times_s), usual_s, video.tick_s, path, max_frames)
    frames = kept[: len(times_s)]
    resampled = chosen is not None
    if resampled:
        frames = frames[chosen]
    source = chosen if resampled else np.arange(len(times_s))
    return VideoClip(frames, fps, video.size_px, resampled, video.shown_px, source, len(times_s))


def read_sampled(path, num_frames: int, fps: float) -> VideoClip:
    """The first `num_frames` frames of a video at `fps` frames a second: those nearest to even times from its first.

    It is decoded no further than they reach.

    Raises:
        InputError: FILE_INVALID for a video that cannot be read, is too short, or has fewer frames a second.
    """
    video = open_video(path)
    size = kept_size(video)
    kept, source, shown, start_s, last_s, step_s = [], [], 0, 0.0, 0.0, 0.0
    earlier = None
    for time_s, duration_s, image in video.frames(size):
        if earlier is None:
            start_s = time_s
        else:
            step_s = time_s - last_s
        # a frame stands for every moment up to half-way to the next
        while len(kept) < num_frames and earlier is not None:
            moment_s = start_s + len(kept) / fps
            if moment_s >= (last_s + time_s) / 2:
                break
            kept.append(earlier)
            source.append(shown - 1)
        earlier, last_s, shown = image, time_s, shown + 1
        step_s = step_s or duration_s
        if len(kept) == num_frames:
            break
    while len(kept) < num_frames and start_s + len(kept) / fps < last_s + max(step_s, 1e-6) / 2:
        kept.append(earlier)
        source.append(shown - 1)
    if len(kept) < num_frames:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"video {path} has {counted(len(kept), 'frame')}, {num_frames} are needed at {fps:g} frames a second",
            "give a longer clip",
        )
    repeated = num_frames - len(set(source))
    if repeated > MAX_REPEATED_SHARE * num_frames:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"video {path} has too few frames a second: {repeated} of {num_frames} would be shown twice at {fps:g}",
            "give a clip of at least that rate",
        )
    return VideoClip(np.stack(kept), fps, video.size_px, False, video.shown_px, np.array(source), shown)


def read_frame(path, middle: bool = False) -> np.ndarray:  # (H, W, 3) uint8
    """The first frame of a video, or the middle one, in full size as it is shown.

    Raises:
        InputError: FILE_INVALID for a video that cannot be read.
    """
    video = open_video(path)
    number = len(video.packet_times_s()) // 2 if middle else 0
    for *_, image in video.frames(video.shown_px, range(number, number + 1)):
        return image
    raise InputError(ErrorCode.FILE_INVALID, f"frame {number} of video {path} cannot be read", "it may be damaged")


COLOURS = ("-x264-params", "colormatrix=smpte170m:colorprim=bt709:transfer=bt709")
"""The matrix that ffmpeg takes for RGB, told to players: of an untold one they think that it goes by the size."""


def write_video(path, frames: Iterable[np.ndarray], fps: float, crf: int = 10, preset: str = "medium") -> None:
    """Write H.264, complete or not at all: an mp4 that browsers play, or another container that the name says.

    H.264 with 4:2:0 chroma has even sides: an odd side is extended by repeating its last row or column, so pixel
    coordinates stay what they are.

    Args:
        frames: (T, H, W, 3) uint8, or one (H, W, 3) after the other: they need not all be in memory.
        crf: of x264: a smaller one is finer and larger on disk.
        preset: of x264: a quicker one is a little coarser.

    Raises:
        InputError: OUTPUT_INVALID when it cannot be written.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: there is no frame")
    height, width = first.shape[:2]
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    try:
        with whole_file(path) as partial:
            how = ["-crf", str(crf), "-preset", preset, "-movflags", "+faststart", *COLOURS, output_name(partial)]
            size_px = (height + height % 2, width + width % 2)
            pictures = (np.pad(frame, odd, mode="edge") for frame in itertools.chain([first], frames))
            reason = _encoded(pictures, size_px, fps, how)
            if reason or not partial.is_file() or partial.stat().st_size == 0:
                told = f"cannot write {path}: {reason or 'the encoder wrote nothing'}"
                raise InputError(ErrorCode.OUTPUT_INVALID, told, "free space there, or choose another place")
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {path}: {error.strerror or error}") from error


def _encoded(pictures: Iterable[np.ndarray], size_px: tuple[int, int], fps: float, how: list[str]) -> str:
    """Encode pictures with ffmpeg; returns why it failed, "" where it did not.

    Its exit code counts, not the file: where there is no room, a file without its end stays.
    """
    import imageio_ffmpeg

    rate = str(Fraction(fps).limit_denominator())
    raw = ["-f", "rawvideo", "-vcodec", "rawvideo", "-s", f"{size_px[1]}x{size_px[0]}", "-pix_fmt", "rgb24", "-r", rate]
    h264 = ["-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-v", "error"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", *raw, "-i", "-", *h264, *how]
    with tempfile.TemporaryFile() as said:
        streams = dict(stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        process = subprocess.Popen(command, **streams, start_new_session=True)  # Ctrl-C is for us: we end it
        try:
            for picture in pictures:
                process.stdin.write(np.ascontiguousarray(picture))
            process.stdin.close()
        except BrokenPipeError:  # it has ended
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        except BaseException:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
            raise
        code = process.wait()
        said.seek(0)
        words = said.read().decode(errors="replace").strip().rpartition(": ")[2]
    return (words or f"the encoder ended with code {code}") if code else ""


def kept_size(video: VideoStream) -> tuple[int, int]:  # (h, w)
    """The size at which frames of a video are kept: as shown, and no more than MAX_FRAME_PX pixels."""
    height, width = video.shown_px
    shrink = min(1.0, np.sqrt(MAX_FRAME_PX / (height * width)))
    return max(1, int(height * shrink)), max(1, int(width * shrink))


def _even_frames(times_s: np.ndarray, usual_s: float, tick_s: float, path, max_frames: int):
    """The frame rate, and for a variable one the (T,) frames nearest to even times, else None."""
    steps = np.diff(times_s)
    moving = steps[steps > 0]
    if not len(moving):
        return _plausible(1 / usual_s if usual_s > 0 else 0.0, path), None
    # dropped frames make gaps; jitter evens out
    step = float(moving[moving <= (1 + STEP_TOLERANCE) * np.median(moving)].mean())
    _plausible(1 / step, path)
    usual = np.abs(steps - step) <= STEP_TOLERANCE * step
    inner = slice(None)
    if not usual.all() and len(steps) >= END_CLIP_STEPS and (np.abs(steps) <= END_GAP_STEPS * step).all():
        inner = slice(END_STEPS, -END_STEPS)
    if usual[inner].all():
        span_s = float(steps[inner].sum())
        return _plausible(_usual_rate(len(steps[inner]), span_s, tick_s), path), None
    if (times_s[-1] - times_s[0]) / step > max_frames:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"video {path} has a variable frame rate: {(times_s[-1] - times_s[0]) / step:.0f} evenly spaced frames, at "
            f"most {max_frames} are lifted",
            "cut the clip, or give it a constant frame rate",
        )
    even = np.arange(times_s[0], times_s[-1] + 0.5 * step, step)
    return 1 / step, np.abs(times_s[None] - even[:, None]).argmin(1)


def _usual_rate(steps: int, span_s: float, tick_s: float) -> float:
    """Steps a second; a whole number, or one over 1.001, where the rounding of the times leaves it open."""
    fps = steps / span_s
    usual = [rate for rate in (round(fps), round(fps * 1.001) / 1.001) if rate > 0]
    near = [rate for rate in usual if abs(steps / rate - span_s) <= 1.01 * tick_s]
    return float(min(near, key=lambda rate: abs(rate - fps))) if near else fps


def _plausible(fps: float, path) -> float:
    if not (np.isfinite(fps) and MIN_FPS <= fps <= MAX_FPS):
        raise InputError(
            ErrorCode.FILE_INVALID, f"video {path} shows {fps:g} frames a second", "give it a frame rate, or cut it"
        )
    return float(fps)


def _too_long(path, max_frames: int) -> InputError:
    return InputError(
        ErrorCode.FILE_INVALID,
        f"video {path} has more than {max_frames} frames, at most {max_frames} are lifted",
        "cut the clip, or give it fewer frames a second",
    )
