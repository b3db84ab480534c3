"""Both views of a clip's frames, the plain and the mirrored one, by MediaPipe's landmark model alone."""

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import MEASURED_FRAMES, hands_in, hands_too_large
from hoi_motion.keypoints.without_detector.regions import Look, LookAt, followed, landmark_model
from hoi_motion.keypoints.without_detector.search import LEAST_LIKELY, anchored, height_px_of, likeliest, search
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken


def undetected_views(
    frames: np.ndarray,  # (T, H, W, 3) u8
    near_px: np.ndarray | None,  # (2,)
    actor_mask: np.ndarray | None,  # (H, W) bool
    cancel: CancelToken | None = None,
) -> list[kp.KeypointTrack] | None:
    """The person who is found in some pictures and followed from there; None where nobody is."""
    with quiet_native_log(), landmark_model() as plain, landmark_model() as mirror:
        found = _searched(plain, frames, near_px, actor_mask, cancel)
        them = zip(found, anchored(list(found.values()), actor_mask is not None))
        anchors = {t: look.region for t, look in them if look is not None}
        return followed(frames, anchors, (plain, mirror), cancel) if anchors else None


def undetected_actor(
    frames: np.ndarray, near_px: np.ndarray | None, palms: np.ndarray, cancel: CancelToken | None = None
) -> tuple[int, np.ndarray] | None:
    """(frame index, body (33, 3)) of the likeliest look in the searched pictures.

    None where its score is low, or where hands in the pictures are too large for the person.

    Args:
        palms: (N,) lengths of palms, `palms_px`.
    """
    with quiet_native_log(), landmark_model() as model:
        found = _searched(model, frames, near_px, None, cancel)
    t, (score, look) = max(found.items(), key=lambda one: one[1][0])
    if look is None or score < LEAST_LIKELY or hands_too_large(palms, height_px_of(look.body_px)):
        return None
    return t, look.body_px


def _searched(
    model: LookAt, frames: np.ndarray, near_px, actor_mask, cancel: CancelToken | None
) -> dict[int, tuple[float, Look | None]]:
    """The likeliest look, with its score, in some pictures, by frame."""
    from mediapipe.python.solutions.hands import Hands

    found = {}
    with Hands(static_image_mode=True, max_num_hands=2) as detector:
        for t in np.unique(np.linspace(0, len(frames) - 1, MEASURED_FRAMES).astype(int)).tolist():
            if cancel is not None:
                cancel.raise_if_cancelled()
            looks, hands = search(model, frames[t]), hands_in(detector, frames[t])
            found[t] = likeliest(looks, hands, frames.shape[1:3], near_px, actor_mask if t == 0 else None)
    return found
