"""BEHAVE: SMPL+H and object fits in the frame of the first Kinect (y down), 30 fps files or one folder per frame."""

from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import turned
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import MAX_VERTICES, HoiMotion, ObjectMotion
from hoi_motion.reading.mesh import read_mesh
from hoi_motion.reading.npz import NpzFile
from hoi_motion.reading.pickles import load_pickle

# the two layouts spell the same things differently
HUMAN_FILE = "smpl_fit_all.npz"
OBJECT_FILE = "object_fit_all.npz"
HUMAN_KEYS = ("poses", "betas", "trans", "frame_times")
OBJECT_KEYS = ("angles", "trans", "frame_times")
FRAME_HUMAN_KEYS = ("pose", "betas", "trans")
FRAME_OBJECT_KEYS = ("angle", "trans")
_HUMAN_FIT = "person/fit02/person_fit.pkl"
_OBJECT_FIT = "*/fit01/*_fit.pkl"
SAME_RATE = 1.02
"""Names of frames round to milliseconds."""


def is_behave(folder) -> bool:
    folder = Path(folder)
    return (folder / OBJECT_FILE).is_file() or any(folder.glob(f"t*/{_HUMAN_FIT}"))


def read_behave(path, object_mesh=None, fps: float | None = None) -> HoiMotion:
    """Read a sequence folder, or one of its two `*_fit_all.npz` files.

    Args:
        object_mesh: the simplified mesh the object was registered with (`objects/NAME/NAME_f1000.ply`); the fits are
            relative to the mean of its vertices. Without it the object is left out.
        fps: only for a single frame; else the frames' times say it, and a note that another one was given.

    Raises:
        InputError: FILE_INVALID for damaged files, other keys or shapes, code in a pickle, fits that do not belong
            together, an unreadable mesh.
    """
    folder = Path(path)
    folder = folder if folder.is_dir() else folder.parent
    human, thing, times_s = _whole(folder) if (folder / OBJECT_FILE).is_file() else _by_frame(folder)
    pose = family.smplx_pose(human["pose"], f"{folder}: SMPL+H pose")
    T = len(pose)
    # the fits centre the body: the translation is the pelvis itself
    pelvis_m = checked_array(human["trans"], f"{folder}: SMPL+H trans", (T, 3), np.float64)
    angle_rad = checked_array(thing["angle"], f"{folder}: object angle", (T, 3), np.float64)
    place_m = checked_array(thing["trans"], f"{folder}: object trans", (T, 3), np.float64)
    R = family.R_WORLD_CAMERA
    pose[:, 0] = turned(pose[:, 0], R)
    betas, notes = family.kept_betas(human["betas"], "SMPL+H", "", T, folder)
    notes.append("BEHAVE: from the first Kinect's frame, taken as level")
    given, (fps, late) = fps, _rate(times_s, fps, folder)
    if given is not None and max(given, fps) > SAME_RATE * min(given, fps):
        notes.append(f"BEHAVE: the frame rate is {fps:.4g} by the frames' times, not {given:g} as given")
    if late is not None:
        notes.append(f"BEHAVE: after frame {late} the time jumps by {times_s[late + 1] - times_s[late]:.2f} s")
    objects = ()
    if object_mesh is None:
        notes.append("BEHAVE: the object is left out, its mesh was not given")
    else:
        vertices, faces = _centred_mesh(object_mesh)
        T_world_object = np.tile(np.eye(4), (T, 1, 1))
        T_world_object[:, :3, :3] = R @ Rotation.from_rotvec(angle_rad.copy()).as_matrix()
        T_world_object[:, :3, 3] = place_m @ R.T
        objects = (ObjectMotion("target", vertices, faces, T_world_object),)
    return family.grounded_motion(pose, pelvis_m @ R.T, fps, betas, notes, objects=objects)


