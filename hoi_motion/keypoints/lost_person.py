"""Frames in which the body detector has lost a person: it then draws a shrunken figure somewhere on the body.

Deep crouches and heads before the trunk do that. The hands are still seen by a detector of their own.
"""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's solutions return named tuples that are made when they run

from dataclasses import replace

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import crop_around
from hoi_motion.keypoints.hands import BODY_HAND, HAND_LANDMARKS
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken

# a figure is shrunken when its limbs have on average less than this share of their usual length in the picture, which
# this quantile of all frames tells
SHRUNKEN = 0.62
USUAL = 0.7
# a lost one has shrunk to at most this share of what it was in the frame before: whoever walks away, or turns to the
# side with their legs hidden, shrinks by and by
SUDDENLY = 0.7
# a person walking away shrinks too, but both views agree on them; on a lost one, in this share of frames, they do not
UNSEEN_SHARE = 0.2
# greatest confidence of a body that is only assumed to be where it was
HELD = 0.5
# in person heights, how far a hand may be from where it was last
HAND_REACH = 0.25
# pairs of keypoints: arms, shoulders, hips, legs
LIMBS = np.array([(11, 13), (13, 15), (12, 14), (14, 16), (11, 12), (23, 24), (23, 25), (25, 27), (24, 26), (26, 28)])


def lost_frames(track: kp.KeypointTrack, agree: np.ndarray) -> np.ndarray:  # (T,) bool -> (T,) bool
    """Frames of shrunken figures; never the first one.

    Args:
        agree: frames in which both views see a person in the same place.
    """
    length = _limb_lengths(track)
    shrunken, suddenly = length < SHRUNKEN, np.zeros(len(length), bool)
    suddenly[1:] = length[1:] <= SUDDENLY * length[:-1]
    lost = np.zeros(len(length), bool)
    for fall in np.flatnonzero(shrunken & suddenly):
        if lost[fall]:
            continue
        # one who had shrunk by and by before is found again no larger than they were
        small = shrunken & (length <= SUDDENLY * length[fall - 1]) if shrunken[fall - 1] else shrunken
        end = fall + int(np.argmin(np.append(small[fall:], False)))
        lost[fall:end] = (~agree[fall:end]).mean() >= UNSEEN_SHARE
    return lost


def _limb_lengths(track: kp.KeypointTrack) -> np.ndarray:  # (T,)
    """How long the limbs are in the picture, on average, as a share of their usual length in this clip."""
    ends = track.body_px[:, LIMBS, :2]  # (T, L, 2, 2)
    length_px = np.linalg.norm(ends[:, :, 0] - ends[:, :, 1], axis=-1)
    usual_px = np.quantile(length_px[track.seen], USUAL, axis=0)
    return (length_px / np.maximum(usual_px, 1e-6)).mean(1)


def without_lost(
    frames: np.ndarray,  # (T, H, W, 3) u8
    track: kp.KeypointTrack,
    lost: np.ndarray,  # (T,) bool
    crop_size_px: int,
    cancel: CancelToken | None = None,
) -> kp.KeypointTrack:
    """The body held, at low confidence, where it was when it was lost; hands where MediaPipe Hands sees them.

    Args:
        lost: not the first frame.
        crop_size_px: side of the picture of the person that the detector of hands is given.
    """
    from mediapipe.python.solutions.hands import Hands

    body, hint = track.body_px.copy(), track.body_hint_m.copy()
    hands = {hand: track.hand_px(hand).copy() for hand in BODY_HAND}
    reach_px = HAND_REACH * track.person_height_px()
    with quiet_native_log(), Hands(static_image_mode=True, max_num_hands=2) as detector:
        for t in np.flatnonzero(lost):
            if cancel is not None:
                cancel.raise_if_cancelled()
            if not lost[t - 1]:
                held, last = body[t - 1] * [1, 1, HELD], {h: body[t - 1, w[0], :2] for h, w in BODY_HAND.items()}
                crop = crop_around(np.concatenate([held[:, :2].min(0), held[:, :2].max(0)]), crop_size_px)
            body[t], hint[t] = held, hint[t - 1]
            found = detector.process(crop.cut(frames[t])).multi_hand_landmarks or []
            found = [crop.to_video(np.array([[p.x, p.y, 1.0] for p in one.landmark])) for one in found]
            for hand, where in BODY_HAND.items():
                hands[hand][t, :, 2] = 0.0
                body[t, where, 2] = 0.0
            # left or right: the one nearest to where it was
            pairs = [(np.linalg.norm(f[0, :2] - last[h]), i, h) for i, f in enumerate(found) for h in BODY_HAND]
            taken = set()
            for distance, i, hand in sorted(pairs):
                if distance > reach_px or i in taken or hand in taken:
                    continue
                taken |= {i, hand}
                hands[hand][t], last[hand] = found[i], found[i][0, :2]
                body[t, BODY_HAND[hand]] = found[i][HAND_LANDMARKS]
    left, right = (hands[hand] for hand in ("left_hand", "right_hand"))
    return replace(track, body_px=body, body_hint_m=hint, left_hand_px=left, right_hand_px=right)
