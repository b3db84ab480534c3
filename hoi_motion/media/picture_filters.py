"""What is done to decoded pictures so that they look as on a screen: fields become frames, HDR becomes SDR."""

import functools
import logging
import re
import subprocess
from dataclasses import dataclass

log = logging.getLogger(__name__)

REFERENCE_WHITE_NITS = 203
"""Luminance of a white sheet of paper in HDR video (ITU-R BT.2408): it becomes SDR's white."""
BRIGHTEST_NITS = 1000
UNCHANGED_SHARE = 0.5
"""Of the linear range of SDR: darker values stay as they are, highlights share the rest."""
_HDR = ("smpte2084", "arib-std-b67")
# of wide colours without HDR; "" where the file says nothing
_SDR = ("", "bt709", "smpte170m", "bt2020-10", "bt2020-12", "iec61966-2-1")
# what zscale reads; Dolby Vision's own (ipt-c2) is not among them
_MATRICES = ("", "bt2020nc", "bt2020c", "ictcp", "bt709", "smpte170m", "bt470bg", "gbr")
_UNKNOWN = ("unknown", "reserved", "unspecified")
# pixel format with its properties, before the size
_PROPERTIES = re.compile(r", \w+\((.*?)\), \d+x\d+")
_COLOURS = re.compile(r"([\w-]+)/([\w-]+)/([\w-]+)")
_BACK = {"transpose=clock": "transpose=cclock", "transpose=cclock": "transpose=clock"}
"""What undoes a turn; everything else undoes itself."""
_INTERLACED = re.compile(r"(top|bottom) (coded )?first")


@dataclass(frozen=True)
class PictureKind:
    """How the pictures of a video are stored, in ffmpeg's words.

    Attributes:
        is_interlaced: a frame holds two fields, of two moments.
        turn: the filters by which ffmpeg has turned and mirrored its pictures, as far as that matters for fields.
        matrix, primaries, transfer: of its colours; "" where the file says nothing.
    """

    is_interlaced: bool = False
    turn: tuple[str, ...] = ()
    matrix: str = ""
    primaries: str = ""
    transfer: str = ""

    @classmethod
    def of_stream(cls, described: str) -> "PictureKind":
        """From ffmpeg's description of a stream, what follows the name of its codec."""
        properties = _PROPERTIES.search(described)
        if not properties:
            return cls()
        colours = _COLOURS.search(properties[1])
        names = ("" if name in _UNKNOWN else name for name in colours.groups()) if colours else ()
        return cls(bool(_INTERLACED.search(properties[1])), (), *names)

    @property
    def is_hdr(self) -> bool:
        """Whether its brightness is coded as PQ or HLG; shown as SDR it would look grey."""
        return self.transfer in _HDR

    @property
    def is_wide(self) -> bool:
        """Whether its colours are those of BT.2020; shown as those of SDR they would look pale."""
        return self.is_hdr or (self.primaries == "bt2020" and self.transfer in _SDR)

    def deinterlacing(self) -> list[str]:
        """Filters that make one whole frame of each frame's fields, at the same time; none for progressive video."""
        if not self.is_interlaced:
            return []
        # one frame for each frame, not for each field, keeps rate and count
        whole = [f"{name}=mode=send_frame:deint=all" for name in ("bwdif", "yadif") if _has(name)][:1]
        # fields are rows of the picture as it is stored, and the upper row is of the field that its flags mean
        back = [_BACK.get(step, step) for step in reversed(self.turn)]
        return [*back, *whole, *self.turn]

    def tone_mapping(self) -> list[str]:
        """Filters from wide colours and HDR to SDR (BT.709), for pictures that have their final size.

        None for SDR, for a colour matrix that zscale does not know, and where ffmpeg lacks the filters.
        """
        if not (self.is_wide and self.matrix in _MATRICES and _has("zscale", "tonemap")):
            return []
        stored = [
            f"transferin={self.transfer or '709'}",
            f"primariesin={self.primaries or '2020'}",
            *([] if self.matrix else ["matrixin=2020_ncl"]),
        ]
        tonemap = f"tonemap=mobius:param={UNCHANGED_SHARE}:desat=0:peak={BRIGHTEST_NITS / REFERENCE_WHITE_NITS:.3f}"
        return [
            # zscale refuses odd sides of subsampled colours
            "format=gbrp12" if self.matrix == "gbr" else "format=yuv444p12",
            f"zscale={':'.join(stored)}:transfer=linear:npl={REFERENCE_WHITE_NITS}",
            "format=gbrpf32",
            "zscale=primaries=709",
            *([tonemap] if self.is_hdr else []),
            "zscale=transfer=709:matrix=gbr:range=full",
            "format=gbrp",
        ]

    def warn_of_hdr(self, path) -> None:
        """Say so where colours stay as they are stored."""
        if self.is_hdr and not self.tone_mapping():
            log.warning(
                "video %s is HDR (%s, matrix %s), which this ffmpeg cannot map: its colours are not mapped to SDR and "
                "look wrong; convert it to SDR",
                path,
                self.transfer,
                self.matrix or "unknown",
            )


def _has(*names: str) -> bool:
    return set(names) <= _filters()


@functools.lru_cache(maxsize=1)
def _filters() -> frozenset[str]:
    """Names of the filters that ffmpeg was built with."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-filters"]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    return frozenset(re.findall(r"^ \S+ +(\w+) +\S+->\S+", listed, re.MULTILINE))
