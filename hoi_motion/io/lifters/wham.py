"""WHAM's `wham_output.pkl` (joblib): SMPL of one or several people, in the camera and in a world with y up."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.arrays import checked_array, checked_rate
from hoi_motion.body.change import turned
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io import smpl_family as family
from hoi_motion.io.lifters.people import beginning, bridged, check_gaps, listed, missing_of
from hoi_motion.motion import HoiMotion
from hoi_motion.reading.pickles import load_pickle

KEYS = ("pose_world", "trans_world", "betas", "frame_ids")
_SIGN = "pose"


def is_wham(data) -> bool:
    """Person's number -> that person's parameters."""
    people = data.items() if isinstance(data, dict) else ()
    return bool(people) and all(
        isinstance(k, (int, np.integer)) and isinstance(v, dict) and _SIGN in v for k, v in people
    )


def is_wham_file(path) -> bool:
    """Whether a pickle is one; the people's surfaces, nearly all of a file, are not laid out for it."""
    return is_wham(load_pickle(path, known=(_SIGN,)))


def read_wham(path, fps: float | None = None, person: int | None = None) -> HoiMotion:
    """Read one person's world motion.

    `trans_world` is the middle of the hips there, not SMPL's translation (WHAM's body layer centres on them).

    Raises:
        InputError: FILE_INVALID for a damaged file, other keys or shapes, code in the file, several people and no
            `person`, a track with gaps over a quarter of a second, or no `fps`.
    """
    data = load_pickle(path, known=(*KEYS, _SIGN))
    if not is_wham(data):
        data = data if isinstance(data, dict) else {}
        family.require_keys({str(k) for k in data} & set(KEYS), KEYS, path, "a WHAM result (a dictionary of people)")
    fps = checked_rate(family.require_fps(fps, path, "WHAM"))
    values = _person(data, person, path)
    family.require_keys(values, KEYS, path, "a WHAM result")
    pose = family.smplx_pose(
        checked_array(values["pose_world"], f"{path}: pose_world", ("T", 72), np.float64), f"{path}: pose_world"
    )
    hips_m = checked_array(values["trans_world"], f"{path}: trans_world", (len(pose), 3), np.float64)
    frame_ids = checked_array(values["frame_ids"], f"{path}: frame_ids", (len(pose),), np.int64)
    check_gaps(frame_ids, fps, path)
    betas, notes = family.kept_betas(values["betas"], "SMPL", "neutral", len(pose), path)
    missing = missing_of(frame_ids)
    if missing:
        notes.append(f"WHAM: the person was not found in {listed(missing)}, bridged from the frames beside")
        pose, hips_m = bridged(pose, frame_ids, turns=True), bridged(hips_m, frame_ids)
    notes.append("WHAM: the world motion (y up) turned to z up; SMPL's whole-hand joints are dropped, hands are open")
    notes += beginning(int(frame_ids[0]))
    pelvis_m = hips_m - Rotation.from_rotvec(pose[:, 0]).apply(family.SMPL_HIPS_M)
    pose[:, 0] = turned(pose[:, 0], family.R_WORLD_Y_UP)
    return family.grounded_motion(pose, pelvis_m @ family.R_WORLD_Y_UP.T, fps, betas, notes)


def _person(data: dict, person: int | None, path) -> dict:
    people = {int(key): value for key, value in data.items()}
    if person is None and len(people) == 1:
        return next(iter(people.values()))
    if person not in people:
        frames = ", ".join(
            f"{key} ({np.size(value.get('frame_ids', ()))} frames)" for key, value in sorted(people.items())
        )
        what = f"no person {person}" if person is not None else f"{len(people)} people"
        raise InputError(ErrorCode.FILE_INVALID, f"{path} has {what}", f"choose one with --person: {frames}")
    return people[person]
