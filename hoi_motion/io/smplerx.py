"""SMPLer-X: a folder with one npz a frame (`00001_0.npz`: frame 1, person 0), SMPL-X in the camera."""

import re
import zipfile
from pathlib import Path

import numpy as np

from hoi_motion.arrays import checked_array
from hoi_motion.body.change import SMPLX_PELVIS_M, turned
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.motion import HoiMotion

# (key, joints) in SMPL-X order
PARTS = (
    ("global_orient", 1),
    ("body_pose", 21),
    ("jaw_pose", 1),
    ("leye_pose", 1),
    ("reye_pose", 1),
    ("left_hand_pose", 15),
    ("right_hand_pose", 15),
)
KEYS = (*(name for name, _ in PARTS), "betas", "transl")
_NAME = re.compile(r"(\d+)(?:_(\d+))?\.npz")


def frame_files(path) -> dict[int, dict[int, Path]]:
    """person -> frame number -> file, of a result folder or the `smplx` folder in it."""
    path = Path(path)
    folder = path / "smplx" if (path / "smplx").is_dir() else path
    found: dict[int, dict[int, Path]] = {}
    for file in sorted(folder.iterdir()):
        match = _NAME.fullmatch(file.name)
        if match:
            found.setdefault(int(match[2] or 0), {})[int(match[1])] = file
    return found


def read_smplerx(path, fps: float | None = None, person: int | None = None) -> HoiMotion:
    """Read one person's frames. The camera is taken as level: its tilt is not in the files.

    Raises:
        InputError: FILE_INVALID for damaged files, other keys or shapes, missing frames, several people and no
            `person`, or no `fps`.
    """
    people = frame_files(path) if Path(path).is_dir() else {}
    if not people:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} is not a SMPLer-X result",
            "expected a folder with one npz a frame: 00001_0.npz, ...",
        )
    if person is None and len(people) == 1:
        person = next(iter(people))
    if person not in people:
        counts = ", ".join(f"{key} ({len(files)} frames)" for key, files in sorted(people.items()))
        what = f"no person {person}" if person is not None else f"{len(people)} people"
        raise InputError(ErrorCode.FILE_INVALID, f"{path} has {what}", f"choose one with --person: {counts}")
    fps = family.require_fps(fps, path, "SMPLer-X")
    files = people[person]
    numbers = sorted(files)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} lacks frame {missing[0]}", "the person was not found there")
    frames = [_frame(files[number]) for number in numbers]
    pose = family.smplx_pose(np.stack([pose for pose, _, _ in frames]), f"{path}: pose")
    betas, notes = family.kept_betas(np.stack([betas for _, betas, _ in frames]), "SMPL-X", "neutral", len(pose), path)
    notes += [
        "SMPLer-X: from the camera's frame, taken as level",
        "SMPLer-X: the path of the root is that of a crop camera of each frame, its depth is not metric",
        "SMPLer-X: finger angles count from the official body's mean hand, here they count from the flat hand",
    ]
    transl_m = np.stack([transl for _, _, transl in frames])
    pelvis_m = (transl_m + SMPLX_PELVIS_M) @ family.R_WORLD_CAMERA.T
    pose[:, 0] = turned(pose[:, 0], family.R_WORLD_CAMERA)
    return family.grounded_motion(pose, pelvis_m, fps, betas, notes)


def _frame(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pose (55, 3), betas (B,) and translation (3,) of one file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            family.require_keys(file.files, KEYS, path, "a SMPLer-X frame")
            arrays = {key: file[key] for key in KEYS}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile, EOFError, KeyError) as error:
        raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a readable SMPLer-X frame: {error}") from error
    pose = [
        checked_array(
            arrays[key].reshape(-1, 3) if arrays[key].size % 3 == 0 else arrays[key],
            f"{path}: {key}",
            (joints, 3),
            np.float64,
        )
        for key, joints in PARTS
    ]
    betas = checked_array(arrays["betas"].reshape(-1), f"{path}: betas", ("B",), np.float64)
    return np.concatenate(pose), betas, checked_array(arrays["transl"].reshape(-1), f"{path}: transl", (3,), np.float64)
