"""When a person's feet are planted, and paths of a robot's feet that stay where they are planted."""

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d
from scipy.spatial.transform import Rotation

from hoi_motion.frames import runs_of

PLANTED_HEIGHT_M = 0.05  # of heel and toes over their height at rest
PLANTED_SPEED_M_S = 0.2
STEP_S = 0.5  # around a frame in which a fast foot comes down once at least
FAST_SHARE = 0.1  # of its greatest speed there a stand may have,
FAST_M_S = 0.6  # and at most this much
SHORTEST_S = 0.09  # of a stand: shorter ones are cut off by the clip, or a foot that turns in the air
UNEVEN_M = 0.03  # over its lowest there a stand may be,
HIGHEST_M = 0.1  # and at most this high
LIFT_S = 0.15  # time in which a foot becomes free after it was planted
FADE_S = 0.4  # time in which the correction of a stand fades out, before and after it


def planted_frames(points_m: np.ndarray, rest_heights_m: np.ndarray, fps: float) -> np.ndarray:  # (T, P, 3) -> (T,)
    """Frames in which all points under a foot are low and slow; in fast gait, slow for how it moves around them."""
    window = 2 * round(STEP_S * fps) + 1
    height = (points_m[..., 2] - rest_heights_m).max(axis=1)
    lowest = minimum_filter1d(height, window, mode="nearest")
    low = (height < PLANTED_HEIGHT_M) | (height < np.minimum(lowest + UNEVEN_M, HIGHEST_M))
    steps = np.linalg.norm(np.diff(points_m, axis=0), axis=-1).max(axis=1) * fps
    fastest = maximum_filter1d(steps, window, mode="nearest")
    slow = steps < np.clip(FAST_SHARE * fastest, PLANTED_SPEED_M_S, FAST_M_S)
    planted = low & (np.concatenate([slow, slow[-1:]]) | np.concatenate([slow[:1], slow]))
    for first, last in intervals(planted):
        if last - first + 1 < SHORTEST_S * fps:
            planted[first : last + 1] = False
    return planted


def intervals(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame of every run of True."""
    return [(first, end - 1) for first, end in runs_of(mask)]


def planted_track(
    position_m: np.ndarray, rotation: np.ndarray, planted: np.ndarray, flat: np.ndarray, height_m: float, fps: float
) -> tuple[np.ndarray, np.ndarray]:
    """A foot's poses, constant and flat on the floor while it is planted.

    The foot's motion in the air is kept: the correction at the end of a stand fades, and is blended into that of the
    next one if near. Frames farther than FADE_S from a stand are not changed.

    Args:
        position_m: (T, 3) of the foot's link; rotation: (T, 3, 3) world <- link, wanted without planting.
        planted: (T,) bool; flat: (3, 3) world <- link of a foot that stands flat and points along x.
        height_m: of the link's origin over the floor when it stands.

    Returns:
        positions (T, 3) and rotations (T, 3, 3).
    """
    shifts, turns = np.zeros((len(position_m), 3)), np.zeros((len(position_m), 3))
    stands = intervals(planted)
    for first, last in stands:
        place = np.append(np.median(position_m[first : last + 1, :2], axis=0), height_m)
        ahead = (rotation[first : last + 1] @ flat.T)[:, :, 0].mean(axis=0)  # where its toes point
        yaw = np.arctan2(ahead[1], ahead[0])
        stand = Rotation.from_euler("z", yaw).as_matrix() @ flat
        for i in range(first, last + 1):
            shifts[i] = place - position_m[i]
            turns[i] = Rotation.from_matrix(stand @ rotation[i].T).as_rotvec()
    fade = max(1, round(FADE_S * fps))
    edges = [(-np.inf, -fade), *stands, (len(planted) + fade - 1, np.inf)]  # none before and after the clip
    for (_, before), (after, _) in zip(edges[:-1], edges[1:]):
        reach = min(fade, after - before)
        for end, known in ((before, before), (after, after)):
            if not 0 <= known < len(planted):
                continue
            for i in range(max(0, before + 1), min(len(planted), after)):
                x = min(1.0, abs(i - end) / reach)
                share = 1 - x * x * (3 - 2 * x)
                shifts[i] += share * shifts[known]
                turns[i] += share * turns[known]
    return position_m + shifts, Rotation.from_rotvec(turns).as_matrix() @ rotation


def nearness(planted: np.ndarray, fps: float) -> np.ndarray:  # (T,) -> (T,)
    """1 while a foot is planted, smoothly to 0 within LIFT_S of that."""
    frames, stands = np.arange(len(planted)), np.flatnonzero(planted)
    if not len(stands):
        return np.zeros(len(planted))
    away = np.abs(frames[:, None] - stands).min(axis=1) / max(1.0, LIFT_S * fps)
    x = np.clip(1 - away, 0, 1)
    return x * x * (3 - 2 * x)


def above_floor(position_m: np.ndarray, rotation: np.ndarray, sole_m: np.ndarray) -> np.ndarray:  # (T, 3)
    """Positions raised by as much as the lowest point of the sole (P, 3) is under the floor."""
    lowest = (np.einsum("tij,pj->tpi", rotation, sole_m)[..., 2] + position_m[:, None, 2]).min(axis=1)
    raised = position_m.copy()
    raised[:, 2] += np.maximum(0.0, -lowest)
    return raised
