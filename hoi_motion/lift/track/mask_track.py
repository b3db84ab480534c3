"""A track from one mask per frame, whoever made the masks: place and size from its box, turn from its long axis."""

import numpy as np

from hoi_motion.keypoints.persons import person_masks
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.camera_motion import camera_motion
from hoi_motion.lift.track.similarity import IDENTITY, between, moved_like, moved_mask, seen_turn_rad
from hoi_motion.lift.track.track import ObjectTrack, Outline
from hoi_motion.progress import CancelToken

# a mask that lies in the first one by this share rests there, and covers it unless something is before it
IN_FIRST_PLACE = 0.85
COVERS = 0.6
SEEN = 0.95
LEAST_PX = 4


def background_of(
    frames: np.ndarray,
    masks: np.ndarray,
    mask: np.ndarray,
    person: KeypointTrack,
    cancel: CancelToken | None = None,
) -> np.ndarray | None:  # (T, 2, 3)
    """How the background moves, beside the person and all that the masks (T, H, W) and the first one show; None where
    the camera stands still.

    Raises:
        ControlError: CANCELLED.
    """
    moving = person_masks(person, mask.shape) | masks
    moving[0] |= mask
    camera = camera_motion(frames, moving, cancel)
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
