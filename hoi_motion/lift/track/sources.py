"""Sources of object tracks by name, as options and commands give them."""

from collections.abc import Callable

from hoi_motion.lift.track.track import TrackSource


def _own(_: str) -> TrackSource:
    from hoi_motion.lift.track.tracker import OwnTracker

    return OwnTracker()


def _sam2(folder: str) -> TrackSource:
    from hoi_motion.lift.track.sam2_video import Sam2Video

    return Sam2Video(folder)


def _files(path: str) -> TrackSource:
    from hoi_motion.lift.track.mask_files import MaskFiles

    return MaskFiles(path)


# how a name begins -> what it is, and the source of the rest of the name; anything else is a file or a folder
NAMED: dict[str, tuple[str, Callable[[str], TrackSource]]] = {
    "own": ("our own tracker", _own),
    "sam2:": ("SAM 2 or EdgeTAM for video in a folder in transformers' format", _sam2),
}
FILES = "FILE or FOLDER of masks: a folder of PNG, an .npz or a .json of COCO run lengths"


def track_source(name: str) -> TrackSource:
    """The source of a name: `own`, `sam2:FOLDER`, or a file or folder of masks.

    Raises:
        InputError: FILE_INVALID for a file or folder that is not there.
        LiftError: MODEL_MISSING for a folder without such a model.
    """
    for start, (_, source) in NAMED.items():
        if name == start or (start.endswith(":") and name.startswith(start)):
            return source(name[len(start) :])
    return _files(name)


def described() -> str:
    """All sources in words, for help texts."""
    named = [f"{start}{'FOLDER' if start.endswith(':') else ''} ({what})" for start, (what, _) in NAMED.items()]
    return ", ".join([*named, FILES])
