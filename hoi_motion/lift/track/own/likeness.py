"""Where a frame looks like the object: its colours, compared with those of the room and of people in front of it.

Its own colours are those that it has in the first frame, and what it shows where it is found later. A pixel shows the
object or something else: the room, some person, whatever else is in the picture, or anything. Each explains colours
with a probability, and the ratio of those is the likeness.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from hoi_motion.lift.track.own.colours import EVEN, Bins, Colours, bins_of
from hoi_motion.lift.track.own.room import LEAST_PERSON_PX, Room
from hoi_motion.lift.track.own.small_clip import People
from hoi_motion.progress import CancelToken, check_cancelled

# how often a pixel that is not the object shows the room's very colour there; some person; something like the rest of
# the picture; anything
BY_ROOM, BY_PERSON, BY_REST, BY_ANYTHING = 0.3, 0.35, 0.17, 0.1
# and how often one of a person's head shows that head, besides
BY_HEAD = 0.8
# the object's own colours change: so often it shows anything
CHANGES = 0.1
LIMIT = 3.0
# from this likeness on a pixel is what it was in another frame
AS_IT_WAS = 0.5
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
    people: People,
    seen: np.ndarray | None = None,
    cancel: CancelToken | None = None,
) -> Likeness:
    """Compare every frame with object and background.

    Args:
        images: T of (h, w, 3) Lab u8, camera motion taken out; mask: (h, w) bool, the object in the first one.
        people: where they are; what of a hand that is at the object was marked along with it is not the object.
        seen: (T, h, w) bool, where the object has been found since: what it shows there that neither room nor people
            do is its own, too. As it turns its colours change.

    Raises:
        ControlError: CANCELLED.
    """
    check_cancelled(cancel)
    pictures, around = np.stack(images), cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    bare = people.bare & ~around
    room = Room.of(pictures, around, people.anywhere, bare[0])
    shows_room = room.shown_in(pictures)
    others = _Others.of(pictures, around, bare if seen is None else bare & ~seen, people.heads)
    own = _marked_colours(images[0], mask, around, people.hands)
    if seen is not None:
        own = _with_later_colours(own, images, seen, BY_ROOM * room.sharpness * shows_room, others)
        alike = [_own_log(own, bins) > np.log(others.at(bins, t)) for t, bins in enumerate(map(bins_of, images))]
        as_it_was = (seen & alike & (shows_room > AS_IT_WAS)).any(0)
        # it stays at its first place, pressed or shifted a little; its twin beside it was there from the start
        room = room.without(around & as_it_was & (mask | (shows_room[0] <= AS_IT_WAS)))
        shows_room *= room.known
    maps = np.empty(shows_room.shape, np.float32)
    for t, bins in enumerate(map(bins_of, images)):
        check_cancelled(cancel)
        by_room = BY_ROOM * room.sharpness * shows_room[t]
        if t < len(images) / 3:  # while it may still rest, nothing is known of what is behind it
            by_room[around] = 0.0
        maps[t] = _own_log(own, bins) - np.log(by_room + others.at(bins, t))
    return Likeness(np.clip(maps, -LIMIT, LIMIT), shows_room * room.uncovered(mask, own))


@dataclass(frozen=True)
class _Others:
    """Colours of what is neither the object nor the room at its place.

    Attributes:
        people, heads: of people, and of their heads; rest: of all but the object in the first picture.
        where_heads: (T, h, w) bool.
    """

    people: Colours
    heads: Colours
    rest: Colours
    where_heads: np.ndarray

    @classmethod
    def of(cls, pictures: np.ndarray, around: np.ndarray, bare: np.ndarray, heads: np.ndarray) -> "_Others":
        """Args: as in `object_likeness` and `Room.of`; bare: (T, h, w) bool, of people what shows no object."""
        rest = Colours.of(pictures[0][~around])
        people = Colours.of(pictures[bare]) if bare.sum() > LEAST_PERSON_PX else rest
        of_heads = Colours.of(pictures[bare & heads]) if (bare & heads).sum() > LEAST_PERSON_PX else people
        return cls(people, of_heads, rest, heads)

    def at(self, bins: Bins, t: int) -> np.ndarray:  # (h, w)
        """How often pixels of picture t would have their colours if they showed none of object and room."""
        anyone = BY_PERSON * self.people.at(bins) + BY_REST * self.rest.at(bins) + BY_ANYTHING * EVEN
        return anyone + BY_HEAD * self.where_heads[t] * self.heads.at(bins)

    def people_at(self, bins: Bins, t: int) -> np.ndarray:  # (h, w)
        """How often people have the colours of picture t."""
        return self.people.at(bins) + self.where_heads[t] * self.heads.at(bins)


def _own_log(own: Colours, bins: Bins) -> np.ndarray:  # (h, w)
    """Logarithm of how often pixels of the object have these colours."""
    return np.log((1 - CHANGES) * own.at(bins) + CHANGES * EVEN)


def _marked_colours(image: np.ndarray, mask: np.ndarray, around: np.ndarray, hands: np.ndarray) -> Colours:
    """Of what is marked, without the fingers over it: what has the hand's colours more than the object's."""
    own = Colours.of(image[mask])
    beside = hands[(hands & around).any((1, 2))].any(0) & ~around
    if beside.sum() < LEAST_HAND_PX:
        return own
    bins = bins_of(image)
    fingers = mask & (Colours.of(image[beside]).at(bins) > own.at(bins))
    return Colours.of(image[mask & ~fingers]) if fingers.sum() <= MOST_COVERED * mask.sum() else own


def _with_later_colours(
    own: Colours, images: list[np.ndarray], seen: np.ndarray, by_room: np.ndarray, others: _Others
) -> Colours:
    """The object's colours with those that it shows where it is seen, and neither the room there nor people have."""
    shown = []
    for t in np.flatnonzero(seen.any((1, 2))):
        new = (by_room[t] < EVEN) & (others.people_at(bins_of(images[t]), t) < EVEN)
        shown.append(images[t][seen[t] & new])
    if not sum(len(pixels) for pixels in shown):
        return own
    return own.mixed(Colours.of(np.concatenate(shown)), SINCE)
