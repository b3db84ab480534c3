"""Which hand touches the object in the picture, and when: distances frame by frame, then intervals."""

from collections.abc import Callable

import cv2
import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.frames import closed, runs_of
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.hands import (
    BODY_HAND,
    ELBOW,
    FOREARM,
    PALM,
    SHOULDER,
    SURE_WRIST,
    hand_centres_px,
    hand_points_px,
)
from hoi_motion.lift.track.track import ObjectTrack, without_camera
from hoi_motion.motion import HANDS, Contact

# a hand nearer than these shares of the object's size and of the person's height touches, in the picture; but not one
# that is further than the length of a palm away, however large the object
NEAR_OBJECT = 0.12
NEAR_PERSON = 0.012
# keypoints of small figures are at best this exact
MIN_NEAR_PX = 2.0
NEAREST_POINTS = 3
# mean confidence of a hand's points from which on it is seen
LEAST_CONFIDENCE = 0.2
# a hand has left its place when it moved by this share of the person's height
AWAY_PERSON = 0.05
# a hand that has not left it may hold the object from the start: one that hangs in front of it does not, its forearm
# points down in the picture and goes on as the upper arm does, both to within this; of one that holds, this share of
# palm and fingers is on the object
HANGS_RAD = np.deg2rad(45.0)
HOLDING_SHARE = 0.5
START_S = 1.0
# its distance is a median over so many frames: in single ones a detector mistakes other things for a hand
AWAY_FRAMES = 3
# a hand that has left its place and keeps still (slower than this many person heights a second) touches from this many
# times as far away: its fingers are hidden
STILL_SPEED = 0.15
STILL_FACTOR = 1.6
# at least so far: on a small figure one sees that the hand went there and stays, not how near its fingers are
MIN_STILL_PX = 4.5
# a touch lasts at least so long, and so many frames: in a single one a hand only passes
MIN_CONTACT_S = 0.1
MIN_CONTACT_FRAMES = 2
MAX_GAP_S = 0.4
# the hand that holds has let go where it is seen beside the object, at its furthest by so many times as far as it may
# be to touch and by this share of the person's height: nearer it may be the detector that errs, or the track
LET_GO_FACTOR = 4.0
LET_GO_PERSON = 0.04
# a hand goes along with the object where, over so long about a frame, the two shift against each other by no more than
# this share of the object's way, or of the person's height, by which keypoints and tracks err
ALONG_S = 0.5
ALONG_WAY = 0.5
ALONG_PERSON = 0.04
# the object keeps still where its way over ALONG_S is at most this share of its size, or so many pixels
STILL_OBJECT = 0.03
MIN_STILL_WAY_PX = 1.5
# of two hands the one holds what moves that is on average nearer to it; to hold, a hand may be as far as so many times
# what counts as a touch (the object's mask and the keypoints blur in motion), each frame as near as that counts for it,
# and beyond the last a hand is just away, so that a single wild point does not decide
HELD_FACTOR = 2.0
AWAY_FACTOR = 20.0
# who holds what moves is near it in this share of the frames in which the hand is seen
LEAST_HELD = 0.15
# only where the object is seen too is it known how far away the hand is
LEAST_VISIBILITY = 0.5


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
            if p[:, 2].mean() < LEAST_CONFIDENCE:
                continue
            # a single stray point is not a touch
            result[hand][t] = np.sort(_sampled(distance, p[:, :2]))[:NEAREST_POINTS].mean()
    return result


def tolerance_px(track: kp.KeypointTrack, mask: np.ndarray) -> float:
    """How near a hand must be to touch the object, given its mask (H, W) in the first frame."""
    height_px = track.person_height_px()
    by_size_px = min(NEAR_OBJECT * float(np.sqrt(mask.sum())), PALM * height_px)
    return max(MIN_NEAR_PX, by_size_px, NEAR_PERSON * height_px)


def still_tolerance_px(near_px: float) -> float:
    """How near a hand that keeps still, or has gone along, must be."""
    return max(STILL_FACTOR * near_px, MIN_STILL_PX)


