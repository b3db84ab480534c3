"""The table of keypoint sources; help texts, errors, and the list in docs/lifting.md follow from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import with_home
from hoi_motion.lazy import missing_package

if TYPE_CHECKING:
    from hoi_motion.keypoints.track import KeypointSource


@dataclass(frozen=True)
class NamedSource:
    """A row of the table.

    Attributes:
        name: as options and commands give it; the part in capitals, FOLDER or FILE, is the user's.
        help: what it is, a line; needs: what must be there.
        make: the source, from what the user gave in place of the capitals, "" for none.
    """

    name: str
    help: str
    needs: str
    make: Callable[[str], KeypointSource]

    def argument(self, given: str) -> str | None:
        """What a given name has in the place of the capitals; None when it names another source."""
        fixed = self.name.replace("FOLDER", "").replace("FILE", "")
        if fixed == self.name:
            return "" if given == fixed else None
        if self.name.startswith(fixed):
            return given.removeprefix(fixed) if given.startswith(fixed) else None
        return given if given.endswith(fixed) else None


def _mediapipe(_: str) -> KeypointSource:
    from hoi_motion.keypoints.mediapipe import MediaPipeKeypoints

    if find_spec("mediapipe") is None:  # it is imported when somebody is looked for, after other work
        raise missing_package(ImportError(), "mediapipe")
    return MediaPipeKeypoints()


def _low_resolution(_: str) -> KeypointSource:
    from hoi_motion.keypoints.low_resolution import LowResolutionKeypoints

    return LowResolutionKeypoints()


def _vitpose(folder: str) -> KeypointSource:
    from hoi_motion.keypoints.vitpose import VitPoseKeypoints

    return VitPoseKeypoints(with_home(folder))


def _file(path: str) -> KeypointSource:
    from hoi_motion.keypoints.file import KeypointFile

    return KeypointFile(with_home(path))


SOURCES = (
    NamedSource("mediapipe", "the default: body, feet and hands", "nothing more", _mediapipe),
    NamedSource(
        "low-resolution",
        "our small network for small, blurred pictures of one person such as the mini model makes, not for real clips",
        "nothing more",
        _low_resolution,
    ),
    NamedSource(
        "vitpose:FOLDER",
        "a ViTPose or ViTPose+ of 17 or 133 COCO keypoints",
        "its folder in transformers' format",
        _vitpose,
    ),
    NamedSource("FILE.npz", "keypoints of any detector", "a file of them", _file),
)
NAMES = ", ".join(source.name for source in SOURCES[:-1]) + f" or {SOURCES[-1].name}"
HELP = "; ".join(f"{source.name}: {source.help}" for source in SOURCES)


def keypoint_source(name: str) -> KeypointSource:
    """The source of SOURCES that a name is of.

    Raises:
        InputError: CONFIG_INVALID for another name or an unknown home, FILE_INVALID for a file that holds no keypoints.
        LiftError: MODEL_MISSING when the folder holds no ViTPose.
        TavidError: MODEL_MISSING when MediaPipe is not installed.
    """
    for source in SOURCES:
        argument = source.argument(name)
        if argument is not None:
            return source.make(argument)
    raise InputError(ErrorCode.CONFIG_INVALID, f"keypoint source is {name!r}", f"give {NAMES}")
