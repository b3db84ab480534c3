"""Which hand touches the object, and when: 2D evidence first, then intervals, then a vote over candidates."""

from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.lift import keypoints as kp
from hoi_motion.lift.object_track import ObjectTrack
from hoi_motion.motion import HANDS, Contact

# a hand nearer than these shares of the object's size and of the person's height touches, in the picture
NEAR_OBJECT = 0.12
NEAR_PERSON = 0.012
# keypoints of small figures are no better than this
MIN_NEAR_PX = 2.0
NEAREST_POINTS = 3
# a hand has left its place when it moved by this share of the person's height
AWAY_PERSON = 0.05
# how far it goes is a median over so many frames: a detector mistakes other things for a hand in single ones
AWAY_FRAMES = 3
# a hand that has left its place and keeps still (person heights a second) touches from further away: its fingers hide
STILL_SPEED, STILL_FACTOR = 0.15, 1.6
MIN_CONTACT_S = 0.1
MAX_GAP_S = 0.4
# wrist to knuckles as a share of elbow to wrist
KNUCKLES_FOREARM = 0.35
_ELBOW = {"left_hand": kp.L_ELBOW, "right_hand": kp.R_ELBOW}
_BODY_HAND = {"left_hand": (15, 17, 19, 21), "right_hand": (16, 18, 20, 22)}


def hand_points_px(track: kp.KeypointTrack, hand: str) -> np.ndarray:  # (T, P, 3)
    """Palm and finger tips of one hand: x, y, confidence.

    Where the hand's own landmarks are missing, tips are extrapolated from the body's wrist and knuckles; knuckles, when
    the whole track has none, from the forearm.
    """
    wrist, pinky, index, thumb = (track.body_px[:, i] for i in _BODY_HAND[hand])
    if not (pinky[:, 2].any() or index[:, 2].any()):
        pinky = index = thumb = _beyond_wrist(track.body_px[:, _ELBOW[hand]], wrist)
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


def hand_distances_px(
    track: kp.KeypointTrack, mask_at: Callable[[int], np.ndarray]
) -> dict[str, np.ndarray]:  # hand -> (T,)
    """Pixels from the hand's nearest points to the object's mask, 0 on it, infinite for an unseen hand."""
    points = {hand: hand_points_px(track, hand) for hand in HANDS}
    result = {hand: np.full(track.num_frames, np.inf) for hand in HANDS}
    last_mask, distance = None, None
    for t in range(track.num_frames):
        mask = mask_at(t)
        if not mask.any():
            continue
        if mask is not last_mask:
            distance, last_mask = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), mask
        for hand in HANDS:
            p = points[hand][t]
            if p[:, 2].mean() < 0.2:
                continue
            # a single stray point is no touch
            result[hand][t] = np.sort(_sampled(distance, p[:, :2]))[:NEAREST_POINTS].mean()
    return result


def tolerance_px(track: kp.KeypointTrack, mask: np.ndarray) -> float:
    return max(MIN_NEAR_PX, NEAR_OBJECT * float(np.sqrt(mask.sum())), NEAR_PERSON * track.person_height_px())


def hand_contacts(track: kp.KeypointTrack, object_masks: np.ndarray) -> dict[str, np.ndarray]:
    """Frames in which each hand is on the object, in the picture.

    Args:
        object_masks: (T, H, W) bool, or (H, W) for an object that stays.

    Returns:
        (T,) bool for "left_hand" and "right_hand".
    """
    masks = np.asarray(object_masks)
    still = masks.ndim == 2
    distances = hand_distances_px(track, (lambda t: masks) if still else (lambda t: masks[t]))
    near = tolerance_px(track, masks if still else masks[0])
    return {hand: distance <= near for hand, distance in distances.items()}


def touched_candidates(
    keypoints: kp.KeypointTrack, candidate_masks: list[np.ndarray], fps: float  # of (H, W) bool, first frame
) -> np.ndarray:  # (T,) int
    """Which of several candidates the acting hand touches in every frame, the nearest one only; -1 for none.

    The acting hand is the one that goes furthest from where it was in the first frame; until it has left that place it
    touches nothing: a hand that hangs in front of an object is not reaching for it. One that has come to rest touches
    from a little further away, as in `contact_intervals`.
    """
    hand, left = _acting_hand(keypoints)
    reach = np.where(_arrived(keypoints, hand, fps), STILL_FACTOR, 1.0)
    distances = []
    for mask in candidate_masks:
        distance = hand_distances_px(keypoints, lambda t, mask=mask: mask)[hand]
        centre = np.argwhere(mask).mean(0)[::-1]
        # a hand that covers two neighbours touches the one it is centred on
        ranked = distance + 0.05 * _grip_distance_px(keypoints, hand, centre)
        distances.append(np.where(left & (distance <= reach * tolerance_px(keypoints, mask)), ranked, np.inf))
    distances = np.array(distances)  # (C, T)
    return np.where(np.isfinite(distances).any(0), distances.argmin(0), -1)


