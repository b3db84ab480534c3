"""Left/right identity over time.

The detector sometimes takes a person's front for the back and swaps left and right, for single frames or for long.
Three things decide: two views of each frame (plain and mirrored), continuity over time, and the face.
"""

import itertools
from dataclasses import replace

import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.keypoints import track as kp

PAIRED = np.array([11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28])
# two views whose head, shoulders and hips are apart by more than this share of the trunk see different persons
SAME_PERSON = 0.4
# leaving a frame out costs as much as a jump by so many trunks; being unsure of head and trunk costs less. The frame
# before is looked for among so many
LEFT_OUT = 1.0
UNSURE = 0.8
LOOKED_BACK = 12
NARROW = 0.7  # a trunk of less than this share of its usual width is undecided
AROUND = 7  # frames over which that width is taken
FLIPPED = 0.02  # cost of a flipped frame in torso lengths: of two explanations with equal jumps the detector's is taken


def fuse_views(plain: kp.KeypointTrack, mirror: kp.KeypointTrack, size_px=None) -> kp.KeypointTrack:
    """One consistent track from the plain and the mirrored view of every frame; size_px: the picture's."""
    flips = resolve_flips(plain, mirror)
    if np.mean(flips[0] != flips[1]) > 0.5:
        # the views disagree over most of the clip: the one whose face agrees is right
        wrong = int(facing_score(mirror) < facing_score(plain))
        flips = flips if flips[wrong].mean() > 0.5 else ~flips
    views = [flip_frames(view, flip) for view, flip in zip((plain, mirror), flips)]
    believed = believed_views(*views, size_px)
    believed &= ~undecided_views(*views, believed)
    return _averaged(*(replace(view, seen=use) for view, use in zip(views, believed)))


def undecided_views(plain: kp.KeypointTrack, mirror: kp.KeypointTrack, seen: np.ndarray) -> np.ndarray:  # (2, T) bool
    """Views of a trunk much narrower than in the frames around.

    A detector that cannot tell front from back draws both shoulders in the middle between left and right, in single
    frames. Someone who turns sideways narrows gradually.

    Args:
        seen: (2, T) bool, the views that count.
    """
    if not seen.any():
        return seen
    ends = np.stack([plain.body_px, mirror.body_px])[
        :, :, np.array([kp.TORSO[:2], kp.TORSO[2:]]), :2
    ]  # (2, T, 2, 2, 2)
    width_px = np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1).sum(-1)
    widest, known = np.where(seen, width_px, 0.0).max(0), np.flatnonzero(seen.any(0))
    usual = np.interp(np.arange(seen.shape[1]), known, median_filter(widest[known], AROUND, mode="nearest"))
    return width_px < NARROW * usual


def believed_views(plain: kp.KeypointTrack, mirror: kp.KeypointTrack, size_px=None) -> np.ndarray:  # (2, T) bool
    """Which views to use in each frame: both where they agree on a person, else the one that fits its neighbours.

    The mean of two different persons is nobody. The cheapest path over time (Viterbi) decides, by how sure a view is of
    head and trunk and how far they jump; frames whose views fit nothing are left out.

    Args:
        size_px: height, width of the picture; what lies outside is a guess.
    """
    points = np.stack([_head_and_trunk(view, size_px) for view in (plain, mirror)])  # (2, T, 3, 3)
    seen = np.stack([plain.seen, mirror.seen])
    believed = np.zeros(seen.shape, bool)
    if not seen.any():
        return believed
    trunk_px = np.median(np.linalg.norm(points[seen][:, 1, :2] - points[seen][:, 2, :2], axis=-1)) + 1e-6
    agree = views_agree(plain, mirror)
    # a candidate: its frame, which views it uses, where it has head and trunk
    candidates = []
    for t in range(plain.num_frames):
        if agree[t]:
            candidates.append((t, [True, True], points[:, t].mean(0)))
        else:
            candidates += [(t, [v == 0, v == 1], points[v, t]) for v in range(2) if seen[v, t]]
    cost, came_from = np.zeros(len(candidates)), np.full(len(candidates), -1)
    for i, (t, _, here) in enumerate(candidates):
        best = LEFT_OUT * t
        for j in range(max(0, i - 2 * LOOKED_BACK), i):
            if candidates[j][0] == t:
                continue
            there = candidates[j][2]
            weight = np.sqrt(here[:, 2] * there[:, 2])
            # guesses may jump
            jump = weight @ np.linalg.norm(here[:, :2] - there[:, :2], axis=-1) / max(weight.sum(), 1.0) / trunk_px
            total = cost[j] + LEFT_OUT * (t - candidates[j][0] - 1) + jump
            if total < best:
                best, came_from[i] = total, j
        cost[i] = best + UNSURE * (1 - here[:, 2].mean())
    frames_left = plain.num_frames - 1 - np.array([t for t, _, _ in candidates])
    i = int((cost + LEFT_OUT * frames_left).argmin())
    while i >= 0:
        believed[:, candidates[i][0]] = candidates[i][1]
        i = came_from[i]
    return believed