def contact_intervals(track: kp.KeypointTrack, target: ObjectTrack, fps: float) -> tuple[Contact, ...]:
    """Contacts of the two hands with the tracked object.

    A hand touches while it is on the object in the image, or has come to rest beside it; while the object moves, the
    hand that moves with it holds it, from its first touch until the object rests again or the hand is seen away from
    it, or to go off while it keeps still. Until a hand has left its first place it touches nothing that rests, since it
    may only hang in front of it; but a raised one that has its fingers on the object from the start holds it, and one
    that has gone with the object touches it for as long as it is not seen to leave.

    What moves does so against the background: in the picture of a camera that turns, what rests moves as well.
    """
    distances = hand_distances_px(track, target.mask_at)
    near_px = tolerance_px(track, target.mask)
    holder = holding_hand(track, target, distances, near_px, fps)
    contacts = []
    for hand in HANDS:
        near_still_px = still_tolerance_px(near_px)
        near = distances[hand] <= np.where(arrived(track, hand, fps, target.camera), near_still_px, near_px)
        moving = ~target.resting
        if holder is None:
            near &= target.resting | (left_behind_px(track, target, hand, fps) == 0)
        unseen = np.isinf(distances[hand])
        free = has_left(track, hand, target.camera) | moving | holds_from_start(track, target, hand, near_px, fps)
        free |= _since(near & moving, near | unseen)
        unseen &= ~_cannot_be_behind(track, target, hand, unseen, near_still_px, fps)
        touching = _closed_unseen(near & free, unseen, fps)
        if hand == holder:
            carried = moving & ~_put_down(track, target, hand, distances[hand], near_still_px, fps)
            touching |= carried | _leads_to(near, carried)
            touching = closed(touching, round(MAX_GAP_S * fps))
            touching &= ~_let_go(track, target, distances[hand], near_still_px)
        for start, end in runs_of(touching):
            held = hand == holder and carried[start:end].any()
            if end - start < least_frames(fps) and not held:
                continue
            on_it = float(np.mean(near[start:end]))
            contacts.append(Contact(hand, "target", start, end, 0.5 * on_it + (0.5 if held else 0.2)))
    return tuple(sorted(contacts, key=lambda c: c.start_frame))


def _since(touching: np.ndarray, stays: np.ndarray) -> np.ndarray:  # (T,) bool each
    """Frames of staying without a break, from the first one on in which the hand touches."""
    since = np.zeros(len(stays), bool)
    for start, end in runs_of(stays):
        since[start:end] = np.maximum.accumulate(touching[start:end])
    return since


def _closed_unseen(near: np.ndarray, unseen: np.ndarray, fps: float) -> np.ndarray:  # (T,) bool each
    """Touches without gaps of up to MAX_GAP_S, nor such in which the hand is never seen, however long.

    Between two touches a hand that is not seen is behind what it holds: it has not been seen to leave.

    Args:
        unseen: frames in which it is not seen and may be there.
    """
    hidden = near | unseen
    for start, end in runs_of(hidden):
        touched = start + np.flatnonzero(near[start:end])
        hidden[start:end] = False
        if len(touched):
            hidden[touched[0] : touched[-1] + 1] = True
    return closed(near | hidden, round(MAX_GAP_S * fps))


def _cannot_be_behind(
    track, target: ObjectTrack, hand: str, unseen: np.ndarray, near_px: float, fps: float
) -> np.ndarray:  # (T,) bool
    """Frames in which a hand that is not seen cannot be behind the object, which keeps still meanwhile: it is out of
    the picture, or its elbow too far away.

    Args:
        unseen: (T,) bool; near_px: how near a hand must be to touch.
    """
    wrist, elbow = (track.body_px[:, i] for i in (BODY_HAND[hand][0], ELBOW[hand]))
    out = ((wrist[:, :2] < 0) | (wrist[:, :2] > np.array(target.mask.shape[::-1]) - 1)).any(1)
    known = elbow[:, 2] >= SURE_WRIST
    # no hand reaches further from its wrist, nor from its elbow
    palm_px = 2 * PALM * track.person_height_px()
    arm_px = palm_px + FOREARM * track.person_height_px()
    away = np.zeros(len(unseen), bool)
    for t in np.flatnonzero(unseen & track.seen & (out | known)):
        mask = target.mask_at(t)
        if mask.any():
            distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
            from_wrist_px, from_elbow_px = _sampled(distance, np.stack([wrist[t, :2], elbow[t, :2]]))
            away[t] = (out[t] and from_wrist_px > palm_px + near_px) or (known[t] and from_elbow_px > arm_px + near_px)
    away &= target.resting | _keeps_still(target, fps)
    gone = np.zeros(len(away), bool)
    for start, end in runs_of(away):
        gone[start:end] = end - start >= MIN_CONTACT_FRAMES
    return gone


