"""Where a frame looks like the object: its colours, compared with those of the room and of people in front of it.

The room is known: it is the first frame, moved with the camera, and what appears where person and object were. So
whatever looks like the object and was there from the start is not the object. Its own colours are those that it has in
the first frame, and what it shows where it is found later.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter

# bins of lightness and of the two colour axes
BINS = (12, 16, 16)
BIN_SPREAD = 0.8
BIN_VOLUME = 256**3 / (BINS[0] * BINS[1] * BINS[2])
# what a pixel of the background shows: itself, give or take the video's noise; some person; something like the rest of
# the picture; anything
SHARES = (0.3, 0.35, 0.17, 0.1)
# and what a pixel of the person's head shows besides: that head
HEAD = 0.8
LEAST_NOISE = 5.0
LIMIT = 3.0
LEAST_PERSON_PX = 20
# the object's own colours change a little
ANYTHING = 0.1
# so many times as frequent as any other is a colour that somebody has
COMMON = 5.0
# from this likeness on a pixel is what it was in another frame
AS_IT_WAS = 0.5
# so many working pixels beside it are its surroundings
BESIDE_PX = 6
# how much the colours count that it has shown since
SINCE = 0.5
# fingers cover at most this share of what is marked: what looks like the hand beyond that is the object's own colour
MOST_COVERED = 0.5
LEAST_HAND_PX = 6


@dataclass(frozen=True)
class Likeness:
    """Log ratios in the first frame's coordinates (camera motion taken out), at working resolution.

    Attributes:
        maps: (T, h, w) log of how much better the object explains a pixel than all else, within +-LIMIT.
        emptied: (T, h, w) 0..1, how much a pixel inside the first mask looks like what appears there later, unlike the
            object.
    """

    maps: np.ndarray
    emptied: np.ndarray


def object_likeness(
    images: list[np.ndarray],
    mask: np.ndarray,
    persons: np.ndarray,
    bare: np.ndarray,
    heads: np.ndarray,
    hands: np.ndarray,
    seen: np.ndarray | None = None,
) -> Likeness:
    """Compare every frame with object and background.

    Args:
        images: T of (h, w, 3) Lab u8, camera motion taken out; mask: (h, w) bool, the object in the first one.
        persons: (T, h, w) bool, where a person is; bare: (T, h, w) bool, of that what no held object can hide.
        heads: (T, h, w) bool, where their heads are: of hair and skin as the bare ones are, whatever else has that
            colour.
        hands: (N, h, w) bool, where hands are in the first frame; what of one that is at the object was marked along
            with it is not the object.
        seen: (T, h, w) bool, where the object has been found since: what it shows there that neither room nor people
            do is its own, too. As it turns its colours change.
    """
    person = persons[0]
    stack = np.stack(images).astype(np.float32)
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    room = stack[0].copy()
    behind = grown | person
    bare = bare & ~grown
    room[behind] = np.median(stack[len(stack) // 3 :, behind], axis=0)
    # where somebody stands in all later frames none of it is seen: what stays before them without having their colours,
    # such as a cup at their mouth, is not the room
    always = person & ~grown & persons[len(stack) // 3 :].all(0)
    if bare[0].sum() > LEAST_PERSON_PX:
        always &= _colours(images[0][bare[0]])[_bins(room)] < COMMON / np.prod(BINS)
        room[always] = stack[0][always]
    own = _own_colours(images[0], mask, grown, hands)
    rest = _colours(images[0][~grown])
    if seen is not None:
        bare &= ~seen
    people = _colours(stack[bare].astype(np.uint8)) if bare.sum() > LEAST_PERSON_PX else rest
    head = _colours(stack[bare & heads].astype(np.uint8)) if (bare & heads).sum() > LEAST_PERSON_PX else people
    uniform = 1.0 / np.prod(BINS)
    off = ((stack - room) ** 2).sum(-1)
    noise = max(LEAST_NOISE, float(np.sqrt(np.median(off[:, ~behind]) / 2.4)) * 1.2)
    peak = min(1.0, BIN_VOLUME / ((2 * np.pi) ** 1.5 * noise**3))
    same = np.exp(-off / (2 * noise**2))
    if seen is not None:
        own = _with_later_colours(own, images, seen, SHARES[0] * peak * same, people, head, heads)
    its_log, other = [], []
    for t, image in enumerate(images):
        bins = _bins(image)
        its_log.append(np.log((1 - ANYTHING) * own[bins] + ANYTHING * uniform))
        other.append(
            SHARES[1] * people[bins] + SHARES[2] * rest[bins] + SHARES[3] * uniform + HEAD * heads[t] * head[bins]
        )
    if seen is not None:
        # what looks like it where it was seen, at or beside its first place, and is later as it was then, is it and not
        # the room; what was beside it from the start, such as its twin, is the room
        it = seen & (its_log > np.log(other)) & (same > AS_IT_WAS)
        same[:, grown & it.any(0) & (mask | (same[0] <= AS_IT_WAS))] = 0.0
    maps = np.empty(off.shape, np.float32)
    for t in range(len(images)):
        unchanged = SHARES[0] * peak * same[t]
        # behind the object itself nothing is known while it rests
        if t * 3 < len(images):
            unchanged[grown] = 0.0
        maps[t] = its_log[t] - np.log(unchanged + other[t])
    # what is revealed differs from the object; what has its colours may be itself, shifted or pressed together
    differs = np.clip(np.sqrt(((room - stack[0]) ** 2).sum(-1)) / (3 * noise) - 0.5, 0, 1) * mask
    differs *= ~_has_its_colours(room, own, images[0], grown | person)
    return Likeness(np.clip(maps, -LIMIT, LIMIT), same * differs)


def _has_its_colours(room: np.ndarray, own: np.ndarray, image: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Pixels (h, w) of the room whose colours the object has, and what surrounds it and the person has not."""
    reach = np.ones((2 * BESIDE_PX + 1, 2 * BESIDE_PX + 1), np.uint8)
    beside = image[(cv2.dilate(covered.astype(np.uint8), reach) > 0) & ~covered]
    bins, least = _bins(room), np.full(BINS, 1 / np.prod(BINS))
    return own[bins] > COMMON * np.maximum(least, _colours(beside) if len(beside) else 0.0)[bins]