def views_agree(plain: kp.KeypointTrack, mirror: kp.KeypointTrack) -> np.ndarray:  # (T,) bool
    """Frames in which both views see a person in the same place, left and right aside."""
    a, b = _head_and_trunk(plain), _head_and_trunk(mirror)
    trunk_px = np.maximum(*(np.linalg.norm(view[:, 1, :2] - view[:, 2, :2], axis=-1) for view in (a, b)))
    apart = np.linalg.norm(a[..., :2] - b[..., :2], axis=-1).mean(1)
    return plain.seen & mirror.seen & (apart <= SAME_PERSON * trunk_px)


def _head_and_trunk(track: kp.KeypointTrack, size_px=None) -> np.ndarray:  # (T, 3, 3)
    """Nose, middle of the shoulders and of the hips: x, y, confidence."""
    body = (track if size_px is None else kp.within_image(track, size_px)).body_px
    shoulders, hips = (body[:, list(pair)].mean(1) for pair in (kp.TORSO[:2], kp.TORSO[2:]))
    return np.stack([body[:, kp.NOSE], shoulders, hips], 1)


def resolve_flips(*views: kp.KeypointTrack) -> np.ndarray:  # (V, T) bool
    """Frames in which a view has left and right swapped, by the cheapest path over time (Viterbi).

    Its states are what is swapped in which view: two views of one person must agree in every frame, or where one turned
    about between two frames the other would be left behind. A swap costs how far the paired joints jump, in torso
    lengths, two views how far they are apart; a flipped frame costs a little by itself.
    """
    T = views[0].num_frames
    if sum(int(view.seen.sum()) for view in views) < 2:
        return np.zeros((len(views), T), bool)
    bodies = [_carried(view) for view in views]
    torsos = [b[v.seen] for b, v in zip(bodies, views)]
    torsos = [np.linalg.norm(b[:, [11, 12], :2].mean(1) - b[:, [23, 24], :2].mean(1), axis=-1) for b in torsos]
    scale = np.median(np.concatenate(torsos)) + 1e-6
    states = np.array(list(itertools.product([False, True], repeat=len(views))))  # (S, V)
    here = np.tile(FLIPPED * states.sum(1), (T, 1))  # (T, S)
    if len(views) == 2:
        apart = [_distances(bodies[0], other) / scale for other in (bodies[1], bodies[1][:, kp.MIRRORED_BODY])]
        one_person = views_agree(*views)
        here += np.where(one_person, apart, 0.0).T[:, (states[:, 0] != states[:, 1]).astype(int)]
    step = np.zeros((T - 1, len(states), len(states)))
    for v, body in enumerate(bodies):
        stay = _distances(body[1:], body[:-1]) / scale
        change = _distances(body[1:], body[:-1, kp.MIRRORED_BODY]) / scale
        changes = states[:, None, v] != states[None, :, v]
        step += np.where(changes, change[:, None, None], stay[:, None, None])
    cost, back = here[0], []
    for t in range(1, T):
        options = cost[:, None] + step[t - 1]
        back.append(options.argmin(0))
        cost = options.min(0) + here[t]
    path = [int(cost.argmin())]
    for came_from in reversed(back):
        path.append(int(came_from[path[-1]]))
    return states[path[::-1]].T & np.stack([view.seen for view in views])


