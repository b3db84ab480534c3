"""Which of several like objects the acting hand goes to, in the picture."""

import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.frames import runs_of
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import hand_centres_px, hand_points_px
from hoi_motion.lift.contact import (
    AWAY_FRAMES,
    AWAY_PERSON,
    MIN_CONTACT_FRAMES,
    STILL_FACTOR,
    arrived,
    hand_distances_px,
    tolerance_px,
)
from hoi_motion.motion import HANDS


def touched_candidates(
    keypoints: kp.KeypointTrack,
    candidate_masks: list[np.ndarray],
    fps: float,  # of (H, W) bool, first frame
) -> np.ndarray:  # (T,) int
    """Which of several candidates the acting hand touches in every frame, the nearest one only; -1 for none.

    The acting hand is the one that goes furthest from where it was in the first frame; until it has left that place it
    touches nothing: a hand that hangs in front of an object is not reaching for it. One that has come to rest touches
    from a little further away, as in `contact_intervals`.
    """
    hand, left = acting_hand(keypoints)
    reach = np.where(arrived(keypoints, hand, fps, camera=None), STILL_FACTOR, 1.0)
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
    stays = [(end - start, -start, int(c)) for c in set(touched[touched >= 0]) for start, end in runs_of(touched == c)]
    return max(stays)[-1] if stays else None


def first_candidate(touched: np.ndarray) -> int | None:  # (T,) int, of touched_candidates
    """The candidate at which the hand first stays for MIN_CONTACT_FRAMES; None for none."""
    stays = [
        (start, int(c))
        for c in set(touched[touched >= 0])
        for start, end in runs_of(touched == c)
        if end - start >= MIN_CONTACT_FRAMES
    ]
    return min(stays)[1] if stays else None


def acting_hand(track: kp.KeypointTrack) -> tuple[str, np.ndarray]:  # name, (T,) bool
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
