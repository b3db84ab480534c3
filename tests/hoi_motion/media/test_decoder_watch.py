"""A decoder that works for ever, waits for ever or eats memory is ended, and the file is named."""

import io
import subprocess
import sys
import time

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.media import decoder_watch, video_stream
from hoi_motion.media.decoder import lines
from hoi_motion.media.decoder_watch import DecoderWatch
from hoi_motion.media.video_file import read_video, write_video

WAIT_S = 60


@pytest.fixture
def watched(monkeypatch):
    """A function that starts a Python program under a watch of little patience."""
    monkeypatch.setattr(decoder_watch, "PATIENCE_S", 0.5)
    monkeypatch.setattr(decoder_watch, "MAX_DECODER_BYTES", 100 * 2**20)
    running = []

    def start(program: str) -> tuple[subprocess.Popen, DecoderWatch]:
        process = subprocess.Popen([sys.executable, "-I", "-c", program], stdin=subprocess.PIPE)
        running.append((process, DecoderWatch(process)))
        return running[-1]

    yield start
    for process, watch in running:
        process.kill()
        process.wait()
        watch.end()


@pytest.mark.parametrize(
    "program, said",
    [
        ("while True: pass", "without showing what takes so long"),
        ("import time; time.sleep(1000)", "has held its decoder"),
        ("held = bytearray(150 << 20); import time; time.sleep(1000)", "MiB of memory"),
    ],
)
def test_a_process_over_its_limits_is_killed_with_the_reason(watched, program, said):
    process, watch = watched(program)
    with watch.waiting():
        process.wait(WAIT_S)
    watch.end()
    assert said in watch.why


def test_an_idle_process_that_nobody_waits_for_is_not_killed(watched):
    process, watch = watched("input()")
    time.sleep(1.0)  # twice its patience
    assert process.poll() is None and watch.why is None


def test_a_line_that_the_end_of_its_process_has_cut_says_nothing(watched):
    """Of its columns some are missing, and of its last number digits."""
    _, watch = watched("input()")
    assert list(lines(io.BytesIO(b"0, 1, 2\n0, 1"), watch)) == [b"0, 1, 2\n"]


def test_work_that_was_allowed_does_not_end_it(watched):
    process, watch = watched("import time\nwhile time.process_time() < 1.0: pass")
    watch.allow(60.0)
    with watch.waiting():
        assert process.wait(WAIT_S) == 0


def test_video_whose_decoder_was_ended_is_refused_by_name(tmp_path, monkeypatch):
    write_video(tmp_path / "clip.mp4", np.zeros((4, 48, 64, 3), np.uint8), 8.0)
    monkeypatch.setattr(decoder_watch, "MAX_DECODER_BYTES", 0)
    monkeypatch.setattr(decoder_watch, "LOOK_S", 0.001)
    with pytest.raises(InputError, match=r"clip\.mp4 takes more than 0 MiB") as error:
        read_video(tmp_path / "clip.mp4", 64)
    assert error.value.code is ErrorCode.FILE_INVALID


def test_few_bytes_that_unpack_to_very_many_pixels_are_refused(tmp_path, monkeypatch):
    write_video(tmp_path / "clip.mp4", np.zeros((40, 480, 640, 3), np.uint8), 8.0)
    monkeypatch.setattr(video_stream, "FREE_PX", 10 * 480 * 640)
    monkeypatch.setattr(video_stream, "MAX_PX_OF_A_BYTE", 1)
    with pytest.raises(InputError, match="unpacks to 11 frames of 640x480 pixels"):
        read_video(tmp_path / "clip.mp4", 64)
    monkeypatch.setattr(video_stream, "FREE_PX", 40 * 480 * 640)
    assert len(read_video(tmp_path / "clip.mp4", 64).frames) == 40


@pytest.mark.parametrize("content", [b"ffconcat version 1.0\nfile clip.mp4\n", b"#EXTM3U\n#EXTINF:1,\nclip.mp4\n"])
def test_list_of_other_files_is_no_video(tmp_path, content):
    write_video(tmp_path / "clip.mp4", np.zeros((4, 48, 64, 3), np.uint8), 8.0)
    (tmp_path / "list.mp4").write_bytes(content)
    with pytest.raises(InputError, match=r"list\.mp4 is no video"):
        read_video(tmp_path / "list.mp4", 64)
