"""The path of an object while it moves, from the hand that holds it, the track in the image, and smoothness.

The depths of fitted hand and object may both be wrong, but they stay wrong by about the same: how far the hand has gone
since it took the object says more about the object's depth than how large its outline is, part of which the hand hides.
"""

from dataclasses import dataclass

import numpy as np

from hoi_motion.camera import Camera
from hoi_motion.lift.object.sight import sight_ray
from hoi_motion.lift.track.track import ObjectTrack

# the track counts while it is at least this sure of the object
SEEN = 0.35
# spreads of the track across the line of sight: in space, in pixels, and of what nobody holds, more for each frame away
# from a sighting
SEEN_SPREAD_M = 0.01
SEEN_SPREAD_PX = 1.0
UNSEEN_SPREAD_M = 0.03
# of what the hand's way says: at first, and more for each metre of that way, across the line of sight and along it
HAND_SPREAD_M = 0.01
HAND_SPREAD_SHARE = 0.12
HAND_DEPTH_SHARE = 0.12
# of its size in the picture, as a share of its distance: where it is seen, where it is held and looks smaller than at
# rest (hands and heads hide part of it, on two sides at once, too), and for so many pixels of it
SIZE_SPREAD = 0.05
HELD_SMALLER_SPREAD = 0.3
SIZE_SPREAD_PX = 1.0
# of the object staying where it was when nobody holds it
FREE_SPREAD_M = 0.05
GROWTH_BOUNDS = (0.4, 2.5)
# no path comes nearer to the camera than this
NEAREST_M = 0.2
REST_SPREAD_M = 0.002
# usual accelerations of what is in a hand, and of what is thrown, kicked or bounces
ACCELERATION_M_S2 = 2.0
FREE_ACCELERATION_M_S2 = 20.0
# a place this many spreads off a smooth path is an outlier
OUTLIER = 2.0
ROBUST_ROUNDS = 6
# frames at rest before and after: it starts and ends without a jerk
STILL_FRAMES = 2


@dataclass(frozen=True)
class Says:
    """What one source says of a path: places and standard deviations, (N, C) each, infinite where it knows nothing."""

    places: np.ndarray
    spreads: np.ndarray


@dataclass(frozen=True)
class Movement:
    """Consecutive frames in which the object moves, and what hands and rests say of them; metres, world.

    Attributes:
        frames: (N,) their numbers.
        held: (N,) bool, whether a hand may have it, so that it moves no more suddenly than a hand does.
        start_m: (3,) where it rests before; end_m: (3,) where it rests afterwards, None when it does not.
        carried_m: (N, 3) where the hand that holds it would have it; None when nobody does.
    """

    frames: np.ndarray
    held: np.ndarray
    start_m: np.ndarray
    end_m: np.ndarray | None = None
    carried_m: np.ndarray | None = None


def moving_path(
    target: ObjectTrack, movement: Movement, middle_px: np.ndarray, camera: Camera, fps: float
) -> np.ndarray:  # (N, 3)
    """Where the object's middle is while it moves, metres, world.

    Args:
        middle_px: (2,) of the object in the first frame of the clip.
    """
    frames, held, carried_m = movement.frames, movement.held, movement.carried_m
    start = camera.to_camera(movement.start_m)
    end = None if movement.end_m is None else camera.to_camera(movement.end_m)
    carried, is_held = np.tile(start, (len(frames), 1)), carried_m is not None
    spread_m, way_m = np.full(len(frames), FREE_SPREAD_M), np.zeros(len(frames))
    if is_held:
        carried = camera.to_camera(carried_m)
        way_m = np.linalg.norm(carried - start, axis=1)
        spread_m = HAND_SPREAD_M + HAND_SPREAD_SHARE * way_m
    step = ACCELERATION_M_S2 / fps**2
    # where it is seen in flight the picture says what it does; how its distance changes is seen too badly for that
    flies = ~held & (target.visibility[frames] >= SEEN)
    across_step = np.where(flies, FREE_ACCELERATION_M_S2, ACCELERATION_M_S2) / fps**2
    # a hand fitted far to the side of where the object is seen is no more right in depth
    seen = _by_track(target, frames, middle_px, camera, np.maximum(NEAREST_M, carried[:, 2]), is_held)
    off = np.linalg.norm(seen.places - carried[:, :2], axis=1) / np.hypot(seen.spreads[:, 0], spread_m)
    doubt = 1 + np.maximum(off - OUTLIER, 0.0) ** 2
    depth_spread_m = np.hypot(spread_m, HAND_DEPTH_SHARE * way_m)
    by_hand = Says(carried, np.column_stack([spread_m, spread_m, depth_spread_m]) * doubt[:, None])

    hidden = held & is_held
    # how far away it is; then, at these distances, where it is across the sight
    depth = [_column(by_hand, 2), _by_size(target, frames, camera, movement.start_m, hidden)]
    depth_m = np.maximum(NEAREST_M, _path_between_rests(start[2:], depth, None if end is None else end[2:], step)[:, 0])
    across = [_columns_across(by_hand), _by_track(target, frames, middle_px, camera, depth_m, is_held)]
    if not is_held:
        across[0] = Says(across[0].places, np.full_like(across[0].spreads, np.inf))
    across_m = _path_between_rests(start[:2], across, None if end is None else end[:2], across_step)
    path = np.column_stack([across_m, depth_m])
    return path @ camera.T_world_camera[:3, :3].T + camera.T_world_camera[:3, 3]