def _keeps_still(target: ObjectTrack, fps: float) -> np.ndarray:  # (T,) bool
    """Frames about which the object keeps still in the picture, but for what the camera does."""
    before, after = _about(target.num_frames, fps)
    place = without_camera(target.centroid_px, target.camera)
    way = np.linalg.norm(place[after] - place[before], axis=1)
    return way <= max(MIN_STILL_WAY_PX, STILL_OBJECT * float(np.sqrt(target.mask.sum())))


def least_frames(fps: float) -> int:
    """How long a touch of something that rests lasts at least."""
    return max(MIN_CONTACT_FRAMES, round(MIN_CONTACT_S * fps))


def has_left(track: kp.KeypointTrack, hand: str, camera: np.ndarray | None) -> np.ndarray:  # (T,) bool
    """Frames from the first one on in which a hand has left the place where it was first.

    Args:
        camera: (T, 2, 3) of `ObjectTrack`; None stands still.
    """
    centre = without_camera(hand_centres_px(track)[:, HANDS.index(hand)], camera)
    seen = np.flatnonzero(np.isfinite(centre[:, 0]))
    if not len(seen):
        return np.zeros(track.num_frames, bool)
    moved = np.nan_to_num(np.linalg.norm(centre - centre[seen[0]], axis=1)) / track.person_height_px()
    return np.maximum.accumulate(median_filter(moved, AWAY_FRAMES, mode="nearest") > AWAY_PERSON)


def holds_from_start(track: kp.KeypointTrack, target: ObjectTrack, hand: str, near_px: float, fps: float) -> bool:
    """Whether in most of the first frames in which a hand is seen its palm and fingers are on the object, and its arm
    does not hang."""
    joints = [SHOULDER[hand], ELBOW[hand], BODY_HAND[hand][0]]
    arm = track.body_px[: max(round(START_S * fps), MIN_CONTACT_FRAMES), joints, :2]
    upper, fore = arm[:, 1] - arm[:, 0], arm[:, 2] - arm[:, 1]
    raised = np.maximum(_angle(fore, np.array([0.0, 1.0])), _angle(fore, upper)) > HANGS_RAD
    points, on_it = hand_points_px(track, hand)[: len(arm)], []
    for t in np.flatnonzero(points[..., 2].mean(1) >= LEAST_CONFIDENCE):
        distance = cv2.distanceTransform((~target.mask_at(t)).astype(np.uint8), cv2.DIST_L2, 5)
        on_it.append(raised[t] and np.mean(_sampled(distance, points[t, :, :2]) <= near_px) >= HOLDING_SHARE)
    return 2 * len(on_it) >= len(arm) and 2 * sum(on_it) > len(on_it)


def _angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (..., 2) each, rad
    return np.arctan2(np.abs(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]), (a * b).sum(-1))


def _leads_to(near: np.ndarray, moving: np.ndarray) -> np.ndarray:  # (T,) bool each
    """Frames of being near without a break until the object moves."""
    leads = np.zeros(len(near), bool)
    for start, end in runs_of(near):
        leads[start:end] = moving[start : end + 1].any()
    return leads


def left_behind_px(track: kp.KeypointTrack, target: ObjectTrack, hand: str, fps: float) -> np.ndarray:  # (T,)
    """The object's way over ALONG_S about each frame, if a hand does not go along; 0 where it does, NaN where the two
    are not seen together.

    A hand that only hangs before the object in the picture is left behind, and one that it flies past.
    """
    way, shift = _ways_px(track, target, hand, fps)
    along = shift <= np.maximum(ALONG_WAY * way, ALONG_PERSON * track.person_height_px())
    return np.where(np.isfinite(shift), np.where(along, 0.0, way), np.nan)


def _ways_px(track, target: ObjectTrack, hand: str, fps: float) -> tuple[np.ndarray, np.ndarray]:  # (T,) each
    """The object's way over ALONG_S about each frame, and the hand's against it; NaN where the two are not seen."""
    before, after = _about(track.num_frames, fps)
    place = without_camera(target.centroid_px, target.camera)
    apart = without_camera(hand_centres_px(track)[:, HANDS.index(hand)], target.camera) - place
    seen = np.isfinite(apart[:, 0]) & (target.visibility >= LEAST_VISIBILITY)
    way, shift = (np.linalg.norm(p[after] - p[before], axis=1) for p in (place, apart))
    return way, np.where(seen[before] & seen[after], shift, np.nan)


def _about(count: int, fps: float) -> tuple[np.ndarray, np.ndarray]:  # (T,) each
    """First and last frame of ALONG_S about each one."""
    frames, half = np.arange(count), max(round(ALONG_S * fps / 2), 1)
    return np.maximum(frames - half, 0), np.minimum(frames + half, count - 1)


