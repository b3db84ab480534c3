"""A video as a player shows it: its metadata, and its frames one after the other.

The bundled ffmpeg decodes in a process of its own. It turns and mirrors pictures as the display matrix says, leaves out
what an edit list leaves out, and decodes what players decode; a file that makes a decoder crash or eat memory ends that
process and not ours.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from hoi_motion.errors import InputError, counted
from hoi_motion.media.decoder import MAX_VIDEO_PX, filled, invalid, lines, running
from hoi_motion.media.decoder_words import MAX_LINE, MAX_LINES, DecoderWords
from hoi_motion.media.picture_filters import PictureKind
from hoi_motion.reading.untrusted import reading

# a file may decode to this many pixels, or this many per byte: no camera compresses as tightly as that
FREE_PX = 1 << 28
MAX_PX_OF_A_BYTE = 20_000
# a pixel that is this many times as wide as high, or the other way round, is a damaged header
MAX_PIXEL_ASPECT = 4
# a file that ends too early by this share of its length, and by this many frames, is cut off
MISSING_SHARE = 0.05
MISSING_FRAMES = 2.5
# the index of an AVI stands at its end: without it, the length that is read is that of what is left
_KNOWS_NO_LENGTH = ("avi",)
# their length is the time at which they end, whenever they begin
_LENGTH_FROM_ZERO = ("matroska,webm", "nut", "asf")
_CUT = re.compile(r"partial file|ended prematurely|corrupt input packet|Packet corrupt", re.IGNORECASE)
_COVER = re.compile(r"\((attached pic|timed thumbnails)\)")
# what ffmpeg says, at its most talkative, of each filter that turns a picture
_TURN = re.compile(r"^Filter '([hv]flip)' formats:|^\[transpose @ .*Setting 'dir' to value '(\w+)'")
# flag of a packet in ffmpeg's list that is decoded and not shown
_NOT_SHOWN = 0x4
# every frame once, at its own time and in its own size
_AS_IT_IS = ("-fps_mode", "passthrough", "-enc_time_base", "demux", "-noautoscale")
# what files of the HEIF kind begin with (AVIF, HEIC), one picture or a sequence: that has a cover of one picture, too
HEIF_BRANDS = (b"avif", b"avis", b"heic", b"heim", b"heis", b"heix", b"hevc", b"hevx", b"mif1", b"msf1")
# processor time that a packet of a list, and a frame with its pixels, may take
PACKET_S = 0.001
FRAME_S = 0.02
PIXEL_S = 60e-9


@dataclass(frozen=True)
class VideoStream:
    """A video file of which only the first frame has been decoded.

    Attributes:
        size_px: (height, width) of its pictures after they are turned, in pixels as they are stored.
        pixel_aspect: width of such a pixel over its height.
        duration_s: how long the container says it is from its first frame on, None when it does not say.
        tick_s: the step of the clock by which its frames tell their times.
        container: ffmpeg's name of the format.
        stream: which of the file's video streams it is, covers not counted.
        kind: whether its pictures are interlaced or HDR; `frames` gives them deinterlaced and as SDR.
    """

    path: Path
    size_px: tuple[int, int]
    pixel_aspect: Fraction
    duration_s: float | None
    tick_s: float
    container: str
    stream: int = 0
    kind: PictureKind = PictureKind()

    @property
    def shown_px(self) -> tuple[int, int]:
        """(height, width) at which a player shows it: in square pixels."""
        return self.size_px[0], max(1, round(self.size_px[1] * self.pixel_aspect))

    def packet_times_s(self, at_most: int | None = None) -> np.ndarray:  # (N,)
        """When its frames are shown, in order, without decoding them; one more than `at_most` ends the list."""
        times, tick = [], Fraction(0)
        listed = (*_map(self.stream), "-c", "copy", "-f", "framecrc", "pipe:1")
        with running(self.path, *listed) as (process, _, watch):
            for line in lines(process.stdout, watch):
                watch.allow(PACKET_S)
                if line.startswith(b"#"):
                    tick = _tick(line) or tick
                    continue
                pts, shown = _packet(line)
                if shown:
                    times.append(float(pts * tick))
                if at_most is not None and len(times) > at_most:
                    break
        return np.sort(times)

    def frames(self, size_px: tuple[int, int], pick: range | None = None) -> Iterator[tuple[float, float, np.ndarray]]:
        """Its frames from the first on, decoded as they are asked for.

        Args:
            size_px: (h, w) to scale them to.
            pick: the numbers of the frames that are wanted; others are decoded and not handed over.

        Yields:
            time_s, duration_s (0 when unknown), (h, w, 3) uint8 RGB.

        Raises:
            InputError: FILE_INVALID when frames change their size, the file is cut off, or nothing can be decoded.
        """
        told_fd, tell_fd = os.pipe()
        count, last_s = 0, 0.0
        picture_px = self.size_px[0] * self.size_px[1]
        frame_s = FRAME_S + picture_px * PIXEL_S
        most_px = max(FREE_PX, MAX_PX_OF_A_BYTE * self.path.stat().st_size)
        with (
            os.fdopen(told_fd, "rb") as told,
            running(self.path, *self._decoding(size_px, pick, tell_fd), pass_fds=(tell_fd,)) as (process, said, watch),
        ):
            tick = Fraction(0)
            watch.allow(pick[0] * frame_s if pick else 0.0)
            for line in lines(told, watch):
                if line.startswith(b"#"):
                    tick = _tick(line) or tick
                    continue
                _, _, pts, duration, size, *_ = line.split(b",")
                if int(size) != picture_px + self.size_px[0]:
                    raise invalid(f"video {self.path} changes its size within the clip", "cut it there")
                image = np.empty((*size_px, 3), np.uint8)
                with watch.waiting():
                    is_whole = filled(process.stdout, image)
                if not is_whole:
                    process.kill()
                    break
                watch.allow(frame_s)
                if (count + 1) * picture_px > most_px:
                    raise invalid(
                        f"video {self.path} unpacks to {count + 1} frames of {self.size_px[1]}x{self.size_px[0]} "
                        "pixels and more from a few bytes",
                        "scale it down, or cut it",
                    )
                time_s, duration_s = float(int(pts) * tick), float(int(duration) * tick)
                count, last_s = count + 1, time_s + duration_s
                yield time_s, duration_s, image
            with watch.waiting():
                process.wait()
        if not count:
            raise self._undecodable(said)
        if pick is None:
            self._check_end(count, last_s, said)

    def _decoding(self, size_px: tuple[int, int], pick: range | None, tell_fd: int) -> list[str]:
        """What tells ffmpeg to decode frames twice: their times and sizes as a list, to a pipe, and their pixels."""
        h, w = size_px
        as_it_is = (*_map(self.stream), *_AS_IT_IS)
        way = "area" if h * w <= self.size_px[0] * self.size_px[1] else "bicubic"
        chosen, limit = [], []
        if pick is not None:
            chosen = [f"select=between(n\\,{pick[0]}\\,{pick[-1]})*not(mod(n-{pick[0]}\\,{pick.step}))"]
            limit = ["-frames:v", str(len(pick))]
        scaled = f"scale={w}:{h}:flags={way}"
        picture = [*self.kind.deinterlacing(), *chosen, scaled, *self.kind.tone_mapping(), "setsar=1", "format=rgb24"]
        # a column more, so that a picture which is only turned is of another number of pixels
        listed = [*chosen, "format=gray", "pad=iw+1:ih"]
        return [
            *(*as_it_is, *limit, "-vf", ",".join(listed), "-flush_packets", "1", "-f", "framecrc", f"pipe:{tell_fd}"),
            *(*as_it_is, *limit, "-vf", ",".join(picture), "-f", "rawvideo", "pipe:1"),
        ]

    def _check_end(self, count: int, end_s: float, said: DecoderWords) -> None:
        """Raises: InputError: FILE_INVALID when the container, after all frames were read, promises more."""
        cut = (self.container in _KNOWS_NO_LENGTH or self.duration_s is None) and said.has(_CUT)
        if self.duration_s is not None and not cut:
            allowed_s = max(MISSING_FRAMES * end_s / count, MISSING_SHARE * self.duration_s)
            # sound and other streams may go on for longer than the pictures
            cut = self.duration_s - end_s > allowed_s and self.duration_s - self._longest_s() > allowed_s
        if cut:
            promise = f" of {self.duration_s:.2f} s" if self.duration_s and self.duration_s > end_s else ""
            raise invalid(
                f"video {self.path} ends after {counted(count, 'frame')}, at {end_s:.2f} s{promise}",
                "the file is cut off or damaged",
            )

    def _longest_s(self) -> float:
        """Where the last of all its streams ends.

        That of each packet counts: the last one that is stored need not be the last one that is shown.
        """
        reached_s, ticks = 0.0, {}
        arguments = ("-map", "0", "-ignore_unknown", "-c", "copy", "-f", "framecrc", "pipe:1")
        with running(self.path, *arguments) as (process, _, watch):
            for line in lines(process.stdout, watch):
                watch.allow(PACKET_S)
                if (head := re.match(rb"#tb (\d+): (\d+)/(\d+)", line)) is not None:
                    stream, *tick = map(int, head.groups())
                    ticks[stream] = Fraction(*tick)
                elif not line.startswith(b"#"):
                    stream, _, pts, duration, *_ = line.split(b",")
                    reached_s = max(reached_s, float((int(pts) + int(duration)) * ticks[int(stream)]))
        return reached_s

    def _undecodable(self, said: DecoderWords) -> InputError:
        return invalid(f"video {self.path} holds no readable frame{said.reason()}", "the file may be damaged")


def open_video(path) -> VideoStream:
    """Look into a video and decode its first frame.

    Raises:
        InputError: FILE_INVALID for what is missing, no video, without a video stream, of a codec that cannot be
            decoded, or too large.
    """
    path = Path(path)
    if path.is_dir():
        raise invalid(f"video {path} is a folder", "give a file; ffmpeg makes one of a folder of pictures")
    if path.exists() and not path.is_file():
        raise invalid(f"video {path} is a pipe or device", "save it as a file first: it is read more than once")
    if not path.is_file():
        raise invalid(f"there is no video {path}", "check the path")
    listed, said = _first_frame(path, 0)
    container = said.found(r"Input #0, ([\w,]+), from")
    if container is None:
        raise invalid(f"{path} is no video{said.reason()}", "the file may be damaged, or of another kind")
    kinds = said.all_found(r"  Stream #0.*?: (Video|Audio|Subtitle|Data|Attachment): (\w+)(.*)")
    videos = [(codec, rest) for kind, codec, rest in kinds if kind == "Video" and not _COVER.search(rest)]
    is_heif, stream = _is_heif(path), 0
    is_of_pictures = container.endswith("_pipe") or container.startswith("image2")
    if is_heif or is_of_pictures or len(videos) > 1:
        moving = _moving_stream(path)
        if moving is None and (is_heif or is_of_pictures):
            raise invalid(f"{path} is a picture, not a video", "give a video")
        if is_of_pictures:  # JPEGs one after the other, as some cameras send and store them
            told = f"{path} holds several pictures, and nothing of when each was taken"
            raise invalid(told, "make it a video: ffmpeg -f mjpeg -framerate RATE -i FILE -c copy FILE.mkv")
        stream = moving or 0
    if not kinds:
        raise invalid(f"video {path} holds no readable frame{said.reason()}", "the file may be damaged")
    if not videos:
        # what is left of pictures among them is the cover of a song
        streams = ", ".join(f"{'cover' if kind == 'Video' else kind.lower()} ({codec})" for kind, codec, _ in kinds[:4])
        raise invalid(f"{path} holds no video stream, only {streams}", "give a file with pictures")
    if stream:
        listed, said = _first_frame(path, stream)
    size = re.search(r"^#dimensions 0: (\d+)x(\d+)", listed, re.MULTILINE)
    aspect = re.search(r"^#sar 0: (\d+)/(\d+)", listed, re.MULTILINE)
    tick = next((t for line in listed.splitlines() if (t := _tick(line.encode()))), Fraction(0))
    if not size or not re.search(r"^0,", listed, re.MULTILINE):
        raise _no_first_frame(path, *videos[stream], said)
    width, height = int(size[1]), int(size[2])
    if width * height > MAX_VIDEO_PX:
        raise _too_large(path, width, height)
    pixel_aspect = Fraction(int(aspect[1]) or 1, int(aspect[2]) or 1) if aspect and int(aspect[1]) else Fraction(1)
    if not 1 / MAX_PIXEL_ASPECT <= pixel_aspect <= MAX_PIXEL_ASPECT:
        raise invalid(f"video {path} says its pixels are {pixel_aspect} as wide as high", "the file may be damaged")
    long = said.found(r"  Duration: (\d+:\d+:[\d.]+)")
    hours, minutes, seconds = (float(part) for part in (long or "0:0:0").split(":"))
    duration_s = 3600 * hours + 60 * minutes + seconds if long else None
    if long and container in _LENGTH_FROM_ZERO:
        duration_s -= max(0.0, float(said.found(r"  Duration: [\d:.]+, start: (-?[\d.]+)") or 0.0))
    kind = PictureKind.of_stream(videos[stream][1])
    if kind.is_interlaced:
        kind = replace(kind, turn=_turn(path, stream))
    kind.warn_of_hdr(path)
    return VideoStream(path, (height, width), pixel_aspect, duration_s, float(tick), container, stream, kind)


def _first_frame(path: Path, stream: int) -> tuple[str, DecoderWords]:
    """The first frame of a video stream in ffmpeg's list, and what is said of the file meanwhile."""
    arguments = (*_map(stream), *_AS_IT_IS, "-frames:v", "1", "-pix_fmt", "gray", "-f", "framecrc", "pipe:1")
    with running(path, *arguments, loglevel="info") as (process, said, watch), watch.waiting():
        listed = process.stdout.read(MAX_LINE * MAX_LINES).decode("ascii", "replace")
        process.wait()
    said.thread.join()
    return listed, said


