"""Hands in the image: where a keypoint track has them, how large those are that a detector of hands finds, and the
search for those that the detector of bodies does not see.
"""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's solutions return named tuples that are made when they run

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import crop_around
from hoi_motion.motion import HANDS
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken

# wrist to knuckles as a share of elbow to wrist
KNUCKLES_FOREARM = 0.35
ELBOW = {"left_hand": kp.L_ELBOW, "right_hand": kp.R_ELBOW}
SHOULDER = {"left_hand": kp.L_SHOULDER, "right_hand": kp.R_SHOULDER}
# an arm's joint with this confidence has been seen; a guess further than this share of the person's height from the way
# between two sightings is wrong
SIGHTED = 0.45
JUMP = 0.15
BODY_HAND = {"left_hand": (15, 17, 19, 21), "right_hand": (16, 18, 20, 22)}

# which of the hand's own landmarks the body's hand keypoints are
HAND_LANDMARKS = [0, 17, 5, 2]

# of MediaPipe's landmarks of a hand: the wrist, and the knuckles of index, middle and little finger
_WRIST, _INDEX, _MIDDLE, _PINKY = 0, 5, 9, 17
# a palm is so many times as long, from the wrist to the middle knuckle, as wide between the outer knuckles
PALM_LENGTH_WIDTH = 1.2
# pictures of a clip in which hands are measured
MEASURED_FRAMES = 5
# palms stretched towards the camera look up to 1.8 times as long as they should for people in view; for figures that
# were no people they were 2.2 to 4.1 times as long. In a single picture the detector errs
TOO_LARGE = 2.0
LEAST_PALMS = 2

# without landmarks of its own and with a wrist less sure than this a hand is not seen
SURE_WRIST = 0.5
# confidence of what one detector alone has found
FOUND = 0.7
# lengths of a palm, an arm and its forearm as shares of the person's height; a hand may look this many times larger or
# smaller
PALM = 0.057
ARM = 0.36
FOREARM = 0.18
PALM_TIMES = 2.2
# where both arms lack a hand, a found one is an arm's if its distance is at most this share of the other's
CLEARLY = 0.7
# a hand this near to the other one, in palms, is that one
SAME_HAND_PALMS = 1.0
# a hand is found again in one of so many frames before or after, within this share of the height
AGAIN_FRAMES = 2
AGAIN = 0.12


def palms_px(frames: np.ndarray, cancel: CancelToken | None = None) -> np.ndarray:  # (T, H, W, 3) u8 -> (N,)
    """Lengths of the palms that a detector of hands finds in some pictures of a clip, whoever's they are.

    It looks at the whole picture and knows nothing of the person; small hands it does not find.

    Raises:
        ControlError: CANCELLED.
    """
    from mediapipe.python.solutions.hands import Hands

    lengths = []
    with quiet_native_log(), Hands(static_image_mode=True, max_num_hands=2) as detector:
        for t in np.unique(np.linspace(0, len(frames) - 1, MEASURED_FRAMES).astype(int)):
            if cancel is not None:
                cancel.raise_if_cancelled()
            lengths += [palm_px(points) for points in hands_in(detector, frames[t])]
    return np.array(lengths)


def hands_in(detector, picture: np.ndarray) -> list[np.ndarray]:  # (H, W, 3) u8 -> (21, 2) each
    """The hands that MediaPipe's detector of them finds in a whole picture, in its pixels."""
    found = detector.process(np.ascontiguousarray(picture)).multi_hand_landmarks or []
    return [np.array([[p.x, p.y] for p in hand.landmark]) * picture.shape[1::-1] for hand in found]


def palm_times(palms_px: np.ndarray, height_px: float) -> float | None:  # (N,)
    """How many times as long palms are, as a median, as those of somebody so tall; None for too few, or nobody."""
    if len(palms_px) < LEAST_PALMS or height_px <= 0:
        return None
    return float(np.median(palms_px)) / (PALM * height_px)


def hands_too_large(palms_px: np.ndarray, height_px: float) -> bool:  # (N,)
    """Whether hands in the pictures are not those of somebody so tall."""
    times = palm_times(palms_px, height_px)
    return times is not None and times >= TOO_LARGE


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


def unseen_hands(track: kp.KeypointTrack) -> dict[str, np.ndarray]:  # hand -> (T,) bool
    """Frames in which a hand of a person who is there is not seen."""
    there = track.seen & (track.body_px[:, list(SHOULDER.values()), 2] > SURE_WRIST).all(1)
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
        shoulders = track.body_px[t, list(SHOULDER.values()), :2]
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