def _column(says: Says, c: int) -> Says:
    return Says(says.places[:, c : c + 1], says.spreads[:, c : c + 1])


def _columns_across(says: Says) -> Says:
    return Says(says.places[:, :2], says.spreads[:, :2])


def _by_size(target: ObjectTrack, frames, camera: Camera, rest_m: np.ndarray, hidden: np.ndarray) -> Says:
    """How far away an object of its size is, where it is seen.

    A hand hides part of it and makes it look smaller, mostly in one direction: where width and height change unequally,
    the larger one counts, and neither says much. Nothing makes it look larger but coming nearer.
    """
    growth, unequal = np.array([_growth(target, t) for t in frames]).T
    by_size_m = camera.to_camera(rest_m)[2] / np.clip(growth, *GROWTH_BOUNDS)
    least = np.where(hidden & (growth < 1), HELD_SMALLER_SPREAD, SIZE_SPREAD)
    share = np.hypot(least, SIZE_SPREAD_PX / (np.sqrt(target.mask.sum()) * growth)) + unequal
    spread_m = np.where(target.visibility[frames] >= SEEN, share * by_size_m, np.inf)
    return Says(by_size_m[:, None], spread_m[:, None])


def _growth(target: ObjectTrack, t: int) -> tuple[float, float]:
    """How much larger it looks than in the first frame, and by what share more in one direction than in the other."""
    if t not in target.outlines:
        return float(np.sqrt(abs(np.linalg.det(target.similarity[t, :, :2])))), 0.0
    # across and down, of the mask as it has turned
    c, s = target.similarity[t, :, 0] / np.linalg.norm(target.similarity[t, :, 0])
    turned = np.argwhere(target.mask)[:, ::-1] @ np.array([[c, s], [-s, c]])
    wide, high = (np.ptp(np.argwhere(target.outlines[t].pixels)[:, ::-1], axis=0) + 1) / (np.ptp(turned, axis=0) + 1)
    return float(max(high, wide)), float(abs(np.log(high / wide)))


def _by_track(target: ObjectTrack, frames, middle_px, camera: Camera, depth_m: np.ndarray, is_held: bool) -> Says:
    """Where the track sees it, at known distances; where it does not, a hand that carries it knows better."""
    middle = np.append(middle_px, 1.0)
    rays = np.array([sight_ray(camera, target.similarity[t] @ middle) for t in frames])
    spread_m = np.hypot(SEEN_SPREAD_M, SEEN_SPREAD_PX * depth_m / camera.K[0, 0])
    sightings = np.flatnonzero(target.visibility >= SEEN)
    away = np.array([np.abs(sightings - t).min(initial=target.num_frames) for t in frames])
    spread_m = spread_m + np.where((away > 0) & is_held, np.inf, UNSEEN_SPREAD_M * away)
    return Says((rays * depth_m[:, None])[:, :2], np.tile(spread_m[:, None], (1, 2)))


def _path_between_rests(
    start: np.ndarray,  # (C,)
    says: list[Says],  # places (N, C)
    end: np.ndarray | None,  # (C,)
    step,
) -> np.ndarray:  # (N, C)
    """The smooth path between two rests, of which the second may be missing.

    It stands still for STILL_FRAMES before and after, so that it sets off and ends calmly.

    Args:
        step: standard deviation of second differences, (N,) or one for all.
    """
    ahead = np.tile(start, (STILL_FRAMES, 1))
    behind = np.tile(end, (STILL_FRAMES, 1)) if end is not None else np.empty((0, len(start)))
    whole = []
    for i, one in enumerate(says):
        # one of the sources says where it rests, the others nothing
        known = REST_SPREAD_M if i == 0 else np.inf
        spreads = np.vstack([np.full_like(ahead, known), one.spreads, np.full_like(behind, known)])
        whole.append(Says(np.vstack([ahead, one.places, behind]), spreads))
    steps = np.pad(np.broadcast_to(step, len(says[0].places)), (len(ahead), len(behind)), mode="edge")
    return smooth_path(whole, steps)[STILL_FRAMES : STILL_FRAMES + len(says[0].places)]


def smooth_path(says: list[Says], acceleration) -> np.ndarray:  # (N, C)
    """The path whose second differences are of a usual size between what several sources say; outliers lose their say.

    Args:
        acceleration: standard deviation of second differences about each place, (N,), or one for all.
    """
    count, width = says[0].places.shape
    second = np.diff(np.eye(count), 2, axis=0)
    stiff = second.T @ (second / np.broadcast_to(acceleration, count)[1:-1, None] ** 2)
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