def _turn(path: Path, stream: int) -> tuple[str, ...]:
    """The filters by which ffmpeg turns and mirrors the pictures of a video stream before all others.

    They follow from its display matrix, of which ffmpeg tells the angle without the mirroring.
    """
    arguments = (*_map(stream), "-frames:v", "1", "-f", "null", "-")
    with running(path, *arguments, loglevel="debug", kept=_TURN) as (process, said, watch), watch.waiting():
        process.wait()
    said.thread.join()
    found = [_TURN.search(line) for line in said.lines()]
    return tuple(flip if flip else f"transpose={direction}" for flip, direction in (match.groups() for match in found))


def _moving_stream(path: Path) -> int | None:
    """The first video stream that is more than one picture, None where none is."""
    counts: dict[int, int] = {}
    with running(path, "-map", "0:V", "-c", "copy", "-f", "framecrc", "pipe:1") as (process, _, watch):
        for line in lines(process.stdout, watch):
            watch.allow(PACKET_S)
            if not line.startswith(b"#"):
                number = int(line.partition(b",")[0])
                counts[number] = counts.get(number, 0) + 1
                if counts.get(0, 0) > 1:
                    return 0
    return min((number for number, count in counts.items() if count > 1), default=None)


def _is_heif(path: Path) -> bool:
    with reading(path, "a video"), open(path, "rb") as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:] in HEIF_BRANDS


