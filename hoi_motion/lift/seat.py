"""The seat under a person who sits: it carries them, and they hide nearly all of it."""

import numpy as np

from hoi_motion.body import BodyModel
from hoi_motion.body.joints import index_of
from hoi_motion.frames import closed, runs_of
from hoi_motion.motion import SupportBox
from hoi_motion.progress import CancelToken, check_cancelled
from hoi_motion.rigid import moved_back, standing_at

SIDES = ("left", "right")
LEVEL_RAD = np.deg2rad(35)
"""Thighs that slope down by less than this may lie on a seat."""
BEHIND_M = 0.10
"""Nobody keeps the trunk this far behind the heels without a seat; who squats has it over the feet."""
LEAST_S = 0.3
SIZE_M = np.array([0.40, 0.40, 0.03])
"""Across, along the thighs, thick: a plate, since nothing tells how it stands on the floor."""
AHEAD_M = 0.08
"""How far its middle is ahead of the pelvis joint: it carries half of the thighs."""
LEG_M = 0.08
"""Calves reach this far behind the joints of knee and ankle: its edge keeps clear of them."""
LEAST_DEPTH_M = 0.2
AT_ONCE = 32  # frames whose skin is worked out together: a cancel waits for no more


def seat_under(
    body: BodyModel,
    pose_rad: np.ndarray,  # (T, 55, 3)
    transl_m: np.ndarray,  # (T, 3)
    betas: np.ndarray,
    points_m: np.ndarray,  # (T, 76, 3)
    fps: float,
    cancel: CancelToken | None = None,
) -> SupportBox | None:
    """What carries a person whose thighs lie level and whose trunk is behind their feet; None where nobody sits.

    Of several places the one where they sit longest counts.

    Args:
        pose_rad, transl_m: of the body in the world, z up; points_m: its joints and surface points.

    Returns:
        A plate right under the skin of buttocks and thighs where it is lowest, kept clear of the legs below it.

    Raises:
        ControlError: CANCELLED.
    """
    frames = _frames_of_longest_sit(points_m, fps)
    if not len(frames):
        return None
    buttocks_and_thighs = body.skin(np.flatnonzero(np.isin(body.vertex_joint, [0, *_ids("hip")])))
    heights_m = []
    for some in np.array_split(frames, -(-len(frames) // AT_ONCE)):
        check_cancelled(cancel)
        skin_m = body.joints(pose_rad[some], transl_m[some], betas, buttocks_and_thighs).numpy()[:, 55:]
        heights_m.append(skin_m[..., 2].min(1))
    height_m = np.concatenate(heights_m)
    lowest, top_m = int(frames[height_m.argmin()]), float(height_m.min())
    return _plate(points_m, lowest, top_m) if top_m > SIZE_M[2] else None


def _frames_of_longest_sit(points_m: np.ndarray, fps: float) -> np.ndarray:
    """Indices of the frames in which the person sits where they sit longest; none where nobody sits."""
    sits, pelvis_m = closed(_sits(points_m), round(LEAST_S * fps)), points_m[:, 0, :2]
    start, end = max(runs_of(sits), key=lambda run: run[1] - run[0], default=(0, 0))
    if end - start < LEAST_S * fps:
        return np.zeros(0, int)
    there = np.linalg.norm(pelvis_m - np.median(pelvis_m[start:end], axis=0), axis=1) < SIZE_M[1] / 2
    return np.flatnonzero(sits & there)


def _plate(points_m: np.ndarray, frame: int, top_m: float) -> SupportBox:
    """The seat at a height, under the person of one frame, and clear of their legs in all."""
    thighs = (points_m[frame, _ids("knee")] - points_m[frame, _ids("hip")]).mean(0)
    # x is across, y along the thighs
    T_world_seat = standing_at(points_m[frame, 0], float(np.arctan2(-thighs[0], thighs[1])))
    T_world_seat[2, 3] = top_m - SIZE_M[2] / 2
    legs_m = moved_back(T_world_seat, points_m[:, [*_ids("knee"), *_ids("ankle"), *_ids("heel")]].reshape(-1, 3))
    in_front = (legs_m[:, 2] < 0) & (np.abs(legs_m[:, 0]) < SIZE_M[0] / 2) & (legs_m[:, 1] > 0)
    back_m = AHEAD_M - SIZE_M[1] / 2
    front_m = min([AHEAD_M + SIZE_M[1] / 2, *(legs_m[in_front, 1] - LEG_M)])
    depth_m = max(LEAST_DEPTH_M, front_m - back_m)
    T_world_seat[:3, 3] += T_world_seat[:3, 1] * (back_m + depth_m / 2)
    return SupportBox("seat", np.array([SIZE_M[0], depth_m, SIZE_M[2]]), T_world_seat)


def _sits(points_m: np.ndarray) -> np.ndarray:  # (T,) bool
    hips, knees, heels = (points_m[:, _ids(name)] for name in ("hip", "knee", "heel"))  # (T, 2, 3)
    thighs = knees - hips
    level = np.arcsin(-thighs[..., 2] / np.linalg.norm(thighs, axis=-1)).max(1) < LEVEL_RAD
    ahead = thighs.mean(1)[:, :2]
    ahead = ahead / np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    trunk = (points_m[:, 0] + points_m[:, index_of("neck")]) / 2
    behind_m = ((heels - trunk[:, None])[..., :2] * ahead[:, None]).sum(-1).min(1)
    return level & (behind_m > BEHIND_M)


def _ids(name: str) -> list[int]:
    return [index_of(f"{side}_{name}") for side in SIDES]