def _carried(view: kp.KeypointTrack) -> np.ndarray:  # (T, 33, 3)
    """The body of every frame, of the last one seen where nothing was."""
    known = np.flatnonzero(view.seen)
    if not len(known):
        return view.body_px
    last = np.searchsorted(known, np.arange(view.num_frames), side="right") - 1
    return view.body_px[known[np.maximum(last, 0)]]


def facing_score(track: kp.KeypointTrack) -> float:
    """How well 2D face and shoulders agree: positive when nose side and left/right order agree.

    Facing the camera, the left shoulder is right of the right one in the picture, and the nose is seen (confident and
    before the ears in depth).
    """
    body, hint = track.body_px[track.seen], track.body_hint_m[track.seen]
    if not len(body):
        return 0.0
    frontal = np.sign(body[:, kp.L_SHOULDER, 0] - body[:, kp.R_SHOULDER, 0])
    nose_before_ears = hint[:, [kp.L_EAR, kp.R_EAR], 2].mean(1) - hint[:, kp.NOSE, 2]
    face_seen = body[:, [kp.NOSE, kp.L_EYE, kp.R_EYE], 2].mean(1) - 0.5
    return float(np.mean(frontal * (np.tanh(nose_before_ears / 0.05) + face_seen)))


def flip_frames(track: kp.KeypointTrack, flip: np.ndarray) -> kp.KeypointTrack:
    """Swap left and right in the given frames; a swapped body was seen front to back, so its depth turns too."""
    if not flip.any():
        return track
    body, hint = track.body_px.copy(), track.body_hint_m.copy()
    left, right = track.left_hand_px.copy(), track.right_hand_px.copy()
    body[flip] = body[flip][:, kp.MIRRORED_BODY]
    hint[flip] = hint[flip][:, kp.MIRRORED_BODY] * [1, 1, -1]
    left[flip], right[flip] = track.right_hand_px[flip], track.left_hand_px[flip]
    return replace(track, body_px=body, body_hint_m=hint, left_hand_px=left, right_hand_px=right)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:  # (T, 33, 3), (T, 33, 3) -> (T,)
    """Confidence-weighted mean distance of the paired joints, pixels."""
    weight = np.sqrt(a[:, PAIRED, 2] * b[:, PAIRED, 2]) + 1e-3
    distance = np.linalg.norm(a[:, PAIRED, :2] - b[:, PAIRED, :2], axis=-1)
    return (weight * distance).sum(1) / weight.sum(1)


def _averaged(a: kp.KeypointTrack, b: kp.KeypointTrack) -> kp.KeypointTrack:
    """Confidence-weighted mean of two views; where they disagree about a point, its confidence falls."""
    scale = max(a.person_height_px(), b.person_height_px(), 1.0)
    merged = {}
    for name in ("body_px", "left_hand_px", "right_hand_px"):
        pa, pb = getattr(a, name), getattr(b, name)
        wa, wb = pa[..., 2:] * a.seen[:, None, None], pb[..., 2:] * b.seen[:, None, None]
        total = wa + wb
        xy = np.where(total > 1e-6, (wa * pa[..., :2] + wb * pb[..., :2]) / np.maximum(total, 1e-6), pa[..., :2])
        gap = np.linalg.norm(pa[..., :2] - pb[..., :2], axis=-1) / scale
        both = (wa[..., 0] > 0) & (wb[..., 0] > 0)
        agreement = np.where(both, 1 / (1 + (gap / 0.04) ** 2), 1.0)
        share = np.where(both, 0.5, 1.0)
        merged[name] = np.concatenate([xy, (total[..., 0] * share * agreement)[..., None]], axis=-1)
    weight_a, weight_b = a.seen.astype(float), b.seen.astype(float)
    total = np.maximum(weight_a + weight_b, 1e-6)[:, None, None]
    hint = (weight_a[:, None, None] * a.body_hint_m + weight_b[:, None, None] * b.body_hint_m) / total
    return replace(a, body_hint_m=hint, seen=a.seen | b.seen, **merged)
