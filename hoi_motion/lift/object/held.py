"""The way of an object while it moves: what the hand that holds it does, what the track sees, and that it is smooth.

The depths of fitted hand and object may both be wrong, but they stay wrong by about the same: how far the hand has gone
since it took the object says more about the object's depth than how large its outline is, part of which the hand hides.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.lift.object.sight import sight_ray
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import Camera

# the track says where an object is while it is so sure of it
SEEN = 0.35
# spreads of the track, across the sight: in space, and in pixels; more a frame from where it is seen
SEEN_SPREAD_M = 0.01
SEEN_SPREAD_PX = 1.0
UNSEEN_SPREAD_M = 0.03
# of what the hand's way says: at first, and more a metre of that way
HAND_SPREAD_M = 0.01
HAND_SPREAD_SHARE = 0.12
# of its size in the picture, as a share of its distance: in a hand, which hides a part of it, and free; of its place
# when nobody holds it
HELD_SIZE_SPREAD = 0.2
FREE_SIZE_SPREAD = 0.05
FREE_SPREAD_M = 0.05
GROWTH_BOUNDS = (0.4, 2.5)
NEAREST_M = 0.2
REST_SPREAD_M = 0.002
# usual accelerations of what is in a hand
ACCELERATION_M_S2 = 2.0
# so many spreads off a smooth path is an outlier
OUTLIER = 2.0
ROBUST_ROUNDS = 6
# frames at rest before and behind: it starts and ends without a jerk
STILL_FRAMES = 2


@dataclass(frozen=True)
class Says:
    """What one source says of a path: places and standard deviations, (N, C) each, infinite where it knows nothing."""

    places: np.ndarray
    spreads: np.ndarray


def moving_path(
    target: ObjectTrack,
    frames: np.ndarray,  # (N,)
    middle_px: np.ndarray,  # (2,)
    camera: Camera,
    start_m: np.ndarray,  # (3,)
    palm_m: np.ndarray | None,  # (T, 3)
    end_m: np.ndarray | None,  # (3,)
    fps: float,
) -> np.ndarray:  # (N, 3)
    """Where the object's middle is in frames in which it moves, metres, world.

    Args:
        frames: consecutive; middle_px: of the object in the first frame of the clip.
        start_m: where it rests before; end_m: where it rests behind, None when it does not.
        palm_m: of the hand that holds it, all frames of the clip; None when nobody does.
    """
    start, end = (None if place is None else camera.to_camera(place) for place in (start_m, end_m))
    taken = max(int(frames[0]) - 1, 0)
    carried = np.tile(start, (len(frames), 1))
    spread_m = np.full(len(frames), FREE_SPREAD_M)
    if palm_m is not None:
        palm = camera.to_camera(palm_m)
        way_m = palm[frames] - palm[taken]
        carried = start + way_m
        spread_m = HAND_SPREAD_M + HAND_SPREAD_SHARE * np.linalg.norm(way_m, axis=1)
    step = ACCELERATION_M_S2 / fps**2
    # a hand that is fitted far beside where the object is seen is no better in depth
    seen = _by_track(target, frames, middle_px, camera, np.maximum(NEAREST_M, carried[:, 2]))
    off = np.linalg.norm(seen.places - carried[:, :2], axis=1) / np.hypot(seen.spreads[:, 0], spread_m)
    spread_m = spread_m * (1 + np.maximum(off - OUTLIER, 0.0) ** 2)
    by_hand = Says(carried, np.tile(spread_m[:, None], (1, 3)))

    # how far away it is; then, at these distances, where it is across the sight
    depth = [_column(by_hand, 2), _by_size(target, frames, camera, start_m, palm_m is not None)]
    depth_m = np.maximum(NEAREST_M, _between(start, depth, end, 2, step))
    across = [_columns_across(by_hand), _by_track(target, frames, middle_px, camera, depth_m)]
    if palm_m is None:
        across[0] = Says(across[0].places, np.full_like(across[0].spreads, np.inf))
    path = np.column_stack([_between(start, across, end, slice(0, 2), step), depth_m])
    return path @ camera.T_world_camera[:3, :3].T + camera.T_world_camera[:3, 3]


def _column(says: Says, c: int) -> Says:
    return Says(says.places[:, c : c + 1], says.spreads[:, c : c + 1])


def _columns_across(says: Says) -> Says:
    return Says(says.places[:, :2], says.spreads[:, :2])


def _by_size(target: ObjectTrack, frames, camera: Camera, rest_m: np.ndarray, is_held: bool) -> Says:
    """How far away an object of its size is, where it is seen."""
    growth = np.sqrt(np.abs(np.linalg.det(target.similarity[frames, :, :2])))
    by_size_m = camera.to_camera(rest_m)[2] / np.clip(growth, *GROWTH_BOUNDS)
    share = HELD_SIZE_SPREAD if is_held else FREE_SIZE_SPREAD
    spread_m = np.where(target.visibility[frames] >= SEEN, share * by_size_m, np.inf)
    return Says(by_size_m[:, None], spread_m[:, None])


def _by_track(target: ObjectTrack, frames, middle_px: np.ndarray, camera: Camera, depth_m: np.ndarray) -> Says:
    """Where the track sees it, at known distances."""
    middle = np.append(middle_px, 1.0)
    rays = np.array([sight_ray(camera, target.similarity[t] @ middle) for t in frames])
    sightings = np.flatnonzero(target.visibility >= SEEN)
    away = np.array([np.abs(sightings - t).min(initial=target.num_frames) for t in frames])
    spread_m = np.hypot(SEEN_SPREAD_M, SEEN_SPREAD_PX * depth_m / camera.K[0, 0]) + UNSEEN_SPREAD_M * away
    return Says((rays * depth_m[:, None])[:, :2], np.tile(spread_m[:, None], (1, 2)))


def _between(start: np.ndarray, says: list[Says], end: np.ndarray | None, columns, step: float) -> np.ndarray:
    """The smooth path between two rests, of which the second may be missing."""
    rests = [np.atleast_1d(start[columns]), *([] if end is None else [np.atleast_1d(end[columns])])]
    ahead = [np.tile(rests[0], (STILL_FRAMES, 1))]
    behind = [np.tile(rest, (STILL_FRAMES, 1)) for rest in rests[1:]]
    nothing = [np.full_like(rest, np.inf) for rest in [*ahead, *behind]]
    certain = [np.full_like(rest, REST_SPREAD_M) for rest in [*ahead, *behind]]
    whole = []
    for i, one in enumerate(says):
        known = certain if i == 0 else nothing
        places = np.vstack([*ahead, one.places, *behind])
        whole.append(Says(places, np.vstack([*known[:1], one.spreads, *known[1:]])))
    path = smooth_path(whole, step)[STILL_FRAMES : STILL_FRAMES + len(says[0].places)]
    return path[:, 0] if isinstance(columns, int) else path


def smooth_path(says: list[Says], acceleration: float) -> np.ndarray:  # (N, C)
    """The path whose second differences are of a usual size between what several sources say; outliers lose their say.

    Args:
        acceleration: standard deviation of second differences.
    """
    count, width = says[0].places.shape
    second = np.diff(np.eye(count), 2, axis=0)
    stiff = second.T @ second / acceleration**2
    trust = [np.ones(count) for _ in says]
    result = np.zeros((count, width))
    for _ in range(ROBUST_ROUNDS):
        for c in range(width):
            weights = [share / one.spreads[:, c] ** 2 for share, one in zip(trust, says)]
            right = sum(weight * one.places[:, c] for weight, one in zip(weights, says))
            result[:, c] = np.linalg.solve(stiff + np.diag(sum(weights)), right)
        off = [np.linalg.norm((one.places - result) / one.spreads, axis=1) for one in says]
        trust = [1 / (1 + (o / OUTLIER) ** 2) for o in off]
    return result