def _whole(folder: Path) -> tuple[dict, dict, np.ndarray]:
    human, thing = _npz(folder / HUMAN_FILE, HUMAN_KEYS), _npz(folder / OBJECT_FILE, OBJECT_KEYS)
    times = [str(t) for t in human["frame_times"].reshape(-1)]
    if times != [str(t) for t in thing["frame_times"].reshape(-1)]:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{folder}: person ({len(times)} fits) and object ({thing['frame_times'].size}) differ in frame_times",
        )
    human["pose"], thing["angle"] = human["poses"], thing["angles"]
    return human, thing, _seconds(times, folder)


def _by_frame(folder: Path) -> tuple[dict, dict, np.ndarray]:
    frames = sorted(file.parents[2] for file in folder.glob(f"t*/{_HUMAN_FIT}"))
    if not frames:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{folder} is not a BEHAVE sequence",
            f"expected {HUMAN_FILE} ({', '.join(HUMAN_KEYS)}) and {OBJECT_FILE} ({', '.join(OBJECT_KEYS)}), "
            f"or t0003.000/{_HUMAN_FIT} ({', '.join(FRAME_HUMAN_KEYS)}) "
            f"and t0003.000/NAME/fit01/NAME_fit.pkl ({', '.join(FRAME_OBJECT_KEYS)})",
        )
    people, things = [], []
    for frame in frames:
        found = [file for file in sorted(frame.glob(_OBJECT_FIT)) if not file.name.startswith(".")]
        fits = [file for file in found if file.parents[1].name != "person"]
        if len(fits) != 1:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{frame} has {len(fits)} object fits, expected one NAME/fit01/NAME_fit.pkl"
            )
        people.append(_pkl(frame / _HUMAN_FIT, FRAME_HUMAN_KEYS))
        things.append(_pkl(fits[0], FRAME_OBJECT_KEYS))
    return _stacked(people, folder), _stacked(things, folder), _seconds([frame.name for frame in frames], folder)


def _npz(path: Path, keys) -> dict[str, np.ndarray]:
    file = NpzFile(path, "a readable BEHAVE fit")
    family.require_keys(file.names, keys, path, "a BEHAVE fit")
    return {key: file.read(key) for key in keys}


def _pkl(path: Path, keys) -> dict:
    data = load_pickle(path, known=keys)
    family.require_keys(data if isinstance(data, dict) else (), keys, path, "a BEHAVE fit")
    return {key: np.asarray(data[key]).reshape(-1) for key in keys}


def _stacked(fits: list[dict], folder: Path) -> dict[str, np.ndarray]:
    try:
        return {key: np.stack([fit[key] for fit in fits]) for key in fits[0]}
    except ValueError as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{folder}: the frames' fits differ in shape: {error}") from error


def _seconds(names: list[str], folder: Path) -> np.ndarray:
    """Times from names like t0003.033."""
    try:
        return np.array([float(name.lstrip("t")) for name in names])
    except ValueError as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{folder}: frame times are like t0003.033: {error}") from error


def _rate(times_s: np.ndarray, fps: float | None, folder: Path) -> tuple[float, int | None]:
    """Frames per second, and the first frame after which there is a gap."""
    steps = np.diff(times_s)
    if not len(steps):
        return family.require_fps(fps, folder, "single-frame BEHAVE"), None
    step = float(np.median(steps))
    if steps.min() <= 0:
        raise InputError(ErrorCode.FILE_INVALID, f"{folder}: frame times do not rise")
    gaps = np.flatnonzero(steps > 1.5 * step)
    # the names round to milliseconds: 33, 33 and 34 ms are 30 frames a second, 33 ms are 30.3
    return 1.0 / float(steps[steps <= 1.5 * step].mean()), int(gaps[0]) if len(gaps) else None


def _centred_mesh(path) -> tuple[np.ndarray, np.ndarray]:
    vertices, faces = read_mesh(path)
    if len(vertices) > MAX_VERTICES:
        raise InputError(
            ErrorCode.FILE_INVALID, f"{path} has {len(vertices)} vertices, at most {MAX_VERTICES} are read"
        )
    vertices = checked_array(vertices, f"{path}: vertices", ("V", 3), np.float64)
    return vertices - vertices.mean(0), faces
