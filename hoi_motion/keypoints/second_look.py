"""A second look at the frames in which a detector doubts what it sees: the same person in other crops, without memory.

A detector that tracks carries a wrong start on, and one crop errs in its own way; where several looks at a frame agree,
that is where the person is.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hoi_motion.keypoints import track as kp

# a frame is doubted where head, arms and trunk have less than this confidence on average
DOUBTED = 0.7
# of a clip's frames at most this share is seen again: a look costs up to twice what a frame cost before
MOST_SHARE = 0.6
JUDGED = (kp.NOSE, *range(kp.L_SHOULDER, kp.R_WRIST + 1), kp.L_HIP, kp.R_HIP)
ARMS_AND_TRUNK = JUDGED[1:]
# a look whose head, shoulders and hips are on average further away than this share of the trunk sees somebody else, or
# nobody
SAME_PERSON = 0.5
# the track's own frame counts as so many looks: it is two views on average
OWN = 2.0
# the confidence of a point falls by half for a look that is so far off, as a share of the person's height
HALF_OFF = 0.04
LEAST_WEIGHT = 0.01


def doubted_frames(track: kp.KeypointTrack) -> np.ndarray:  # (T,) bool
    return _sureness(track) < DOUBTED


def worth_a_look(track: kp.KeypointTrack, doubted: np.ndarray) -> np.ndarray:  # (T,) bool -> (T,) bool
    """The doubted frames, or where they are more than MOST_SHARE of the clip so many of them: of neighbours the most
    doubted, so that no part of the clip goes without."""
    frames, most = np.flatnonzero(doubted), int(MOST_SHARE * track.num_frames)
    if len(frames) <= most:
        return doubted
    sure = _sureness(track)
    edges = np.linspace(0, len(frames), most + 1).round().astype(int)
    chosen = [min(frames[a:b], key=lambda t: sure[t]) for a, b in zip(edges, edges[1:])]
    return np.isin(np.arange(track.num_frames), chosen)


def _sureness(track: kp.KeypointTrack) -> np.ndarray:  # (T,)
    return track.body_px[:, JUDGED, 2].mean(1)


def looked_again(
    frames: np.ndarray,  # (T, H, W, 3) u8
    track: kp.KeypointTrack,
    doubted: np.ndarray,  # (T,) bool
    look: Callable[[np.ndarray, np.ndarray], list[np.ndarray]],
) -> kp.KeypointTrack:
    """The track with the body of doubted frames where most looks see it.

    Args:
        look: from a frame and the body (33, 3) in it to the people (33, 3) that are seen around there.
    """
    body_px, seen, height_px = track.body_px.copy(), track.seen.copy(), max(track.person_height_px(), 1.0)
    for t in np.flatnonzero(doubted):
        own = track.body_px[t]
        looks = [sided for sided in (_same_sides(other, own) for other in look(frames[t], own)) if _same(sided, own)]
        if looks:
            body_px[t], seen[t] = agreed(np.stack([own, *looks]), height_px), True
    return replace(track, body_px=body_px, seen=seen)


def agreed(looks: np.ndarray, height_px: float) -> np.ndarray:  # (L, 33, 3) -> (33, 3)
    """Weighted medians of the points, the first look counting OWN times; confidence falls where looks lie apart.

    Args:
        height_px: the person's.
    """
    weight = np.array([OWN, *np.ones(len(looks) - 1)])[:, None]  # (L, 1)
    surely = weight * (looks[..., 2] + LEAST_WEIGHT)
    xy = np.stack([_weighted_median(looks[..., c], surely) for c in range(2)], -1)
    apart = np.linalg.norm(looks[..., :2] - xy, axis=-1) / (HALF_OFF * height_px)
    confidence = (weight * looks[..., 2] / (1 + apart**2)).sum(0) / weight.sum()
    return np.column_stack([xy, confidence])


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:  # (L, N), (L, N) -> (N,)
    """Where half of the weight is passed, each value's weight lying half before and half behind it."""
    order = values.argsort(0)
    values, weights = (np.take_along_axis(a, order, 0) for a in (values, weights))
    passed = weights.cumsum(0)
    return np.array(
        [np.interp(0.5 * p[-1], p - 0.5 * w, v) for p, w, v in zip(passed.T, weights.T, values.T, strict=True)]
    )


def _same_sides(other: np.ndarray, own: np.ndarray) -> np.ndarray:  # (33, 3)
    """Another look with left and right as in the track."""
    turned = other[kp.MIRRORED_BODY]
    off, turned_off = (
        np.linalg.norm(body[ARMS_AND_TRUNK, :2] - own[ARMS_AND_TRUNK, :2], axis=1).sum() for body in (other, turned)
    )
    return other if off <= turned_off else turned


def _same(other: np.ndarray, own: np.ndarray) -> bool:
    """Whether two looks see the same person."""

    def head_and_trunk(body: np.ndarray) -> np.ndarray:  # (3, 2)
        return np.stack([body[kp.NOSE, :2], *(body[list(pair), :2].mean(0) for pair in (kp.TORSO[:2], kp.TORSO[2:]))])

    here, there = head_and_trunk(own), head_and_trunk(other)
    trunk_px = np.linalg.norm(here[1] - here[2])
    return bool(np.linalg.norm(here - there, axis=1).mean() <= SAME_PERSON * trunk_px)
