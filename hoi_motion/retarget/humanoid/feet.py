"""When a person's feet stand on the floor, and tracks of a robot's feet that stay where they stand."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.frames import runs_of

PLANTED_HEIGHT_M = 0.05  # of heel and toes over their height at rest
PLANTED_SPEED_M_S = 0.2


def planted_frames(points_m: np.ndarray, rest_heights_m: np.ndarray, fps: float) -> np.ndarray:  # (T, P, 3) -> (T,)
    """Frames in which all points under a foot are low and slow."""
    low = (points_m[..., 2] < rest_heights_m + PLANTED_HEIGHT_M).all(axis=1)
    steps = np.linalg.norm(np.diff(points_m, axis=0), axis=-1).max(axis=1) * fps
    slow = steps < PLANTED_SPEED_M_S
    return low & (np.concatenate([slow, slow[-1:]]) | np.concatenate([slow[:1], slow]))


def intervals(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of every run of True."""
    return [(first, end - 1) for first, end in runs_of(mask)]


def planted_track(
    position_m: np.ndarray, rotation: np.ndarray, planted: np.ndarray, flat: np.ndarray, height_m: float
) -> tuple[np.ndarray, np.ndarray]:
    """A foot's poses, constant and flat on the floor while it is planted.

    Between two stands the corrections at their ends are blended; what the foot does in the air stays.

    Args:
        position_m: (T, 3) of the foot's link; rotation: (T, 3, 3) world <- link, wanted without planting.
        planted: (T,) bool; flat: (3, 3) world <- link of a foot that stands flat and points along x.
        height_m: of the link's origin over the floor when it stands.

    Returns:
        positions (T, 3) and rotations (T, 3, 3).
    """
    frames = np.arange(len(position_m))
    known, shift, turn = [], [], []
    for first, last in intervals(planted):
        place = np.append(np.median(position_m[first : last + 1, :2], axis=0), height_m)
        ahead = (rotation[first : last + 1] @ flat.T)[:, :, 0].mean(axis=0)  # where its toes point
        yaw = np.arctan2(ahead[1], ahead[0])
        stand = Rotation.from_euler("z", yaw).as_matrix() @ flat
        for i in range(first, last + 1):
            known.append(i)
            shift.append(place - position_m[i])
            turn.append(Rotation.from_matrix(stand @ rotation[i].T).as_rotvec())
    if not known:
        return position_m.copy(), rotation.copy()
    shift, turn = np.array(shift), np.array(turn)
    shifts = np.stack([np.interp(frames, known, shift[:, k]) for k in range(3)], axis=1)
    turns = np.stack([np.interp(frames, known, turn[:, k]) for k in range(3)], axis=1)
    return position_m + shifts, Rotation.from_rotvec(turns).as_matrix() @ rotation


def above_floor(position_m: np.ndarray, rotation: np.ndarray, sole_m: np.ndarray) -> np.ndarray:  # (T, 3)
    """Positions raised by as much as the lowest point of the sole (P, 3) is under the floor."""
    lowest = (np.einsum("tij,pj->tpi", rotation, sole_m)[..., 2] + position_m[:, None, 2]).min(axis=1)
    raised = position_m.copy()
    raised[:, 2] += np.maximum(0.0, -lowest)
    return raised