def taken_candidate(touched: np.ndarray) -> int | None:  # (T,) int, of touched_candidates
    """The candidate at which the hand stays longest without a break, the first of equally long ones; None for none.

    A hand passes over other candidates' places on its way, and again with what it has taken.
    """
    stays = [(end - start, -start, int(c)) for c in set(touched[touched >= 0]) for start, end in runs(touched == c)]
    return max(stays)[-1] if stays else None


def _acting_hand(track: kp.KeypointTrack) -> tuple[str, np.ndarray]:  # name, (T,) bool
    """The hand that leaves its place most, and the frames from the first one on in which it has left it."""
    centres = hand_centres_px(track)
    first, start = max(1, len(centres) // 8), np.full((2, 2), np.nan)
    for hand in range(2):
        seen = np.flatnonzero(np.isfinite(centres[: len(centres) // 2 + 1, hand, 0]))[:first]
        if len(seen):
            start[hand] = np.median(centres[seen, hand], axis=0)
    moved = np.nan_to_num(np.linalg.norm(centres - start, axis=-1)) / track.person_height_px()
    hand = int(median_filter(moved, (AWAY_FRAMES, 1), mode="nearest").max(0).argmax())
    return HANDS[hand], np.maximum.accumulate(moved[:, hand] > AWAY_PERSON)


def _grip_distance_px(track: kp.KeypointTrack, hand: str, centre_px) -> np.ndarray:  # (T,)
    """Pixels from the middle of the finger tips to a place."""
    return np.linalg.norm(hand_points_px(track, hand)[:, 1:6, :2].mean(1) - centre_px, axis=-1)


def contact_intervals(
    track: kp.KeypointTrack, target: ObjectTrack, fps: float, object_name: str = "target"
) -> tuple[Contact, ...]:
    """Contacts of the two hands with the tracked object.

    A hand touches while it is on the object in the picture, or has come to rest beside it; while the object moves, the
    hand that moves with it holds it, from its first touch to where the object rests again. A hand that is over the
    object when the clip begins, leaves it at rest and comes back was only before it in the picture.
    """
    distances = hand_distances_px(track, target.mask_at)
    near_px = tolerance_px(track, target.mask)
    holder = holding_hand(track, target, distances, near_px)
    contacts = []
    for hand in HANDS:
        near = distances[hand] <= np.where(_arrived(track, hand, fps), STILL_FACTOR, 1.0) * near_px
        touching = _closed(near, round(MAX_GAP_S * fps))
        if hand == holder:
            moving = ~target.resting
            touching |= moving
            touching = _closed(touching, round(MAX_GAP_S * fps))
        spans = runs(touching)
        if len(spans) > 1 and spans[0][0] == 0 and target.resting[: spans[0][1] + 1].all():
            spans = spans[1:]
        for start, end in spans:
            held = hand == holder and (~target.resting[start:end]).any()
            if end - start < max(1, round(MIN_CONTACT_S * fps)) and not held:
                continue
            on_it = float(np.mean(near[start:end]))
            contacts.append(Contact(hand, object_name, start, end, 0.5 * on_it + (0.5 if held else 0.2)))
    return tuple(sorted(contacts, key=lambda c: c.start_frame))


def _arrived(track: kp.KeypointTrack, hand: str, fps: float) -> np.ndarray:  # (T,) bool
    """Frames in which a hand keeps still elsewhere than where it was first."""
    centre = hand_centres_px(track)[:, HANDS.index(hand)] / track.person_height_px()
    seen = np.flatnonzero(np.isfinite(centre[:, 0]))
    arrived = np.zeros(len(centre), bool)
    if len(seen) > 1:
        step = np.linalg.norm(np.diff(centre[seen], axis=0), axis=1) * fps / np.diff(seen)
        away = np.linalg.norm(centre[seen] - centre[seen[0]], axis=1) > AWAY_PERSON
        arrived[seen[1:]] = away[1:] & (step < STILL_SPEED)
    return arrived


def holding_hand(track, target: ObjectTrack, distances: dict, near_px: float) -> str | None:
    """The hand that stays with the object while it moves; None when it never moves or no hand is near."""
    moving = np.flatnonzero(~target.resting)
    if not len(moving):
        return None
    # the frames before it moved count too: who takes it was there first
    window = np.arange(max(0, moving[0] - 2), moving[-1] + 1)
    share = {hand: np.mean(distances[hand][window] <= 2 * near_px) for hand in HANDS}
    mean = {hand: np.mean(np.minimum(distances[hand][window], 20 * near_px)) for hand in HANDS}
    best = min(HANDS, key=lambda hand: (mean[hand] - 2 * near_px * share[hand]))
    return best if share[best] > 0.15 else None


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of each run of true values, end exclusive."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False].astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _closed(flags: np.ndarray, gap: int) -> np.ndarray:
    """Gaps of at most `gap` frames between true values filled."""
    flags = flags.copy()
    gaps = runs(~flags)
    for start, end in gaps:
        if 0 < start and end < len(flags) and end - start <= gap:
            flags[start:end] = True
    return flags


def _sampled(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Values at points; a point outside takes the border's value plus its distance from the border."""
    limit = np.array(image.shape[1::-1]) - 1
    inside = np.clip(xy, 0, limit)
    column, row = np.round(inside).astype(int).T
    return image[row, column] + np.linalg.norm(xy - inside, axis=1)
