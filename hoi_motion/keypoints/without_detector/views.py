"""Both views of a clip's frames, the plain and the mirrored one, by MediaPipe's model of landmarks alone."""

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import hands_in
from hoi_motion.keypoints.without_detector.regions import followed, landmark_model
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
    from mediapipe.python.solutions.hands import Hands

    def go_on() -> None:
        if cancel is not None:
            cancel.raise_if_cancelled()

    searched = np.unique(np.linspace(0, len(frames) - 1, SEARCHED_FRAMES).astype(int)).tolist()
    with (
        quiet_native_log(),
        Hands(static_image_mode=True, max_num_hands=2) as detector,
        landmark_model() as plain,
        landmark_model() as mirror,
    ):
        found = []
        for t in searched:
            go_on()
            looks, hands = search(plain, frames[t]), hands_in(detector, frames[t])
            found.append(likeliest(looks, hands, frames.shape[1:3], near_px, actor_mask if t == 0 else None))
        anchors = {
            t: look.region for t, look in zip(searched, anchored(found, actor_mask is not None)) if look is not None
        }
        return followed(frames, anchors, (plain, mirror), go_on) if anchors else None
