"""SMPLer-X: a folder with one npz a detection (`00001_0.npz`: frame 1, number 0 there), SMPL-X in the camera."""

import re
from pathlib import Path

import numpy as np

from hoi_motion.arrays import LONGEST_WAY_M, checked_array, checked_rate
from hoi_motion.body.change import SMPLX_PELVIS_M, turned
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.io.lifters.people import beginning, bridged, chosen_person, linked, listed, missing_of
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.npz import MAX_FRAMES, NpzFile

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
FIRST_FRAME = 1
MOST_FILES = 4 * MAX_FRAMES
_NAME = re.compile(r"(\d{1,9})(?:_(\d{1,6}))?\.npz")


def frame_files(path) -> dict[int, dict[int, Path]]:
    """frame -> number of the detection -> file, of a result folder or the `smplx` folder in it."""
    path = Path(path)
    folder = path / "smplx" if (path / "smplx").is_dir() else path
    found: dict[int, dict[int, Path]] = {}
    for count, file in enumerate(sorted(folder.iterdir())):
        if count >= MOST_FILES:
            raise InputError(ErrorCode.FILE_INVALID, f"{folder} holds more than {MOST_FILES} files", "cut the video")
        match = _NAME.fullmatch(file.name)
        if match:
            frame, number = int(match[1]), int(match[2] or 0)
            if number in found.get(frame, {}):
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{file}: frame {frame} has two detections {number}",
                    "keep one clip a folder",
                )
            found.setdefault(frame, {})[number] = file
    return found


def read_smplerx(path, fps: float | None = None, person: int | None = None) -> HoiMotion:
    """Read one person's frames. The camera is taken as level: its tilt is not in the files.

    The number in a file's name counts the detections of that frame, in any order: who is the same person is told by
    place (`linked`), and people are numbered in the order in which they appear. Short gaps are bridged.

    Raises:
        InputError: FILE_INVALID for damaged files, other keys or shapes, several people and no `person`, or no `fps`.
    """
    files = frame_files(path) if Path(path).is_dir() else {}
    if not files:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} is not a SMPLer-X result",
            "expected a folder with one npz per frame: 00001_0.npz, ...",
        )
    fps = checked_rate(family.require_fps(fps, path, "SMPLer-X"))
    found = {frame: {number: _frame(file) for number, file in by_number.items()} for frame, by_number in files.items()}
    people = linked(
        {frame: {number: values[2] for number, values in by_number.items()} for frame, by_number in found.items()}, fps
    )
    track = chosen_person(people, person, path)
    numbers = np.array(sorted(track))
    frames = [found[frame][track[frame]] for frame in numbers.tolist()]
    pose = family.smplx_pose(np.stack([pose for pose, _, _ in frames]), f"{path}: pose")
    betas, notes = family.kept_betas(np.stack([betas for _, betas, _ in frames]), "SMPL-X", "neutral", len(pose), path)
    missing = missing_of(numbers)
    if missing:
        notes.append(f"SMPLer-X: the person was not found in {listed(missing)}, bridged from the frames beside")
    changes = [b for a, b in zip(numbers[:-1].tolist(), numbers[1:].tolist()) if track[a] != track[b]]
    if changes:
        notes.append(f"SMPLer-X: the person's number changes in {listed(changes)}, followed by place")
    pose = bridged(pose, numbers, turns=True)
    transl_m = bridged(np.stack([transl for _, _, transl in frames]), numbers)
    notes += [
        *beginning(int(numbers[0]), FIRST_FRAME),
        "SMPLer-X: from the camera's frame, taken as level",
        "SMPLer-X: the path of the root is that of a crop camera of each frame, its depth is not metric",
        "SMPLer-X: finger angles are relative to the mean hand of the official body, here from the flat hand",
    ]
    pelvis_m = (transl_m + SMPLX_PELVIS_M) @ family.R_WORLD_CAMERA.T
    pose[:, 0] = turned(pose[:, 0], family.R_WORLD_CAMERA)
    return family.grounded_motion(pose, pelvis_m, fps, betas, notes)


def _frame(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pose (55, 3), betas (B,) and translation (3,) of one file."""
    file = NpzFile(path, "a readable SMPLer-X frame")
    family.require_keys(file.names, KEYS, path, "a SMPLer-X frame")
    arrays = {key: file.read(key) for key in KEYS}
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
    return (
        np.concatenate(pose),
        betas,
        checked_array(arrays["transl"].reshape(-1), f"{path}: transl", (3,), np.float64, within=LONGEST_WAY_M),
    )
