"""BEHAVE (Bhatnagar et al. 2022) as a list of clips, in the layout its authors publish.

    sequences/Date01_Sub01_backpack_back/info.json               "cat": the object, "kinects": camera numbers
                                        /t0005.000/k1.color.jpg, k1.person_mask.jpg, k1.obj_rend_mask.jpg
                                                  /person/fit02/person_fit.ply, backpack/fit01/backpack_fit.ply

A clip is a sequence seen by one camera. A touch is where the registered meshes of person and object come within
CONTACT_M. BEHAVE has no captions: `caption.txt` in the folder of a sequence is used where it is there. The annotated
frames are one second apart; whoever extracts more of them from the videos gets clips of that rate.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from hoi_motion.errors import InputError, shown
from hoi_motion.media.image_files import read_image, read_labels
from hoi_motion.reading.mesh import read_mesh
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from training.data.caption_file import read_caption, reading_mark
from training.data.clip import TrainingClip, checked_clip, unusable
from training.data.clip_rule import NoClip, clip_start
from training.data.fingerprint import fingerprint

CONTACT_M = 0.02
_INFO = "the facts of a BEHAVE sequence"
MAX_GAP = 1.5  # of the usual time between two frames
_PERSON_MASKS = ("person_mask",)
_OBJECT_MASKS = ("obj_rend_mask", "obj_mask")
_WORDS = {
    "boxlarge": "large box",
    "boxlong": "long box",
    "boxmedium": "medium box",
    "boxsmall": "small box",
    "boxtiny": "tiny box",
    "chairblack": "black chair",
    "chairwood": "wooden chair",
    "plasticcontainer": "plastic container",
    "tablesmall": "small table",
    "tablesquare": "square table",
    "trashbin": "trash bin",
    "yogaball": "yoga ball",
    "yogamat": "yoga mat",
}
_FOLDER_NAMES = {"chairblack": "chair", "chairwood": "chair", "basketball": "sports ball", "yogaball": "sports ball"}


class BehaveClips:
    """Clips of `num_frames` frames from the folder of BEHAVE, or from its `sequences`."""

    def __init__(self, folder, num_frames: int, encoding: str = "utf-8"):
        folder = Path(folder)
        self.folder = folder / "sequences" if (folder / "sequences").is_dir() else folder
        self.num_frames, self.encoding = num_frames, encoding

    def names(self) -> list[str]:
        names = []
        for info in sorted(self.folder.glob("*/info.json")):
            if any(info.parent.glob("t*/k*.color.jpg")):
                names += [f"{info.parent.name}/k{camera}" for camera in _cameras(info)]
        return names

    def load(self, name: str) -> TrainingClip:
        sequence, camera = name.rsplit("/", 1)
        folder = self.folder / sequence
        info = folder / "info.json"
        with reading(info, _INFO):
            kind = read_json(info, _INFO)["cat"]
            if not isinstance(kind, str) or Path(kind).name != kind:
                raise ValueError(f"cat is {shown(kind)}, expected the name of an object")
        moments = sorted(folder.glob("t*"), key=_time_s)
        distances = _distances_m(folder, kind)
        usable = np.array([_seen(m, camera, _PERSON_MASKS) and _seen(m, camera, _OBJECT_MASKS) for m in moments], bool)
        try:
            start = clip_start(np.isfinite(distances), distances < CONTACT_M, usable, self.num_frames)
        except NoClip as error:
            raise unusable(name, str(error)) from error
        chosen = moments[start : start + self.num_frames]
        steps = np.diff([_time_s(m) for m in chosen])
        if len(steps) and steps.max() > MAX_GAP * np.median(steps):
            raise unusable(name, f"frames are missing after {chosen[int(steps.argmax())].name}")
        pictures = [read_image(m / f"{camera}.color.jpg") for m in chosen]
        if len({picture.shape for picture in pictures}) > 1:
            raise unusable(name, "its pictures differ in size")
        mask = _mask(chosen[0], camera, _OBJECT_MASKS)
        if mask.shape != pictures[0].shape[:2]:
            raise unusable(name, f"its mask is {mask.shape}, its pictures are {pictures[0].shape[:2]}")
        frames = np.stack(pictures)
        written = folder / "caption.txt"
        caption = f"A person interacts with the [TGT] {_WORDS.get(kind, kind)}."
        if written.is_file():
            caption = read_caption(written, name, self.encoding)
        return checked_clip(name, TrainingClip(frames, mask, caption))

    def fingerprint(self, name: str) -> str:
        sequence, camera = name.rsplit("/", 1)
        folder = self.folder / sequence
        pictures = sorted(folder.glob(f"t*/{camera}.*"))
        caption = folder / "caption.txt"
        files = [folder / "info.json", caption, *pictures, *sorted(folder.glob("t*/*/*/*.ply"))]
        return fingerprint(files) + reading_mark(caption, self.encoding)


def _cameras(info: Path) -> list[int]:
    try:
        with reading(info, _INFO):
            return [int(camera) for camera in read_json(info, _INFO).get("kinects", [0, 1, 2])]
    except InputError:
        return [0]  # one name, so that the sequence is listed with the reason


def _time_s(moment: Path) -> float:
    return float(moment.name[1:]) if moment.name[1:].replace(".", "", 1).isdecimal() else -1.0


def _mask(moment: Path, camera: str, kinds: tuple[str, ...]) -> np.ndarray | None:  # (H, W) bool
    for kind in kinds:
        for suffix in ("png", "jpg"):
            path = moment / f"{camera}.{kind}.{suffix}"
            if path.is_file():
                # JPEG: read_mask would ask about grey edges, which are wide in these files
                picture = read_labels(path)
                return (picture if picture.ndim == 2 else picture[..., :3].max(-1)) > 127
    return None


def _seen(moment: Path, camera: str, kinds: tuple[str, ...]) -> bool:
    mask = _mask(moment, camera, kinds)
    return mask is not None and bool(mask.any())


@lru_cache(maxsize=1)
def _distances_m(folder: Path, kind: str) -> np.ndarray:  # (T,)
    """Smallest distance of person and object in every frame of a sequence, NaN without their meshes."""
    return np.array([_distance_m(moment, kind) for moment in sorted(folder.glob("t*"), key=_time_s)])


def _distance_m(moment: Path, kind: str) -> float:
    import trimesh
    from scipy.spatial import KDTree

    person = moment / "person" / "fit02" / "person_fit.ply"
    things = [moment / name / "fit01" / f"{name}_fit.ply" for name in (kind, _FOLDER_NAMES.get(kind, kind))]
    thing = next((path for path in things if path.is_file()), None)
    if thing is None or not person.is_file():
        return np.nan
    try:
        body, target = (read_mesh(path) for path in (person, thing))
    except InputError:
        return np.nan
    # a coarse object has few vertices: the person's, which are dense, are measured to points all over it
    points = np.concatenate([target[0], trimesh.Trimesh(*target, process=False).sample(4000, seed=0)])
    return float(KDTree(points).query(body[0])[0].min())
