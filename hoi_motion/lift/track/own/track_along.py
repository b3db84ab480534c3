"""From the places in which the object was found to its track: a similarity for every frame, unseen ones included."""

import numpy as np

from hoi_motion.lift.track.own.outline import seen_outline
from hoi_motion.lift.track.own.places import FOLLOWED, RESTING
from hoi_motion.lift.track.own.search import Found
from hoi_motion.lift.track.own.still_clip import StillClip
from hoi_motion.lift.track.similarity import IDENTITY, between, moved_like, seen_turn_rad
from hoi_motion.lift.track.track import ObjectTrack

UNSEEN_VISIBILITY = 0.1


def track_along(
    found: Found, still: StillClip, followed: ObjectTrack, rest_scores: list[float], scale: np.ndarray
) -> ObjectTrack:
    """The track along a path, in the still camera's pictures; frames that the path skips are filled.

    Args:
        followed: the object in the same pictures, for where it was followed; rest_scores: T of 0..1, how much its first
            place looks as it did.
        scale: (2,) working pixels, of `found`, to one of the video.
    """
    path, mask = found.path, still.mask
    similarity, resting = np.tile(IDENTITY, (len(path), 1, 1)), np.zeros(len(path), bool)
    visibility, outlines = np.full(len(path), UNSEEN_VISIBILITY), {}
    turn_rad = 0.0
    for t in np.flatnonzero(path >= 0):
        places, i = found.places[t], path[t]
        if places.kind[i] == RESTING:
            turn_rad = 0.0
            resting[t], visibility[t] = True, np.clip(rest_scores[t], 0, 1)
            similarity[t] = still.home[t]
            continue
        visibility[t] = places.visibility[i]
        if places.kind[i] == FOLLOWED:
            similarity[t] = followed.similarity[t]
            turn_rad = float(np.arctan2(similarity[t, 1, 0], similarity[t, 0, 0]))
            continue
        outlines[t] = seen_outline(found.maps[t], places.centre[i], places.extent[i], scale, mask.shape)
        now = outlines[t].in_picture(mask.shape)
        turn_rad = seen_turn_rad(mask, now, turn_rad)
        similarity[t] = moved_like(mask, now, turn_rad)
    _bridge(similarity, resting, path >= 0, still.hands_px, mask)
    similarity[resting] = still.home[resting]
    return ObjectTrack(mask, similarity, visibility, resting, outlines)


def _bridge(similarity, resting, seen, hands_px, mask) -> None:
    """Fill frames in which it is not seen: at rest between two rests, else the way between, as the hand went."""
    known = np.flatnonzero(seen)
    rows, columns = np.nonzero(mask)
    centre = np.array([columns.mean(), rows.mean(), 1.0])
    for t in np.flatnonzero(~seen):
        before, after = known[known < t][-1], known[known > t]
        if not len(after) or (resting[before] and resting[after[0]]):
            similarity[t], resting[t] = similarity[before], resting[before]
            if not len(after) and not resting[before]:
                similarity[t, :, 2] += _carried(hands_px, before, t, similarity[before] @ centre)
            continue
        share = (t - before) / (after[0] - before)
        similarity[t] = between(similarity[before], similarity[after[0]], share, centre[:2])
        # how the nearest hand deviated from the straight path
        where = similarity[before] @ centre
        way = _carried(hands_px, before, after[0], where)
        similarity[t, :, 2] += _carried(hands_px, before, t, where) - share * way


def _carried(hands_px: np.ndarray, start: int, end: int, where: np.ndarray) -> np.ndarray:  # (2,)
    """How the hand that is nearest to a place at first moves; none where it is not seen."""
    off = np.linalg.norm(hands_px[start] - where, axis=1)
    if not np.isfinite(off).any():
        return np.zeros(2)
    hand = int(np.nanargmin(off))
    return np.nan_to_num(hands_px[end, hand] - hands_px[start, hand])