def _put_down(track, target: ObjectTrack, hand: str, distance_px: np.ndarray, near_px: float, fps: float) -> np.ndarray:
    """(T,) bool: the object keeps still elsewhere than at first, and meanwhile the hand is seen to go off without it.

    Args:
        distance_px: (T,) of the hand from the object, infinite where it is not seen.
        near_px: how near it must be to touch.
    """
    _, shift = _ways_px(track, target, hand, fps)
    still = ~target.resting & _keeps_still(target, fps)
    off = np.isfinite(distance_px) & (distance_px > near_px)
    off &= np.nan_to_num(shift) > ALONG_PERSON * track.person_height_px()
    put = np.zeros(len(still), bool)
    for start, end in runs_of(still):
        put[start:end] = off[start:end].sum() >= MIN_CONTACT_FRAMES
    return put


def _let_go(track, target: ObjectTrack, distance_px: np.ndarray, near_px: float) -> np.ndarray:  # (T,) bool
    """Frames in which the hand that has held the object is seen away from it, and so certainly does not hold it.

    Args:
        distance_px: (T,) of the hand from the object, infinite where it is not seen.
        near_px: how near it must be to touch.
    """
    away_px = max(LET_GO_FACTOR * near_px / STILL_FACTOR, LET_GO_PERSON * track.person_height_px())
    known = np.isfinite(distance_px)
    # an unseen hand is where it was before
    carried = distance_px[np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))]
    beside = carried > near_px
    surely = known & (target.visibility >= LEAST_VISIBILITY) & (distance_px > away_px)
    gone = np.zeros(len(known), bool)
    for start, end in runs_of(beside):
        if surely[start:end].sum() >= MIN_CONTACT_FRAMES:
            gone[start:end] = True
    return gone


def arrived(track: kp.KeypointTrack, hand: str, fps: float, camera: np.ndarray | None) -> np.ndarray:  # (T,) bool
    """Frames in which a hand keeps still elsewhere than where it was first.

    Args:
        camera: (T, 2, 3) of `ObjectTrack`; None stands still.
    """
    centre = without_camera(hand_centres_px(track)[:, HANDS.index(hand)], camera) / track.person_height_px()
    seen = np.flatnonzero(np.isfinite(centre[:, 0]))
    still = np.zeros(len(centre), bool)
    if len(seen) > 1:
        step = np.linalg.norm(np.diff(centre[seen], axis=0), axis=1) * fps / np.diff(seen)
        away = np.linalg.norm(centre[seen] - centre[seen[0]], axis=1) > AWAY_PERSON
        still[seen[1:]] = away[1:] & (step < STILL_SPEED)
    return still


def holding_hand(track, target: ObjectTrack, distances: dict, near_px: float, fps: float) -> str | None:
    """The hand that stays with the object while it moves; None when it never moves or no hand is near.

    Args:
        distances: of each hand from the object, `hand_distances_px`; near_px: how near it must be to touch.
    """
    moving = np.flatnonzero(~target.resting)
    if not len(moving):
        return None
    # the frames before it moved count too: the hand that takes it was there first
    window = np.arange(max(0, moving[0] - 2), moving[-1] + 1)
    near = {hand: distances[hand][window] <= HELD_FACTOR * near_px for hand in HANDS}
    mean = {hand: np.mean(np.minimum(distances[hand][window], AWAY_FACTOR * near_px)) for hand in HANDS}
    left = {hand: left_behind_px(track, target, hand, fps)[moving] for hand in HANDS}
    left = {hand: np.nansum(px) / max(np.isfinite(px).sum(), 1) for hand, px in left.items()}
    best = min(HANDS, key=lambda hand: mean[hand] - HELD_FACTOR * near_px * np.mean(near[hand]) + left[hand])
    # where a hand is not seen it may be at the object
    seen = np.isfinite(distances[best][window])
    return best if seen.any() and np.mean(near[best][seen]) > LEAST_HELD else None


def _sampled(image: np.ndarray, xy: np.ndarray) -> np.ndarray:  # (H, W), (N, 2) -> (N,)
    """Values at points; a point outside takes the border's value plus its distance from the border."""
    limit = np.array(image.shape[1::-1]) - 1
    inside = np.clip(xy, 0, limit)
    column, row = np.round(inside).astype(int).T
    return image[row, column] + np.linalg.norm(xy - inside, axis=1)
