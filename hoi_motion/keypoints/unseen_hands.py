"""Hands that the detector of bodies does not see, found by a detector of hands: before a thing they hold, on an arm
that comes from outside the picture, dark on dark.
"""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's solutions return named tuples that are made when they run

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import crop_around
from hoi_motion.keypoints.hands import BODY_HAND, ELBOW, HAND_LANDMARKS, palm_px
from hoi_motion.motion import HANDS
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken

# without landmarks of its own and with a wrist less sure than this a hand is not seen
SURE_WRIST = 0.5
# confidence of what one detector alone has found
FOUND = 0.7
# shares of the person's height: a palm, by how many times a hand may look larger or smaller, an arm and its forearm
PALM = 0.057
PALM_TIMES = 2.2
ARM = 0.36
FOREARM = 0.18
# of two arms that both lack a hand, one is so much nearer to what is found
CLEARLY = 0.7
# a hand this near to the other one, in palms, is that one
SAME_HAND_PALMS = 1.0
# a hand is found again in one of so many frames before or after, within this share of the height
AGAIN_FRAMES = 2
AGAIN = 0.12
_SHOULDER = {"left_hand": kp.L_SHOULDER, "right_hand": kp.R_SHOULDER}


def unseen_hands(track: kp.KeypointTrack) -> dict[str, np.ndarray]:  # hand -> (T,) bool
    """Frames in which a hand of a person who is there is not seen."""
    there = track.seen & (track.body_px[:, list(_SHOULDER.values()), 2] > SURE_WRIST).all(1)
    return {
        hand: there & (track.hand_px(hand)[..., 2].max(1) == 0) & (track.body_px[:, BODY_HAND[hand][0], 2] < SURE_WRIST)
        for hand in HANDS
    }


def with_unseen_hands(
    frames: np.ndarray,  # (T, H, W, 3) u8
    track: kp.KeypointTrack,
    crop_size_px: int,
    cancel: CancelToken | None = None,
) -> kp.KeypointTrack:
    """The track with hands that MediaPipe Hands finds within the reach of arms whose hands are not seen."""
    from mediapipe.python.solutions.hands import Hands

    with quiet_native_log(), Hands(static_image_mode=True, max_num_hands=2) as detector:

        def look(t: int, window: np.ndarray) -> list[np.ndarray]:
            if cancel is not None:
                cancel.raise_if_cancelled()
            crop = crop_around(window, crop_size_px, margin=0.0)
            found = detector.process(crop.cut(frames[t])).multi_hand_landmarks or []
            return [crop.to_video(np.array([[p.x, p.y, 1.0] for p in hand.landmark])) for hand in found]

        return completed_hands(track, frames.shape[1:3], look)


def completed_hands(
    track: kp.KeypointTrack, size_px: tuple[int, int], look: Callable[[int, np.ndarray], list[np.ndarray]]
) -> kp.KeypointTrack:
    """The track with hands that are found where they are not seen.

    Args:
        size_px: height, width of the pictures.
        look: from a frame's number and a window (x0, y0, x1, y1) to the hands (21, 3) that are seen in it.
    """
    unseen, height_px = unseen_hands(track), track.person_height_px()
    found = {hand: np.zeros((track.num_frames, kp.NUM_HAND, 3)) for hand in HANDS}
    for t in np.flatnonzero(unseen["left_hand"] | unseen["right_hand"]):
        shoulders = track.body_px[t, list(_SHOULDER.values()), :2]
        reach = (ARM + 2 * PALM) * height_px
        window = np.stack([shoulders.min(0) - reach, shoulders.max(0) + reach])
        hands = look(t, np.clip(window, 0, size_px[::-1]).ravel())
        wanted = [hand for hand in HANDS if unseen[hand][t]]
        off = np.array([[_off(track, t, hand, points, height_px) for hand in wanted] for points in hands])
        while off.size and off.min() <= 1:
            i, side = np.unravel_index(off.argmin(), off.shape)
            if (off[i] <= off[i, side] / CLEARLY).sum() == 1:
                found[wanted[side]][t] = hands[i]
                off[:, side] = np.inf
            off[i] = np.inf
    body, own = track.body_px.copy(), {hand: track.hand_px(hand).copy() for hand in HANDS}
    for hand in HANDS:
        for t in np.flatnonzero(_again(found[hand], height_px)):
            own[hand][t] = found[hand][t]
            body[t, BODY_HAND[hand]] = found[hand][t, HAND_LANDMARKS] * [1, 1, FOUND]
    return replace(track, body_px=body, left_hand_px=own["left_hand"], right_hand_px=own["right_hand"])


def _off(track: kp.KeypointTrack, t: int, hand: str, points: np.ndarray, height_px: float) -> float:
    """How far a found hand (21, 3) is from the arm as a share of its reach; infinite where it cannot be this hand."""
    palm, usual = palm_px(points), PALM * height_px
    if not usual / PALM_TIMES <= palm <= usual * PALM_TIMES:
        return np.inf
    (other,) = set(HANDS) - {hand}
    theirs = track.body_px[t, BODY_HAND[other]]
    if theirs[0, 2] >= SURE_WRIST or track.hand_px(other)[t, :, 2].any():
        if np.linalg.norm(theirs[:, :2].mean(0) - points[HAND_LANDMARKS, :2].mean(0)) < SAME_HAND_PALMS * palm:
            return np.inf
    elbow, shoulder = track.body_px[t, ELBOW[hand]], track.body_px[t, _SHOULDER[hand]]
    start, reach = (elbow, FOREARM) if elbow[2] >= SURE_WRIST else (shoulder, ARM)
    return float(np.linalg.norm(points[0, :2] - start[:2]) / (reach * height_px))


def _again(found: np.ndarray, height_px: float) -> np.ndarray:  # (T, 21, 3) -> (T,) bool
    """Frames in which a hand is found, and about there in a frame around as well."""
    there, again = found[..., 2].any(1), np.zeros(len(found), bool)
    for step in range(1, AGAIN_FRAMES + 1):
        near = np.linalg.norm(found[step:, 0, :2] - found[:-step, 0, :2], axis=1) <= step * AGAIN * height_px
        near &= there[step:] & there[:-step]
        again[step:] |= near
        again[:-step] |= near
    return again
