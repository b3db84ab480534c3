"""SAM 3D Body: joints and keypoints of its MHR body in the camera, a detection a frame; ours is fitted to them.

Its estimator returns a list of people for a picture, each a dictionary, and writes nothing itself. People keep what it
returns: one npz a detection (`00012_subj00.npz`, as the samples of MHR's converter are named), or a pickle of the lists
of all frames. MHR's parameters mean nothing on another rig, so they are not read: of the 127 rig joints those that our
body has, and of the 70 keypoints fingers, soles and face.

`pred_joint_coords` and `pred_keypoints_3d` are metres in the camera (x right, y down, z ahead), without its place
`pred_cam_t`. The camera matrix is not in the file, but follows from the same keypoints in pixels.
"""

import re
from pathlib import Path

import numpy as np

from hoi_motion.arrays import LONGEST_WAY_M, checked_array, checked_rate
from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.io import smpl_family as family
from hoi_motion.io.lifters.people import beginning, bridged, chosen_person, linked, listed, missing_of
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.npz import MAX_FRAMES, NpzFile
from hoi_motion.reading.pickles import load_pickle

SHAPES = {
    "pred_keypoints_3d": (70, 3),
    "pred_joint_coords": (127, 3),
    "pred_cam_t": (3,),
    "pred_keypoints_2d": (70, 2),
}
KEYS = tuple(SHAPES)
UNUSED = ("pred_vertices", "mask", "pred_global_rots", "pred_pose_raw", "mhr_model_params", "faces")
"""Names of the estimator whose arrays are not laid out: the surface and the mask are nearly all of a file."""
MOST_FILES = 4 * MAX_FRAMES
MOST_PEOPLE = 100
"""Detections of one frame."""
_NAMES = (
    re.compile(r"(\d{1,9})_(\d{1,6})\.npz"),
    re.compile(r"[^.]*?(\d{1,9})?(?:_(?:subj|subject|person|human|body|track|id)_?(\d{1,6}))?\.npz"),
)
_NUMBER = re.compile(r"\d{1,9}")
_LIMB_JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
# our name -> number of the rig's joint
JOINTS = (
    dict(zip([f"left_{name}" for name in _LIMB_JOINTS], (75, 76, 78, 2, 3, 4)))
    | dict(zip([f"right_{name}" for name in _LIMB_JOINTS], (39, 40, 42, 18, 19, 20)))
    | {"neck": 110, "head": 113}
)
# our name -> number of the keypoint; a finger is numbered from its tip
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
KEYPOINTS = (
    {"nose": 0, "left_eye": 1, "right_eye": 2, "left_ear": 3, "right_ear": 4}
    | {"left_big_toe": 15, "left_small_toe": 16, "left_heel": 17}
    | {"right_big_toe": 18, "right_small_toe": 19, "right_heel": 20}
    | {
        f"{side}_{finger}{part}": first + 4 * i + k
        for side, first in (("right", 21), ("left", 42))
        for i, finger in enumerate(_FINGERS)
        for k, part in enumerate(("_tip", 3, 2, 1))
    }
)
POINTS = (*JOINTS, *KEYPOINTS)
_LARGEST_MISS_M = 0.1
"""Mean distance in a frame between our body and the file's points above which a note says so."""


def is_sam_3d_body_folder(path) -> bool:
    first = next((file for file in sorted(Path(path).glob("*.npz")) if _numbers(file.name)), None)
    return first is not None and set(KEYS) <= NpzFile(first).names


def is_sam_3d_body(data) -> bool:
    """Whether a pickle holds what the estimator returns, for each frame."""
    people = next((found for frame in _by_frame(data).values() if (found := _people(frame))), [])
    return bool(people) and isinstance(people[0], dict) and KEYS[0] in people[0]


def is_sam_3d_body_file(path) -> bool:
    return is_sam_3d_body(load_pickle(path, unread=UNUSED))


