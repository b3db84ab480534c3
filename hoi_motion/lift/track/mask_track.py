"""A track from one mask per frame, whoever made the masks: place and size from its box, turn from its long axis."""

import numpy as np

from hoi_motion.keypoints.persons import person_masks
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.camera_motion import camera_motion
from hoi_motion.lift.track.track import IDENTITY, ObjectTrack, Outline, between, moved_mask

# a mask that lies in the first one by this share rests there, and covers it unless something is before it
IN_FIRST_PLACE = 0.85
COVERS = 0.6
SEEN = 0.95
# masks this much longer than wide show a rotation; one by more than this at once comes from a partly covered object,
# of which the visible long side may be the short one
LONG = 1.4
MOST_TURN_RAD = np.deg2rad(60)
LEAST_PX = 4


def background_of(
    frames: np.ndarray, masks: np.ndarray, mask: np.ndarray, person: KeypointTrack
) -> np.ndarray | None:  # (T, 2, 3)
    """How the background moves, beside the person and all that the masks (T, H, W) and the first one show; None where
    the camera stands still."""
    moving = person_masks(person, mask.shape) | masks
    moving[0] |= mask
    camera = camera_motion(frames, moving)
    return None if np.array_equal(camera, np.tile(IDENTITY, (len(frames), 1, 1))) else camera


def track_of_masks(
    masks: np.ndarray, mask: np.ndarray, sureness: np.ndarray | None = None, camera: np.ndarray | None = None
) -> ObjectTrack:
    """The track of the object under `mask`.

    Args:
        masks: (T, H, W) bool, what is seen of it in every frame, empty where nothing is.
        mask: (H, W) bool, the object in the first frame.
        sureness: (T,) 0..1 that the mask is on the object; None is sure.
        camera: (T, 2, 3), `background_of`; what rests goes with it. None where it stands still.
    """
    sureness = np.full(len(masks), SEEN) if sureness is None else np.clip(sureness, 0, 1)
    home = np.tile(IDENTITY, (len(masks), 1, 1)) if camera is None else camera
    similarity, outlines = home.copy(), {}
    seen = masks.sum((1, 2)) >= LEAST_PX
    resting, turn = np.zeros(len(masks), bool), 0.0
    for t in np.flatnonzero(seen):
        first = mask if camera is None else moved_mask(mask, camera[t])
        inside = (masks[t] & first).sum()
        covered = inside >= COVERS * mask.sum() or (t and resting[t - 1])
        resting[t] = inside >= IN_FIRST_PLACE * masks[t].sum() and covered
        if not resting[t]:
            outline = Outline.of(masks[t])
            outlines |= {int(t): outline} if outline else {}
            turn = seen_turn_rad(mask, masks[t], turn)
            similarity[t] = moved_like(mask, masks[t], turn)
    resting[0] = True
    known, centre_px = np.flatnonzero(seen | (np.arange(len(masks)) == 0)), np.argwhere(mask).mean(0)[::-1]
    for t in np.flatnonzero(~seen[1:]) + 1:
        before, after = known[known < t][-1], known[known > t]
        end = after[0] if len(after) else before
        share = (t - before) / max(end - before, 1)
        resting[t] = resting[before] and resting[end]
        if not resting[t]:
            similarity[t] = between(similarity[before], similarity[end], share, centre_px)
    return ObjectTrack(mask, similarity, np.where(seen, sureness, 0.0), resting, outlines, camera)


def moved_like(mask: np.ndarray, now: np.ndarray, turn_rad: float = 0.0) -> np.ndarray:  # (2, 3)
    """The turn, growth and shift that bring the box of `mask`, turned, to the box of `now` (H, W)."""
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    turn = np.array([[c, -s], [s, c]])
    before = np.argwhere(mask)[:, ::-1] @ turn.T
    after = np.argwhere(now)[:, ::-1]
    low, high = before.min(0), before.max(0)
    growth = np.sqrt((np.ptp(after, axis=0) + 1).prod() / (high - low + 1).prod())
    middle = (after.min(0) + after.max(0)) / 2
    return np.column_stack([growth * turn, middle - growth * (low + high) / 2])


def seen_turn_rad(mask: np.ndarray, now: np.ndarray, last_rad: float) -> float:
    """Turn of the long axis, of its two directions the one nearer to the last turn; the last where that is not told."""
    (first, first_long), (axis, axis_long) = _long_axis(mask), _long_axis(now)
    if min(first_long, axis_long) < LONG:
        return last_rad
    turn = axis - first
    turn += np.pi * np.round((last_rad - turn) / np.pi)
    return turn if abs(turn - last_rad) <= MOST_TURN_RAD else last_rad


def _long_axis(mask: np.ndarray) -> tuple[float, float]:
    """Angle of a mask's long axis, image x to image y, and how many times longer than wide it is."""
    spread = np.cov(np.argwhere(mask)[:, ::-1].T) + 1e-6 * np.eye(2)
    values, vectors = np.linalg.eigh(spread)
    return float(np.arctan2(vectors[1, 1], vectors[0, 1])), float(np.sqrt(values[1] / values[0]))
