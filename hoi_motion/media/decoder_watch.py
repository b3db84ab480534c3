"""A watch on a decoding process, which ends one that works for long without output or takes too much memory."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE_S = 8.0
"""Processor time beyond what the frames so far may have taken, and time without any work at all."""
LOOK_S = 0.05
MAX_DECODER_BYTES = 900 * 2**20
"""Memory in use; a video of 3840x2160 pixels with 10 bits and the most reference frames takes two thirds of it."""
MAX_ADDRESSES = 4 << 30
MAX_DATA_BYTES = 3 << 30
"""Limits that the system enforces, for what happens between two looks."""
_TICKS = os.sysconf("SC_CLK_TCK")


class DecoderWatch:
    """Looks at a process until it is told to end.

    Attributes:
        why: what was wrong, completing "video PATH ..."; None while nothing is.

    Args:
        process: the decoder.
    """

    def __init__(self, process: subprocess.Popen):
        self.why: str | None = None
        self._process = process
        self._budget_s = PATIENCE_S
        self._waits = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def allow(self, seconds: float) -> None:
        """Allow more processor time, for output that has come."""
        self._budget_s += seconds

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Inside the block we wait for the process; outside, it may rest as long as it likes."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        folder = Path("/proc", str(self._process.pid))
        worked_s, moved_at = 0.0, time.monotonic()
        while not self._ended.wait(LOOK_S):
            try:
                now_s, held = _cpu_s(folder), _resident_bytes(folder)
            except (OSError, IndexError):  # it has ended
                return
            if now_s != worked_s or not self._waits:
                worked_s, moved_at = now_s, time.monotonic()
            if held > MAX_DECODER_BYTES:
                self.why = f"takes more than {MAX_DECODER_BYTES / 2**20:.0f} MiB of memory to decode"
            elif now_s > self._budget_s:
                self.why = f"was decoded for {now_s:.0f} s without showing what takes so long"
            elif time.monotonic() - moved_at > PATIENCE_S:
                self.why = f"has held its decoder for {PATIENCE_S:.0f} s"
            else:
                continue
            self._process.kill()
            return


def _cpu_s(folder: Path) -> float:
    """Processor time of a process, all of its threads."""
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident_bytes(folder: Path) -> int:
    return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