def read_sam_3d_body(path, fps: float | None = None, person: int | None = None) -> HoiMotion:
    """Read one person, fitted with the free body. The camera is taken as level: its tilt is not in the files.

    Who is the same person in the frames is told by place, as for SMPLer-X; short gaps are bridged.

    Raises:
        InputError: FILE_INVALID for damaged files, other keys or shapes, several people and no `person`, or no `fps`.
    """
    found = _of_folder(Path(path)) if Path(path).is_dir() else _of_pickle(path)
    fps = checked_rate(family.require_fps(fps, path, "SAM 3D Body"))
    places = {
        frame: {number: _points_m(values).mean(0) for number, values in by_number.items()}
        for frame, by_number in found.items()
    }
    track = chosen_person(linked(places, fps), person, path)
    numbers = np.array(sorted(track))
    values = [found[frame][track[frame]] for frame in numbers.tolist()]
    points_m = bridged(np.stack([_points_m(one) for one in values]), numbers)
    # lists are counted from 0, files of pictures from 0 or 1
    notes = beginning(int(numbers[0]), min(1, min(found)) if Path(path).is_dir() else 0)
    missing = missing_of(numbers)
    if missing:
        notes.append(f"SAM 3D Body: the person was not found in {listed(missing)}, bridged from the frames beside")
    notes.append("SAM 3D Body: from the camera's frame, taken as level")
    return _fitted(points_m, fps, _camera_matrix(values[0]), notes)


def _fitted(points_m: np.ndarray, fps: float, K: np.ndarray, notes: list[str]) -> HoiMotion:
    """The free body at points (T, P, 3) of a level camera, on a floor under its lowest point."""
    from hoi_motion.body import load_body
    from hoi_motion.body.from_points import fit_to_points

    body = load_body()
    fit = fit_to_points(body, POINTS, points_m @ family.R_WORLD_CAMERA.T)
    joints_m = body.joints(fit.pose_rad, fit.transl_m, fit.betas).numpy()
    origin_m = np.array([*joints_m[0, 0, :2], joints_m[..., 2].min()])
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = family.R_WORLD_CAMERA
    T_world_camera[:3, 3] = -origin_m
    width, height = (max(1, round(2 * K[axis, 2])) for axis in (0, 1))
    notes.append(
        f"SAM 3D Body: the free body fitted to {len(POINTS)} of MHR's points, "
        f"{100 * fit.error_m.mean():.1f} cm beside them (mean)"
    )
    far = np.flatnonzero(fit.error_m > _LARGEST_MISS_M)
    if len(far):
        notes.append(f"SAM 3D Body: more than {100 * _LARGEST_MISS_M:.0f} cm beside them in {listed(far.tolist())}")
    notes.append("the floor is put under the lowest point of the clip, the file has none")
    camera = Camera(K, T_world_camera, width, height, "assumed")
    return HoiMotion(fit.pose_rad, fit.transl_m - origin_m, fit.betas, fps, body.name, camera, notes=tuple(notes))


def _of_folder(path: Path) -> dict[int, dict[int, dict[str, np.ndarray]]]:
    """frame -> number of the detection -> its arrays."""
    found: dict[int, dict[int, dict[str, np.ndarray]]] = {}
    for count, file in enumerate(sorted(path.iterdir())):
        if count >= MOST_FILES:
            raise InputError(ErrorCode.FILE_INVALID, f"{path} holds more than {MOST_FILES} files", "cut the video")
        numbers = _numbers(file.name)
        if numbers is None:
            continue
        npz = NpzFile(file, "a readable SAM 3D Body detection")
        family.require_keys(npz.names, KEYS, file, "a SAM 3D Body detection")
        frame, number = numbers
        if number in found.get(frame, {}):
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"{file}: frame {frame} has two detections {number}",
                "keep one clip a folder, and name its files FRAME_subjNUMBER.npz",
            )
        found.setdefault(frame, {})[number] = _checked({key: npz.read(key) for key in KEYS}, file)
    if not found:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} holds no SAM 3D Body detections",
            "expected one npz a detection: 00000_subj00.npz, ..., or a pickle of what the estimator returned",
        )
    return found


def _numbers(name: str) -> tuple[int, int] | None:
    """Frame and detection of a file's name: 00012_0, 00012_subj00, frame_0012_person_0, frame_0012, img_subj00."""
    match = next((match for pattern in _NAMES if (match := pattern.fullmatch(name))), None)
    return None if match is None else (int(match[1] or 0), int(match[2] or 0))