def _own_colours(image: np.ndarray, mask: np.ndarray, grown: np.ndarray, hands: np.ndarray) -> np.ndarray:
    """Of what is marked, without the fingers over it: what has the hand's colours more than the object's."""
    own = _colours(image[mask])
    beside = hands[(hands & grown).any((1, 2))].any(0) & ~grown
    if beside.sum() < LEAST_HAND_PX:
        return own
    bins = _bins(image)
    fingers = mask & (_colours(image[beside])[bins] > own[bins])
    return _colours(image[mask & ~fingers]) if fingers.sum() <= MOST_COVERED * mask.sum() else own


def _with_later_colours(own, images, seen, unchanged, people, head, heads) -> np.ndarray:
    """The object's colours with those that it shows where it is seen, and neither the room there nor people have."""
    uniform, shown = 1.0 / np.prod(BINS), []
    for t in np.flatnonzero(seen.any((1, 2))):
        bins = _bins(images[t])
        new = (unchanged[t] < uniform) & (people[bins] + heads[t] * head[bins] < uniform)
        shown.append(images[t][seen[t] & new])
    if not sum(len(pixels) for pixels in shown):
        return own
    return (1 - SINCE) * own + SINCE * _colours(np.concatenate(shown))


def _bins(image: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(image[..., i].astype(int) * count // 256 for i, count in enumerate(BINS))


def _colours(pixels: np.ndarray) -> np.ndarray:  # (N, 3) -> BINS
    """Smoothed shares of colours."""
    counts = np.zeros(BINS, np.float32)
    np.add.at(counts, _bins(pixels), 1)
    smooth = gaussian_filter(counts, BIN_SPREAD, mode="nearest")
    return smooth / smooth.sum()
