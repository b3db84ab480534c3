"""ffmpeg at work on one file, in a process of its own.

It is handed the open file and may open nothing else, so that file names mean nothing to it and no file can make it read
another one; it reads formats in which people keep videos, and none that are scripts, lists of other files or text.
`decoder_watch` ends it when it works for long without output, or takes too much memory.
"""

import contextlib
import os
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media.decoder_watch import MAX_ADDRESSES, MAX_DATA_BYTES, DecoderWatch
from hoi_motion.media.decoder_words import DecoderWords

# a video with larger pictures is refused before one is decoded
MAX_VIDEO_PX = 4096 * 4096
DECODER_THREADS = 2
FORMATS = (
    "3dostr,amv,apng,asf,av1,avi,dirac,dnxhd,dv,evc,flv,gif,gxf,h261,h263,h264,hevc,ivf,live_flv,lmlm4,m4v,matroska,"
    "mjpeg,mjpeg_2000,mov,mp4,mpeg,mpegts,mpegvideo,mpjpeg,mxf,nsv,nut,obu,ogg,ogv,rm,roq,smjpeg,swf,vc1,vvc,webm,"
    "webp_anim,wtv,yuv4mpegpipe"
)
"""What containers and bare streams are read. Pictures, too, so that they can be called what they are."""
PICTURES = "image2,bmp_pipe,gif_pipe,jpeg_pipe,jpegxl_pipe,jpegxl_anim,png_pipe,ppm_pipe,tiff_pipe,webp_pipe"


@contextlib.contextmanager
def running(
    path: Path,
    *arguments: str,
    loglevel: str = "error",
    kept: re.Pattern | None = None,
    pass_fds: tuple[int, ...] = (),
):
    """ffmpeg at work on one file; gives the process, what it says and its watch, and ends it with the block.

    Args:
        kept: which lines of what it says matter; None keeps all.
        pass_fds: descriptors that are the process's alone from here on.

    Raises:
        InputError: FILE_INVALID at the end of the block when the watch has ended it.
    """
    import imageio_ffmpeg

    process = watch = None
    try:
        try:
            with open(path, "rb") as file:
                command = [
                    *(imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats", "-loglevel", loglevel),
                    *("-protocol_whitelist", "fd", "-max_pixels", str(MAX_VIDEO_PX), "-threads", str(DECODER_THREADS)),
                    *("-format_whitelist", f"{FORMATS},{PICTURES}", "-fd", str(file.fileno()), "-i", "fd:"),
                    *arguments,
                ]
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(file.fileno(), *pass_fds),
                )
        finally:
            for fd in pass_fds:
                os.close(fd)
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MAX_ADDRESSES, MAX_ADDRESSES))
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (MAX_DATA_BYTES, MAX_DATA_BYTES))
        watch = DecoderWatch(process)
        yield process, DecoderWords(process.stderr, kept), watch
        if watch.why:
            raise invalid(f"video {path} {watch.why}", "the file may be damaged, or made to harm")
    except OSError as error:
        raise invalid(f"cannot read video {path}: {error.strerror or error}", "check the file and the disk") from error
    finally:
        if process is not None:
            process.kill()
            process.wait()
            process.stdout.close()
        if watch is not None:
            watch.end()


def lines(stream, watch: DecoderWatch) -> Iterator[bytes]:
    """Whole lines of what ffmpeg writes: where it was ended in the middle of one, that says nothing."""
    while True:
        with watch.waiting():
            line = stream.readline()
        if not line.endswith(b"\n"):
            return
        yield line


def filled(stream, image: np.ndarray) -> bool:
    """Whether the stream had enough bytes to fill the array."""
    view, have = memoryview(image).cast("B"), 0
    while have < len(view):
        got = stream.readinto(view[have:])
        if not got:
            return False
        have += got
    return True


def invalid(message: str, hint: str) -> InputError:
    return InputError(ErrorCode.FILE_INVALID, message, hint)
