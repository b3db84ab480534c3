"""The object's path through the clip: the best one over candidates in all frames at once, looking both ways in time.

Places have costs of their own, and so have steps between them: what moves is carried by a hand, at about the same size.
Frames in which it is not seen are skipped.
"""

import numpy as np

from hoi_motion.lift.track.own.places import RESTING, Places
from hoi_motion.progress import CancelToken, check_cancelled

# cost of a frame in which the object is not seen, and how many of them may follow each other
UNSEEN = 0.35
MOST_UNSEEN = 10
# cost of a step by one object size: without a hand, and away from what the hand does
ALONE = 3.0
BESIDE = 1.8
# and of moving at all, without a hand and with one; smaller steps, in object sizes, are none
STARTS_ALONE = 0.6
STARTS_HELD = 0.1
MOVING = 0.1
# what is thrown, kicked or dropped goes its own way, not further than so many sizes a frame: such a step costs no more
# than this where the object is seen clearly afterwards, and more the less it is
ON_ITS_OWN = 1.5
FLIGHT = 2.5
CLEAR = -2.0
UNCLEAR = 3.0
# cost of growing by a factor of e, and of resting in the first place again
GROWTH = 2.0
COMES_BACK = 1.5
# cost for each object size that a place is off the nearest hand when it moves there, besides the place's own
OFF_HAND_MOVING = 1.5


def between_sightings(hands: np.ndarray) -> np.ndarray:  # (T, N, 2) -> (T, N, 2)
    """Hands on the straight way between sightings that are MOST_UNSEEN frames away at most, and held before the first
    and after the last: the hand that has the object may be the one that is not seen."""
    between, frames = hands.copy(), np.arange(len(hands))
    for places in between.swapaxes(0, 1):
        seen = np.flatnonzero(np.isfinite(places).all(1))
        if len(seen):
            near = np.abs(frames[:, None] - seen).min(1) <= MOST_UNSEEN
            places[near] = np.column_stack([np.interp(frames[near], seen, places[seen, i]) for i in (0, 1)])
    return between


def best_path(frames: list[Places], hands: np.ndarray, cancel: CancelToken | None = None) -> np.ndarray:
    """(T,) index of the place in every frame, -1 where it is not seen; the first frame shows it.

    Dynamic programming (Viterbi 1967) over the frames, of which up to MOST_UNSEEN in a row may be skipped.

    Args:
        frames: T candidates; hands: (T, 2, 2) centres of the hands, NaN where unknown.

    Raises:
        ControlError: CANCELLED.
    """
    T = len(frames)
    total = [frames[0].cost.copy()]
    back: list[list[tuple[int, int] | None]] = [[None] * len(frames[0].cost)]
    for t in range(1, T):
        check_cancelled(cancel)
        now, costs, origins = frames[t], [], []
        for s in range(max(0, t - MOST_UNSEEN), t):
            step = _step_costs(frames[s], now, hands[s], hands[t], t - s)
            costs.append(total[s][:, None] + step + UNSEEN * (t - s - 1))
            origins += [(s, i) for i in range(len(frames[s].cost))]
        table = np.concatenate(costs)
        best = table.argmin(0)
        total.append(now.cost + table[best, np.arange(len(best))])
        back.append([origins[i] for i in best])
    ends = [(total[t].min() + UNSEEN * (T - 1 - t), t) for t in range(max(0, T - MOST_UNSEEN), T)]
    t = min(ends)[1]
    i, path = int(total[t].argmin()), np.full(T, -1)
    path[t] = i
    while (origin := back[t][i]) is not None:
        t, i = origin
        path[t] = i
    return path


def _step_costs(before: Places, after: Places, hands_before, hands_after, frames: int) -> np.ndarray:
    """Costs (N, M) of going from each of N places to each of M.

    Args:
        hands_before, hands_after: (2, 2) centres of the hands in the two frames, NaN where unknown.
        frames: how many frames later the second one is.
    """
    step = after.centre[None] - before.centre[:, None]
    size = np.maximum(before.size[:, None], after.size)
    far, slack = np.linalg.norm(step, axis=2) / size, np.sqrt(frames)
    moves = far > MOVING
    cost = ALONE * far / slack + STARTS_ALONE * moves
    for first, last in zip(hands_before, hands_after):
        if np.isfinite(first).all() and np.isfinite(last).all():
            beside = np.linalg.norm(step - (last - first), axis=2) / size
            cost = np.minimum(cost, BESIDE * beside / slack + STARTS_HELD * moves)
    cost += OFF_HAND_MOVING * moves * after.off_hand
    alone = ON_ITS_OWN + UNCLEAR * np.maximum(after.looks - CLEAR, 0) + ALONE * np.maximum(far - FLIGHT * frames, 0)
    cost = np.minimum(cost, alone)
    cost += GROWTH * np.abs(np.log(after.size / before.size[:, None])) / slack
    return cost + COMES_BACK * ((before.kind != RESTING)[:, None] & (after.kind == RESTING))