def _of_pickle(path) -> dict[int, dict[int, dict[str, np.ndarray]]]:
    data = load_pickle(path, unread=UNUSED)
    if not is_sam_3d_body(data):
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} is not a SAM 3D Body result",
            f"expected a list of frames, each a list of people with the keys {', '.join(KEYS)}",
        )
    found = {}
    for index, frame in _by_frame(data).items():
        people = _people(frame)
        if len(people) > MOST_PEOPLE:
            raise InputError(ErrorCode.FILE_INVALID, f"{path}: frame {index} has {len(people)} people")
        for values in people:
            family.require_keys(
                values if isinstance(values, dict) else (), KEYS, f"{path}: frame {index}", "a SAM 3D Body detection"
            )
        checked = {number: _checked(values, f"{path}: frame {index}") for number, values in enumerate(people)}
        if checked:
            found[index] = checked
    return found


def _by_frame(data) -> dict[int, object]:
    """What a pickle holds of each frame, by the frame's number.

    Of a dictionary the number is the key, or the last one in the name of a picture, so that a frame that is missing
    stays missing; names without numbers are taken in the order they have.
    """
    if isinstance(data, list):
        return dict(enumerate(data))
    if not isinstance(data, dict):
        return {}
    numbers = [key if isinstance(key, int) else _last_number(key) for key in data]
    told = None not in numbers and len(set(numbers)) == len(numbers)
    return dict(sorted(zip(numbers if told else range(len(data)), data.values()), key=lambda item: item[0]))


def _last_number(name: str) -> int | None:
    found = _NUMBER.findall(Path(name).stem)
    return int(found[-1]) if found else None


def _people(frame) -> list:
    """The detections of one frame of a pickle, which may be one person's dictionary."""
    return [frame] if isinstance(frame, dict) else frame if isinstance(frame, list) else []


def _checked(values: dict, where) -> dict[str, np.ndarray]:
    return {
        key: checked_array(
            np.asarray(values[key]).reshape(-1) if key == "pred_cam_t" else values[key],
            f"{where}: {key}",
            shape,
            np.float64,
            within=None if key == "pred_keypoints_2d" else LONGEST_WAY_M,
        )
        for key, shape in SHAPES.items()
    }


def _points_m(values: dict[str, np.ndarray]) -> np.ndarray:  # (P, 3) in the camera
    joints = values["pred_joint_coords"][list(JOINTS.values())]
    keypoints = values["pred_keypoints_3d"][list(KEYPOINTS.values())]
    return np.concatenate([joints, keypoints]) + values["pred_cam_t"]


def _camera_matrix(values: dict[str, np.ndarray]) -> np.ndarray:  # (3, 3)
    """Focal length and centre by which the keypoints in space are those in pixels.

    Raises:
        InputError: FILE_INVALID when there are none.
    """
    seen_m = values["pred_keypoints_3d"] + values["pred_cam_t"]
    seen_px = values["pred_keypoints_2d"]
    if (seen_m[:, 2] <= 0).any():
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the person of a SAM 3D Body result is behind the camera: z down to {seen_m[:, 2].min():.2f} m",
            "are the 3D points in the camera's frame, as the estimator returns them?",
        )
    slope = seen_m[:, :2] / seen_m[:, 2:]
    ones, zeros = np.ones(len(slope)), np.zeros(len(slope))
    rows = np.concatenate([np.stack([slope[:, 0], ones, zeros], 1), np.stack([slope[:, 1], zeros, ones], 1)])
    (focal_px, x_px, y_px), *_ = np.linalg.lstsq(rows, seen_px.T.ravel(), rcond=None)
    if not focal_px > 1 or not min(x_px, y_px) > 0:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"the keypoints of a SAM 3D Body result fit no camera: focal length {shown(float(focal_px))} px",
            "are the pixels those of the whole picture, as the estimator returns them?",
        )
    return np.array([[focal_px, 0, x_px], [0, focal_px, y_px], [0, 0, 1]])
