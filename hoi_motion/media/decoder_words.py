"""What a decoding process says on standard error, and why it failed."""

import itertools
import re
import threading

MAX_LINES = 400
MAX_LINE = 400
# of what it was told to do, and the sum at its end: no reason
_OF_OURS = re.compile("for option 'map'|output file|muxing overhead")
# what comes before all that is said of the output, whose streams are listed like those of the input
_OF_OUTPUT = re.compile("Stream mapping:|Output #")
_OTHER_FORMAT = re.compile("Format not on whitelist")


class DecoderWords:
    """What ffmpeg writes to standard error, read beside its output and kept within bounds.

    Args:
        kept: which lines matter; None keeps all.
    """

    def __init__(self, stream, kept: re.Pattern | None = None):
        self.first, self.last, self._kept = [], [], kept
        self.thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream) -> None:
        while raw := stream.readline(MAX_LINE):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            # tags are the file's own text, possibly thousands of them
            if line.startswith("    ") or self._kept is not None and not self._kept.search(line):
                continue
            if len(self.first) < MAX_LINES:
                self.first.append(line)
            else:
                self.last = [*self.last[-9:], line]

    def lines(self) -> list[str]:
        return self.first + self.last

    def all_found(self, pattern: str) -> list:
        """The groups of every line about the input that matches."""
        about = itertools.takewhile(lambda line: not _OF_OUTPUT.match(line), self.lines())
        return [match.groups() for line in about if (match := re.match(pattern, line))]

    def found(self, pattern: str) -> str | None:
        return next((groups[0] for groups in self.all_found(pattern)), None)

    def has(self, pattern: re.Pattern) -> bool:
        self.thread.join()
        return any(pattern.search(line) for line in self.lines())

    def reason(self) -> str:
        """The first error, in ffmpeg's words."""
        if self.has(_OTHER_FORMAT):
            return ": its format is none in which videos are read"
        wrong = [
            line
            for line in self.lines()
            if re.search("error|invalid|not found|cannot|failed|unknown", line, re.I) and not _OF_OURS.search(line)
        ]
        said = re.sub(r"^(\[[^\]]*\] )+", "", wrong[0]).replace("fd:", "it") if wrong else ""
        return f": {said[:120]!r}" if said else ""
