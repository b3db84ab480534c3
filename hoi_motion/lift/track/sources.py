"""Sources of object tracks by name, as options and commands give them."""

from collections.abc import Callable

from hoi_motion.files import with_home
from hoi_motion.lift.track.track import TrackSource


def _own() -> TrackSource:
    from hoi_motion.lift.track.own.tracker import OwnTracker

    return OwnTracker()


def _files(path: str) -> TrackSource:
    from hoi_motion.lift.track.mask_files import MaskFiles

    return MaskFiles(with_home(path))


def _sam_video(folder: str) -> TrackSource:
    from hoi_motion.lift.track.sam_video import SamVideoTracker

    return SamVideoTracker(with_home(folder))


# name -> what it is, and how to make it; anything else is a file or a folder
NAMED: dict[str, tuple[str, Callable[[], TrackSource]]] = {
    "own": ("our own tracker", _own),
}
# begin of a name that goes on with a folder, likewise
OF_FOLDER: dict[str, tuple[str, Callable[[str], TrackSource]]] = {
    "sam2:": ("a SAM 2 or EdgeTAM for video, its folder in transformers' format", _sam_video),
}
FILES = "FILE or FOLDER of masks: a folder of PNG, an .npz or .npy, or a .json of COCO run lengths"


def track_source(name: str) -> TrackSource:
    """The source of a name: `own`, `sam2:FOLDER`, or a file or folder of masks.

    Raises:
        InputError: FILE_INVALID for a file or folder that is not there, CONFIG_INVALID for an unknown home folder.
        LiftError: MODEL_MISSING for a folder without such a model.
    """
    if name in NAMED:
        return NAMED[name][1]()
    start = next((start for start in OF_FOLDER if name.startswith(start)), None)
    return _files(name) if start is None else OF_FOLDER[start][1](name.removeprefix(start))


def described() -> str:
    """All sources in words, for help texts."""
    named = [f"{name} ({what})" for name, (what, _) in NAMED.items()]
    return ", ".join([*named, *(f"{start}FOLDER ({what})" for start, (what, _) in OF_FOLDER.items()), FILES])