def arms_between_sightings(track: kp.KeypointTrack, size_px: tuple[int, int]) -> kp.KeypointTrack:
    """The track with elbows and wrists where they were seen before and after, instead of far from there in between.

    Whoever holds something at the edge of the picture or behind a thing has an arm of which little is seen, and what a
    detector then guesses may be anywhere. Between two sightings, in the picture or beyond its edge, a guess that is
    JUMP away from the straight line between them is replaced by it. Frames without the person stay without evidence.

    Args:
        size_px: height, width of the pictures.
    """
    body, height_px = track.body_px.copy(), max(track.person_height_px(), 1.0)
    last_px = np.array(size_px[::-1]) - 1
    for hand in HANDS:
        for joint in (ELBOW[hand], BODY_HAND[hand][0]):
            px, confidence = track.body_px[:, joint, :2], track.body_px[:, joint, 2]
            beyond = track.seen & ((px < 0) | (px > last_px)).any(1)
            sighted = np.flatnonzero((confidence >= SIGHTED) | beyond)
            if len(sighted) < 2:
                continue
            frames = np.arange(track.num_frames)
            path = np.column_stack([np.interp(frames, sighted, px[sighted, c]) for c in range(2)])
            guessed = track.seen & (confidence < kp.SURE) & ~beyond & (frames > sighted[0]) & (frames < sighted[-1])
            jumps = guessed & (np.linalg.norm(px - path, axis=1) > JUMP * height_px)
            inside = ((path >= 0) & (path <= last_px)).all(1)
            body[jumps, joint, :2] = path[jumps]
            body[jumps, joint, 2] = np.where(inside, kp.SURE, 0.0)[jumps]
            if joint == BODY_HAND[hand][0]:
                knuckles = list(BODY_HAND[hand][1:])
                body[np.ix_(jumps, knuckles)] += np.append((path - px)[jumps], np.zeros((jumps.sum(), 1)), 1)[:, None]
                body[np.ix_(jumps, knuckles, [2])] = 0.0
    return replace(track, body_px=body)


def hands_on_their_arms(track: kp.KeypointTrack) -> kp.KeypointTrack:
    """The track without hands that were found on the other arm: there, where its own are missing, they are that one's.

    A detector that looks for two hands may find the only one twice. A hand is the other arm's if it lies at that arm's
    wrist, which is sure, and not at its own.
    """
    hands, wrists = {h: track.hand_px(h).copy() for h in HANDS}, {h: track.body_px[:, BODY_HAND[h][0]] for h in HANDS}
    strays = {}
    for hand, other in (HANDS, HANDS[::-1]):
        own_px, other_px = (np.linalg.norm(hands[hand][:, 0, :2] - wrists[h][:, :2], axis=1) for h in (hand, other))
        palms = SAME_HAND_PALMS * np.array([palm_px(points) for points in hands[hand]])
        stray = (other_px < palms) & (own_px > palms) & (other_px < CLEARLY * own_px)
        stray &= wrists[other][:, 2] >= SURE_WRIST
        strays[other] = np.where((stray & (hands[hand][..., 2] > 0).any(1))[:, None, None], hands[hand], 0.0)
    for hand, other in (HANDS, HANDS[::-1]):
        hands[hand][strays[other][..., 2].any(1)] = 0.0
    for hand in HANDS:
        missing = ~(hands[hand][..., 2] > 0).any(1)
        hands[hand][missing] = strays[hand][missing]
    return replace(track, left_hand_px=hands["left_hand"], right_hand_px=hands["right_hand"])


def _off(track: kp.KeypointTrack, t: int, hand: str, points: np.ndarray, height_px: float) -> float:
    """How far a found hand (21, 3) is from the arm as a share of its reach; infinite where it cannot be this hand."""
    palm, usual = palm_px(points), PALM * height_px
    if not usual / PALM_TIMES <= palm <= usual * PALM_TIMES:
        return np.inf
    (other,) = set(HANDS) - {hand}
    theirs, seen = track.hand_px(other)[t, HAND_LANDMARKS], True
    if not theirs[:, 2].any():
        # where the hand has no landmarks of its own the body's tell, if they are more than a guess
        theirs = track.body_px[t, BODY_HAND[other]]
        seen = theirs[0, 2] >= SURE_WRIST
    if seen and np.linalg.norm(theirs[:, :2].mean(0) - points[HAND_LANDMARKS, :2].mean(0)) < SAME_HAND_PALMS * palm:
        return np.inf
    elbow, shoulder = track.body_px[t, ELBOW[hand]], track.body_px[t, SHOULDER[hand]]
    start, reach = (elbow, FOREARM) if elbow[2] >= SURE_WRIST else (shoulder, ARM)
    return float(np.linalg.norm(points[0, :2] - start[:2]) / (reach * height_px))


def _again(found: np.ndarray, height_px: float) -> np.ndarray:  # (T, 21, 3) -> (T,) bool
    """Frames in which a hand is found, and in a frame close by at about the same place."""
    there, again = found[..., 2].any(1), np.zeros(len(found), bool)
    for step in range(1, AGAIN_FRAMES + 1):
        near = np.linalg.norm(found[step:, 0, :2] - found[:-step, 0, :2], axis=1) <= step * AGAIN * height_px
        near &= there[step:] & there[:-step]
        again[step:] |= near
        again[:-step] |= near
    return again
