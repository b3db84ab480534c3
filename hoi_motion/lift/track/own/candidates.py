"""Candidates for the object's place in each frame, and what each costs by its looks."""

import cv2
import numpy as np

from hoi_motion.lift.track.own.appearance import Template
from hoi_motion.lift.track.own.path import between_sightings
from hoi_motion.lift.track.own.places import FOLLOWED, FOUND, RESTING, Places, like_places, off_hand
from hoi_motion.lift.track.own.small_clip import SmallClip
from hoi_motion.lift.track.own.still_clip import stilled_image
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.progress import CancelToken, check_cancelled

# costs of places: at rest by how much of it looks as it did, at most that of being hidden, more where it is gone
REST_WEIGHT = 6.0
REST_EVEN = 0.45
HIDDEN = 0.45
GONE_WEIGHT = 5.0
GONE_EVEN = 0.15
# where it was followed to, by how sure that is and how much its colours are there
FOLLOWED_WEIGHT = 5.0
FOLLOWED_EVEN = 0.45
FOLLOWED_LIKENESS = 0.5
# what was there in the first frame explains a place so much better than the object does
NOT_IT = -1.5
# where colours like its own are found, by their likeness, which counts up to a limit
FOUND_WEIGHT = 1.2
FOUND_BASE = 0.5
FOUND_MOST = 2.5
# a place found this near to the first one, in object sizes, is at rest or followed
NEAR_REST = 0.15
# so much like itself at its first place, it is surely there; and so much, what it looks like there is learnt
SURELY_AT_REST = 0.7
ADAPT_FROM = 0.6


class Candidates:
    """Where the object may be in each frame: at its first place, where it was followed to, where its colours are.

    Attributes:
        rest_scores: T of 0..1, how surely it rests: its first place looks as it did, or the follower sees it there.
    """

    def __init__(self, clip: SmallClip, followed: ObjectTrack, cancel: CancelToken | None = None):
        """Args: followed: the object, in the still camera's pictures at full size. Raises: ControlError: CANCELLED."""
        self.clip, self.followed = clip, followed
        self.hands = between_sightings(clip.hands)
        scores, self._gone = _first_place(clip, cancel)
        # two looks at the first place, of other sharpness: who follows it has learnt what has changed there meanwhile
        self.rest_scores = np.maximum(scores, np.where(followed.resting, followed.visibility, 0.0)).tolist()

    def frames_surely_at_rest(self) -> list[int]:
        return [t for t, score in enumerate(self.rest_scores) if t == 0 or score > SURELY_AT_REST]

    def at(self, t: int, likeness: np.ndarray, emptied: np.ndarray) -> Places:
        """Those of frame t, at rest the first one, which is the only one of the first frame.

        Args:
            likeness, emptied: (h, w) of that frame, as in `Likeness`.
        """
        centre, extent = self.clip.box
        centre_at_rest = self.clip.home[t] @ np.append(centre, 1.0)
        shown = emptied[self.clip.home_mask(t)]  # nothing, where a camera has turned away from it
        gone = max(float(shown.mean()) if len(shown) else 0.0, self._gone[t])
        at_rest = min(-REST_WEIGHT * (self.rest_scores[t] - REST_EVEN), HIDDEN)
        places = [(RESTING, centre_at_rest, extent, at_rest + GONE_WEIGHT * max(0.0, gone - GONE_EVEN))]
        if t and not self.followed.resting[t]:
            places += self._followed_to(t, likeness)
        if t:
            for found, size, value in zip(*like_places(likeness, extent)):
                if np.linalg.norm(found - centre_at_rest) > NEAR_REST * np.sqrt(extent.prod()):
                    places.append((FOUND, found, size, FOUND_BASE - FOUND_WEIGHT * min(value, FOUND_MOST)))
        kinds, centres, extents, costs = (np.array(column) for column in zip(*places))
        off = off_hand(centres, extents, self.hands[t])
        off[0] = 0.0
        return Places(kinds, centres, extents, costs, off)

    def _followed_to(self, t: int, likeness: np.ndarray) -> list[tuple]:
        """The place to which it was followed, if that is in the picture."""
        moved = cv2.resize(self.followed.mask_at(t).astype(np.uint8) * 255, likeness.shape[::-1]) > 127
        rows, columns = np.nonzero(moved)
        if not len(rows):
            return []
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        alike = float(likeness[moved].mean())
        # another one of its kind, or what is behind it, can be followed just as well
        sure = self.followed.visibility[t] if alike > NOT_IT else 0.0
        cost = FOLLOWED_WEIGHT * (FOLLOWED_EVEN - sure) - FOLLOWED_LIKENESS * alike
        return [(FOLLOWED, (low + high) / 2, high - low + 1.0, cost)]


def _first_place(clip: SmallClip, cancel: CancelToken | None) -> tuple[list[float], list[float]]:
    """Of every frame, 0..1: how much of the first place looks as it did, and how surely the object is gone there."""
    template, scores, gone = Template(clip.images[0], clip.mask), [], []
    for image, home in zip(clip.images, clip.home):
        check_cancelled(cancel)
        image = stilled_image(image, home)
        gone.append(template.emptied(image))
        scores.append(template.score_at_rest(image) * (1 - gone[-1]))
        if scores[-1] > ADAPT_FROM:
            template.adapt_at_rest(image)
    return scores, gone
