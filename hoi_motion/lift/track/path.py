"""The object's path through the clip: the best one over candidates in all frames at once, looking both ways in time.

A place is where the object may be in one frame: at rest, where it was followed to, or where something looks like it.
Places have costs of their own, and so have steps between them: what moves is carried by a hand, at about the same size.
Frames in which it is not seen are skipped.
"""

from dataclasses import dataclass

import cv2
import numpy as np

RESTING = 0
FOLLOWED = 1
FOUND = 2
# sizes in which it is looked for, as shares of its size in the first frame
SIZES = (0.6, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5)
PEAKS_A_SIZE = 4
PLACES_A_FRAME = 8
# an outline this much longer than wide is also searched for lying on its side
LONG = 1.25
# least mean likeness of a place, and the factor by which the likeness of its surroundings counts against it
LEAST_LIKENESS = 0.2
AROUND = 0.5
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
# cost for each object size that a place is off the nearest hand, at rest and moving, up to a limit; nearer is beside it
OFF_HAND = 0.7
OFF_HAND_MOVING = 1.5
OFF_HAND_LIMIT = 1.5
BESIDE_HAND = 0.3


@dataclass(frozen=True)
class Places:
    """Where the object may be in one frame, in working pixels of the still camera.

    Attributes:
        kind: (N,) RESTING, FOLLOWED or FOUND.
        centre, extent: (N, 2) of the box, x and y.
        looks: (N,) cost of its looks alone.
        off_hand: (N,) how far it is from the nearest hand, of `off_hand`; 0 at rest.
    """

    kind: np.ndarray
    centre: np.ndarray
    extent: np.ndarray
    looks: np.ndarray
    off_hand: np.ndarray

    @property
    def cost(self) -> np.ndarray:  # (N,)
        return self.looks + OFF_HAND * self.off_hand

    @property
    def visibility(self) -> np.ndarray:  # (N,) 0..1
        """How sure it is that the object is seen there."""
        return 1 / (1 + np.exp(2 * self.cost))

    @property
    def size(self) -> np.ndarray:  # (N,)
        return np.sqrt(self.extent.prod(1))

    def only(self, i: int) -> "Places":
        """One place of them."""
        return Places(*(values[i : i + 1] for values in vars(self).values()))

    def box(self, i: int) -> np.ndarray:  # (2, 2) int
        """First and last pixel of a place, x and y."""
        return np.round([self.centre[i] - self.extent[i] / 2, self.centre[i] + self.extent[i] / 2]).astype(int)


def like_places(likeness: np.ndarray, extent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes (centre (N, 2), extent (N, 2)) that look most like the object, and by how much, (N,).

    Args:
        likeness: (h, w) of one frame; extent: (2,) of the object's box in the first frame.
    """
    rows = []
    for size in SIZES:
        for box in [extent * size] + ([extent[::-1] * size] if max(extent) > LONG * min(extent) else []):
            w, h = (max(3, int(round(side))) for side in box)
            inside = cv2.boxFilter(likeness, -1, (w, h), borderType=cv2.BORDER_CONSTANT)
            wide = (int(1.5 * w) | 1, int(1.5 * h) | 1)
            both = cv2.boxFilter(likeness, -1, wide, borderType=cv2.BORDER_CONSTANT) * (wide[0] * wide[1])
            around = (both - inside * w * h) / max(wide[0] * wide[1] - w * h, 1)
            value = inside - AROUND * np.maximum(around, -1.0)
            best = value >= cv2.dilate(value, np.ones((max(3, h // 2) | 1, max(3, w // 2) | 1), np.uint8))
            y, x = np.nonzero(best & (inside > LEAST_LIKENESS))
            order = np.argsort(-value[y, x])[:PEAKS_A_SIZE]
            rows += [(value[y[i], x[i]], x[i], y[i], w, h) for i in order]
    rows.sort(reverse=True)
    kept: list = []
    for row in rows:
        size = np.sqrt(row[3] * row[4])
        if all(
            np.hypot(row[1] - k[1], row[2] - k[2]) > 0.35 * np.sqrt(k[3] * k[4])
            or abs(np.log(size**2 / (k[3] * k[4]))) > 0.9
            for k in kept
        ):
            kept.append(row)
        if len(kept) == PLACES_A_FRAME:
            break
    table = np.array(kept, float).reshape(-1, 5)
    return table[:, 1:3], table[:, 3:], table[:, 0]


def off_hand(centre: np.ndarray, extent: np.ndarray, hands: np.ndarray) -> np.ndarray:  # (N,)
    """How far boxes are from the nearest hand, in their sizes, at most OFF_HAND_LIMIT; none is seen: half of that."""
    seen = np.isfinite(hands).all(1)
    if not seen.any():
        return np.full(len(centre), OFF_HAND_LIMIT / 2)
    gap = np.maximum(np.abs(hands[seen][:, None] - centre) - extent / 2, 0)  # (H, N, 2)
    off = np.linalg.norm(gap, axis=2).min(0) / np.sqrt(extent.prod(1)) - BESIDE_HAND
    return np.clip(off, 0, OFF_HAND_LIMIT)


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


def best_path(frames: list[Places], hands: np.ndarray) -> np.ndarray:
    """(T,) index of the place in every frame, -1 where it is not seen.

    Args:
        hands: (T, 2, 2) centres of the hands, NaN where unknown.
    """
    T = len(frames)
    total = [frames[0].cost.copy()]
    back: list[list[tuple[int, int] | None]] = [[None] * len(frames[0].cost)]
    for t in range(1, T):
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


def _step_costs(before: Places, after: Places, hands_before, hands_after, frames: int) -> np.ndarray:  # (N, M)
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
