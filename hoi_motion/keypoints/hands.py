"""Where the hands are in the image, from a keypoint track; and how large hands are that no keypoint track has found."""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's solutions return named tuples that are made when they run

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.motion import HANDS
from hoi_motion.native_log import quiet_native_log

# wrist to knuckles as a share of elbow to wrist
KNUCKLES_FOREARM = 0.35
ELBOW = {"left_hand": kp.L_ELBOW, "right_hand": kp.R_ELBOW}
BODY_HAND = {"left_hand": (15, 17, 19, 21), "right_hand": (16, 18, 20, 22)}

# which of the hand's own landmarks the body's hand keypoints are
HAND_LANDMARKS = [0, 17, 5, 2]

# of MediaPipe's landmarks of a hand: the wrist, and the knuckles of index, middle and little finger
_WRIST, _INDEX, _MIDDLE, _PINKY = 0, 5, 9, 17
# a palm is so many times as long, from the wrist to the middle knuckle, as wide between the outer knuckles
PALM_LENGTH_WIDTH = 1.2
# pictures of a clip in which hands are measured
MEASURED_FRAMES = 5


def palms_px(frames: np.ndarray) -> np.ndarray:  # (T, H, W, 3) u8 -> (N,)
    """Lengths of the palms that a detector of hands finds in some pictures of a clip, whoever's they are.

    It looks at the whole picture and knows nothing of the person; small hands it does not find.
    """
    from mediapipe.python.solutions.hands import Hands

    lengths = []
    with quiet_native_log(), Hands(static_image_mode=True, max_num_hands=2) as detector:
        for t in np.unique(np.linspace(0, len(frames) - 1, MEASURED_FRAMES).astype(int)):
            for hand in detector.process(np.ascontiguousarray(frames[t])).multi_hand_landmarks or []:
                points = np.array([[p.x, p.y] for p in hand.landmark]) * frames.shape[2:0:-1]
                lengths.append(palm_px(points))
    return np.array(lengths)


def palm_px(points: np.ndarray) -> float:  # (21, 2 or more)
    """Length of the palm of a hand, by MediaPipe's landmarks."""
    ends = ((_WRIST, _MIDDLE), (_INDEX, _PINKY))
    long, wide = (np.linalg.norm(points[a, :2] - points[b, :2]) for a, b in ends)
    # one of the two is foreshortened less
    return float(max(long, PALM_LENGTH_WIDTH * wide))


def hand_points_px(track: kp.KeypointTrack, hand: str) -> np.ndarray:  # (T, P, 3)
    """Palm and finger tips of one hand: x, y, confidence.

    Where the hand's own landmarks are missing, tips are extrapolated from the body's wrist and knuckles; knuckles, when
    the whole track has none, from the forearm.
    """
    wrist, pinky, index, thumb = (track.body_px[:, i] for i in BODY_HAND[hand])
    if not (pinky[:, 2].any() or index[:, 2].any()):
        pinky = index = thumb = _beyond_wrist(track.body_px[:, ELBOW[hand]], wrist)
    knuckles = (pinky + index) / 2
    tips = knuckles + 0.9 * (knuckles - wrist)
    confidence = np.minimum(np.minimum(wrist[:, 2], pinky[:, 2]), index[:, 2])
    coarse = np.stack([(wrist + knuckles) / 2, knuckles, tips, index + 0.6 * (index - wrist), thumb], axis=1)
    coarse[..., 2] = confidence[:, None]
    fine = track.hand_px(hand)
    palm = fine[:, [0, 5, 9, 13, 17]].mean(1, keepdims=True)
    fine = np.concatenate([palm, fine[:, [4, 8, 12, 16, 20, 6, 10, 14, 18]]], axis=1)
    coarse = np.pad(coarse, ((0, 0), (0, fine.shape[1] - coarse.shape[1]), (0, 0)), mode="edge")
    return np.where((fine[:, :1, 2:] > 0), fine, coarse)


def _beyond_wrist(elbow: np.ndarray, wrist: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T, 3)
    """Where the knuckles of a straight hand would be."""
    xy = wrist[:, :2] + KNUCKLES_FOREARM * (wrist - elbow)[:, :2]
    return np.column_stack([xy, np.minimum(wrist[:, 2], elbow[:, 2])])


def hand_centres_px(track: kp.KeypointTrack) -> np.ndarray:  # (T, 2, 2)
    """Centre of each hand (left, right), NaN where it is not seen."""
    centres = np.full((track.num_frames, 2, 2), np.nan)
    for h, hand in enumerate(HANDS):
        points = hand_points_px(track, hand)
        seen = points[..., 2].mean(1) > 0.2
        centres[seen, h] = points[seen, :, :2].mean(1)
    return centres
