"""Our own tracker: the marked object followed, found again by its colours, and its path chosen over the whole clip.

Camera motion is taken out first (`still_clip.py`). Following (`follow.py`) knows the object's surface and loses it when
it turns or blurs; colours against the known room (`likeness.py`, `room.py`) find it anywhere, without knowing its turn.
`path.py` chooses between their places (`candidates.py`) in all frames at once, as often as `search.py` learns more.
"""

from dataclasses import replace

import numpy as np

from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.own.candidates import Candidates
from hoi_motion.lift.track.own.follow import follow_object
from hoi_motion.lift.track.own.search import searched
from hoi_motion.lift.track.own.small_clip import SmallClip
from hoi_motion.lift.track.own.still_clip import StillClip, stilled_points
from hoi_motion.lift.track.own.track_along import track_along
from hoi_motion.lift.track.similarity import homogeneous
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.progress import CancelToken, OnProgress, silent


class OwnTracker:
    """The default source of object tracks."""

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> ObjectTrack:
        """Follow the object under `mask` through the clip.

        Raises:
            LiftError: NO_TARGET_TRACK when the mask lies on nothing that can be told from its surroundings, or the
                object is lost at once.
            ControlError: CANCELLED.
        """
        still = StillClip.of(frames, mask, person, cancel)
        followed = _followed(still, on_progress, cancel)
        small = SmallClip.of(still)
        candidates = Candidates(small, followed, cancel)
        found = searched(small, candidates, cancel)
        track = track_along(found, still, followed, candidates.rest_scores, small.scale)
        return still.in_real_frames(track)


def _followed(still: StillClip, on_progress: OnProgress, cancel: CancelToken | None) -> ObjectTrack:
    """The object followed where its first place stands still, in the pixels of the camera that stands still."""
    if still.rest_stands:
        return follow_object(still.frames, still.mask, still.hands_px, on_progress=on_progress, cancel=cancel)
    hands_px = stilled_points(still.hands_px, still.home)
    followed = follow_object(
        still.frames_with_rest_still(), still.mask, hands_px, on_progress=on_progress, cancel=cancel
    )
    return replace(followed, similarity=still.home @ homogeneous(followed.similarity))
