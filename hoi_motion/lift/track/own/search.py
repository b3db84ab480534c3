"""The object sought in the whole clip, in three rounds, of which each knows more about what looks like it."""

from dataclasses import dataclass

import cv2
import numpy as np

from hoi_motion.lift.track.own.candidates import Candidates
from hoi_motion.lift.track.own.likeness import Likeness, object_likeness
from hoi_motion.lift.track.own.outline import seen_pixels
from hoi_motion.lift.track.own.path import best_path
from hoi_motion.lift.track.own.places import RESTING, Places, in_box
from hoi_motion.lift.track.own.small_clip import SmallClip, near_points
from hoi_motion.progress import CancelToken, check_cancelled

# its colours are learnt where it is seen so surely
LEARNT = 0.8
# what looks like it elsewhere in more of the last so many frames at its first place is something else
DOUBLES_FRAMES = 12
DOUBLES_QUANTILE = 0.8
# it has not left its first place while it is seen within so many object sizes of it
AT_HOME = 0.5
# in a turning camera's picture, stilled, that lies within so many working pixels
CAMERA_PX = 5


@dataclass(frozen=True)
class Found:
    """Where the object was found.

    Attributes:
        places: T candidates; path: (T,) which of them it is, -1 where it is not seen.
        maps: (T, h, w) the likeness by which it was found.
    """

    places: list[Places]
    path: np.ndarray
    maps: np.ndarray

    def frames_at_home(self) -> list[int]:
        """Frames in which the path sees it where it was at first, before it sees it elsewhere; at least the first."""
        home = []
        for t in np.flatnonzero(self.path >= 0):
            at_rest, now = self.places[t].centre[[0, self.path[t]]]
            if np.linalg.norm(now - at_rest) > AT_HOME * self.places[t].size[0]:
                break
            home.append(int(t))
        return home

    def boxes(self, frames: list[int]) -> list[np.ndarray]:  # (2, 2) each
        """First and last pixels of where it was found in these frames."""
        return [self.places[t].box(self.path[t]) for t in frames]

    def seen(self, clip: SmallClip) -> np.ndarray:  # (T, h, w) bool
        """Pixels of the object where it is surely seen elsewhere than at first."""
        seen = np.zeros(self.maps.shape, bool)
        for t in np.flatnonzero(self.path >= 0):
            places, i = self.places[t], self.path[t]
            if places.kind[i] != RESTING and places.visibility[i] >= LEARNT:
                may_be_hand = near_points(clip.hands[t], clip.mask.shape, clip.side)
                seen[t] = seen_pixels(self.maps[t], places.box(i), may_be_hand)
        return seen


def searched(clip: SmallClip, candidates: Candidates, cancel: CancelToken | None = None) -> Found:
    """The cheapest path through the candidates: by its first colours, again without what has looked like it while it
    was still at its first place, and, where it has not been seen, by the colours that it shows elsewhere: it turns.

    Raises:
        ControlError: CANCELLED.
    """
    likeness = object_likeness(clip.images, clip.mask, clip.people, cancel=cancel)
    frames = range(len(clip.images))

    def of(maps: np.ndarray, t: int) -> Places:
        check_cancelled(cancel)
        return candidates.at(t, maps[t], likeness.emptied[t])

    # 1. it is surely at rest where its first place looks as it did
    maps = _without_doubles(likeness, clip, candidates.frames_surely_at_rest(), [])
    places = [of(maps, t) for t in frames]
    first = Found(places, best_path(places, clip.hands, cancel), maps)

    # 2. the path says until when it was there
    home = first.frames_at_home()
    if home[-1] == frames[-1]:
        return first
    boxes = first.boxes(home)
    maps = _without_doubles(likeness, clip, home, boxes)
    places = [places[t] if t <= home[-1] else of(maps, t) for t in frames]
    second = Found(places, best_path(places, clip.hands, cancel), maps)

    # 3. where it has been seen there is no other place; outlines are drawn with the learnt colours everywhere
    seen = second.seen(clip)
    if not seen.any() or (second.path >= 0).all():
        return second
    home = second.frames_at_home()
    likeness = object_likeness(clip.images, clip.mask, clip.people, seen, cancel)
    maps = _without_doubles(likeness, clip, home, second.boxes(home))
    places = [places[t].only(i) if i >= 0 else of(maps, t) for t, i in enumerate(second.path)]
    return Found(places, best_path(places, clip.hands, cancel), maps)


def _without_doubles(
    likeness: Likeness, clip: SmallClip, at_home: list[int], boxes: list[np.ndarray]
) -> np.ndarray:  # (T, h, w)
    """Likeness without that of places which looked like the object while it was at its first place.

    Args:
        at_home: frames in which it was there; boxes: (2, 2) in which it was itself meanwhile, besides that place.
    """
    lately = at_home[-DOUBLES_FRAMES:]
    own = np.any([clip.home_mask(t) for t in lately] + [in_box(box, clip.mask.shape) for box in boxes], axis=0)
    own = cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    doubles = np.quantile(likeness.maps[lately], DOUBLES_QUANTILE, axis=0)
    if clip.camera_moves:
        doubles = cv2.dilate(doubles.astype(np.float32), np.ones((CAMERA_PX, CAMERA_PX), np.uint8))
    return likeness.maps - np.where(own, 0.0, np.maximum(doubles, 0)).astype(np.float32)