def _map(stream: int) -> tuple[str, str]:
    return "-map", f"0:V:{stream}"


def output_name(path) -> str:
    """A path as ffmpeg must be given it to write there: a colon or a dash in a name means something to it."""
    return f"file:{path}"


def _no_first_frame(path: Path, codec: str, rest: str, said: DecoderWords) -> InputError:
    size = re.search(r" (\d+)x(\d+)[ ,\[]", rest + " ")
    if size and int(size[1]) * int(size[2]) > MAX_VIDEO_PX:
        return _too_large(path, int(size[1]), int(size[2]))
    if codec in ("none", "unknown") or said.has(re.compile("decoder .*not found|no decoder|Unknown decoder", re.I)):
        tag = re.search(r"\((\w{4}) / 0x", rest)
        name = tag[1] if codec in ("none", "unknown") and tag else codec
        return invalid(f"video {path} is of the codec {name}, which cannot be decoded", "convert it to H.264")
    return invalid(f"video {path} ({codec}) holds no readable frame{said.reason()}", "the file may be damaged")


def _too_large(path: Path, width: int, height: int) -> InputError:
    return invalid(
        f"video {path} has pictures of {width}x{height} pixels, at most {MAX_VIDEO_PX} are decoded", "scale it down"
    )


def _tick(line: bytes) -> Fraction | None:
    """The time base, where a line of the list's head tells it."""
    match = re.match(rb"#tb 0: (\d+)/(\d+)", line)
    return Fraction(int(match[1]), int(match[2])) if match else None


def _packet(line: bytes) -> tuple[int, bool]:
    """Time of a packet in ticks, and if it is shown, from "stream, dts, pts, duration, size, checksum, F=flags"."""
    parts = [part.strip() for part in line.split(b",")]
    flags = next((int(part[2:], 16) for part in parts[6:] if part.startswith(b"F=")), 0)
    return int(parts[2]), not flags & _NOT_SHOWN
