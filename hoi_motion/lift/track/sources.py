"""Sources of object tracks by name, as options and commands give them."""

from collections.abc import Callable

from hoi_motion.lift.track.track import TrackSource


def _own() -> TrackSource:
    from hoi_motion.lift.track.tracker import OwnTracker

    return OwnTracker()


def _files(path: str) -> TrackSource:
    from hoi_motion.lift.track.mask_files import MaskFiles

    return MaskFiles(path)


# name -> what it is, and how to make it; anything else is a file or a folder
NAMED: dict[str, tuple[str, Callable[[], TrackSource]]] = {
    "own": ("our own tracker", _own),
}
FILES = "FILE or FOLDER of masks: a folder of PNG, an .npz or a .json of COCO run lengths"


def track_source(name: str) -> TrackSource:
    """The source of a name: `own`, or a file or folder of masks.

    Raises:
        InputError: FILE_INVALID for a file or folder that is not there.
    """
    return NAMED[name][1]() if name in NAMED else _files(name)


def described() -> str:
    """All sources in words, for help texts."""
    return ", ".join([*(f"{name} ({what})" for name, (what, _) in NAMED.items()), FILES])
