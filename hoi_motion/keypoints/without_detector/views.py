"""Both views of a clip's frames, the plain and the mirrored one, by MediaPipe's model of landmarks alone."""

from collections.abc import Callable

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import hands_in
from hoi_motion.keypoints.without_detector.regions import Look, LookAt, followed, landmark_model
from hoi_motion.keypoints.without_detector.search import SEARCHED_FRAMES, anchored, likeliest, search
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken


def undetected_views(
    frames: np.ndarray,  # (T, H, W, 3) u8
    near_px: np.ndarray | None,  # (2,)
    actor_mask: np.ndarray | None,  # (H, W) bool
    cancel: CancelToken | None = None,
) -> list[kp.KeypointTrack] | None:
    """The person who is found in some pictures and followed from there; None where nobody is."""

    def go_on() -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()

    with quiet_native_log(), landmark_model() as plain, landmark_model() as mirror:
        anchors = {t: look.region for t, look in _anchors(plain, frames, near_px, actor_mask, go_on).items()}
        return followed(frames, anchors, (plain, mirror), go_on) if anchors else None


def undetected_actor(frames: np.ndarray, near_px: np.ndarray | None) -> tuple[int, np.ndarray] | None:
    """(frame index, body (33, 3)) of the person in the first picture of those searched that shows them; or None."""
    with quiet_native_log(), landmark_model() as model:
        anchors = _anchors(model, frames, near_px, None, lambda: None)
    return next(((t, look.body_px) for t, look in anchors.items()), None)


def _anchors(model: LookAt, frames: np.ndarray, near_px, actor_mask, on_picture: Callable[[], None]) -> dict[int, Look]:
    """The person in the pictures that are searched, where they are found."""
    from mediapipe.python.solutions.hands import Hands

    searched, found = np.unique(np.linspace(0, len(frames) - 1, SEARCHED_FRAMES).astype(int)).tolist(), []
    with Hands(static_image_mode=True, max_num_hands=2) as detector:
        for t in searched:
            on_picture()
            looks, hands = search(model, frames[t]), hands_in(detector, frames[t])
            found.append(likeliest(looks, hands, frames.shape[1:3], near_px, actor_mask if t == 0 else None))
    them = zip(searched, anchored(found, actor_mask is not None))
    return {t: look for t, look in them if look is not None}
