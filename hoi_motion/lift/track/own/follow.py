"""The masked object followed from frame to frame: where it is, how much of it looks like itself.

A place test (does the masked region still look as in the first frame?) carries objects that rest and survives a hand
passing in front; optical flow, checked forward and backward, and an appearance search carry objects that move. What
motion or a video model has smeared is looked for again with wider colours, where the first frame showed none like it.
"""

import cv2
import numpy as np

from hoi_motion.errors import counted
from hoi_motion.lift.track.own.appearance import Template
from hoi_motion.lift.track.similarity import IDENTITY, in_scaled_pictures, transformed
from hoi_motion.lift.track.track import ObjectTrack, no_track
from hoi_motion.progress import CancelToken, OnProgress, silent

# the object's side in the pictures that are worked on, and the longest side of these
WORK_OBJECT_PX = 40.0
MAX_WORK_SIDE_PX = 960
# shares of points that look like the object: from the first on it rests in its first place, below the second it is lost
REST_SCORE = 0.55
LOST_SCORE = 0.3
# from this one on what has left its first place is back there
RETURNED_SCORE = 0.75
# below this one it is searched for around where it should be
SEARCHED_SCORE = 0.7
# above this one its look is learnt, and the hand at it may hold it
SURE_SCORE = 0.5
# what leaves its first place scores so much better elsewhere than there, and than what was elsewhere from the start
LEAVING = 0.1
# sizes that the hand has carried it, when its first place looks empty and it went along
TAKEN = 0.5
# sizes from its first place within which it is there, however little is seen of it; and the share of frames between two
# sightings there in which it must be followed elsewhere to have been away
HOME = 0.05
MOSTLY_AWAY = 0.6
# a smeared object counts from this score on, when it looks so much better than its first place and is so many sizes
# away from there
SMEARED_SCORE = 0.35
CLEARLY = 0.15
AWAY = 0.2
# the last so many frames in which it was nowhere, before it is found elsewhere, were its way there
BRIDGED_FRAMES = 3
# cost of a place for each object size that it is away from the expected one
SURPRISE = 0.3
# cost of surroundings that look like the object: inside a plain one all places look alike, and the one counts around
# which nothing does
SPILLED = 0.3
# logarithm of a growth that costs nothing
GROWTH_LIMIT = 0.3
# the hand that takes the object was the nearest one in so many frames before
TAKING_FRAMES = 5
MIN_MASK_PX = 6
# the mask lies on nothing that can be told from what is around it below this contrast (`Template.contrast`)
LEAST_CONTRAST = 1.5
# points that must agree on how it has moved since the frame before, and the factor by which it grows or shrinks at most
LEAST_FLOW_POINTS = 4
MOST_FLOW_GROWTH = 1.25


def follow_object(
    frames: np.ndarray,  # (T, H, W, 3) u8
    mask: np.ndarray,  # (H, W) bool
    hands_px: np.ndarray | None = None,  # (T, 2, 2)
    *,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> ObjectTrack:
    """Follow the object under `mask` through the clip.

    Args:
        hands_px: centre of the left and right hand in every frame, NaN where unknown; a hidden object moves with the
            hand that took it.

    Raises:
        LiftError: NO_TARGET_TRACK when the mask lies on nothing that can be told from its surroundings, or the object
            is lost at once.
        ControlError: CANCELLED.
    """
    T = len(frames)
    if mask.sum() < MIN_MASK_PX:
        raise no_track(f"the mask covers {counted(int(mask.sum()), 'pixel')}", "mark the whole object")
    scale = float(np.clip(WORK_OBJECT_PX / np.sqrt(mask.sum()), 0.1, 4.0))
    scale = min(scale, MAX_WORK_SIDE_PX / max(mask.shape))
    first = work_image(frames[0], scale)
    template = Template(first, cv2.resize(mask.astype(np.uint8), first.shape[1::-1], interpolation=cv2.INTER_AREA) > 0)
    if template.contrast < LEAST_CONTRAST:
        raise no_track("the mask lies on a plain region without an object", "mark the object's visible pixels")
    # both axes of the working pictures have a scale of their own, by less than a pixel
    work_px = np.array(first.shape[1::-1]) / mask.shape[::-1]
    walker = _Walker(template, first, None if hands_px is None else (hands_px + 0.5) * work_px - 0.5)
    similarity, score, rest, smeared = np.tile(IDENTITY, (T, 1, 1)), np.ones(T), np.ones(T), np.zeros(T, bool)
    for t in range(1, T):
        if cancel is not None:
            cancel.raise_if_cancelled()
        similarity[t], score[t], rest[t] = walker.step(work_image(frames[t], scale), t)
        smeared[t] = walker.smeared
        on_progress("object", (t + 1) / T)
    similarity = in_scaled_pictures(_bridged(similarity, score), 1 / work_px)
    way_px = np.linalg.norm((similarity - IDENTITY) @ np.append(np.argwhere(mask).mean(0)[::-1], 1.0), axis=1)
    # a smear is no clear sight of the object elsewhere
    resting = _resting_frames(rest, way_px / np.sqrt(mask.sum()), np.where(smeared, 0.0, score))
    similarity[resting] = IDENTITY
    visibility = np.where(resting, rest, score)
    late = max(2, T // 2)
    if T > 2 and visibility[1:late].max() < LOST_SCORE and visibility[late:].max(initial=0) < LOST_SCORE:
        raise no_track(
            "the object under the mask is gone after the first frame", "check that mask and video belong together"
        )
    return ObjectTrack(mask, similarity, np.clip(visibility, 0, 1), resting)


def work_image(frame: np.ndarray, scale: float) -> np.ndarray:  # (H, W, 3) RGB -> (h, w, 3) Lab, u8
    """A frame in working pixels, about `scale` of them to one of the video's, a little blurred against noise."""
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    size = (max(8, round(frame.shape[1] * scale)), max(8, round(frame.shape[0] * scale)))
    small = cv2.GaussianBlur(cv2.resize(frame, size, interpolation=interpolation), (0, 0), 1.0)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def _bridged(similarity: np.ndarray, score: np.ndarray) -> np.ndarray:  # (T, 2, 3), (T,) -> (T, 2, 3)
    """A straight path from the first place to where the object is found again, through frames that do not show it."""
    similarity, home = similarity.copy(), (similarity == IDENTITY).all((1, 2))
    for end in np.flatnonzero(home[:-1] & ~home[1:]) + 1:
        lost = home[:end] & (score[:end] < LOST_SCORE)
        start = max(end - BRIDGED_FRAMES, np.flatnonzero(~lost)[-1] + 1)
        for t in range(start, end):
            similarity[t] += (t - start + 1) / (end - start + 1) * (similarity[end] - IDENTITY)
    return similarity


def _resting_frames(rest: np.ndarray, way: np.ndarray, score: np.ndarray) -> np.ndarray:  # (T,) each -> (T,) bool
    """Frames in which the object is at its first place: seen there, or hidden between two such sightings.

    Args:
        rest: 0..1, how much its first place looks as it did; way: how far from there it was followed, in its sizes.
        score: 0..1, how much it looks like itself where it was followed to.
    """
    seen = rest >= REST_SCORE
    # a path that stays at the first place also means rest, even with most of the object behind a hand
    home = (way < HOME) | seen
    away = (~home) & (score >= LOST_SCORE)
    resting = seen.copy()
    times = np.flatnonzero(seen)
    for a, b in zip(times[:-1], times[1:]):
        # hidden between two sightings: at its first place unless clearly followed elsewhere
        resting[a:b] = not away[a + 1 : b].mean() > MOSTLY_AWAY if b > a + 1 else True
    last = times[-1]
    after = np.flatnonzero(~home[last + 1 :])
    resting[last + 1 :] = True
    if len(after):
        resting[last + 1 + after[0] :] = False
    return resting


class _Walker:
    """Carries the object's similarity from frame to frame, in working pixels.

    Attributes:
        previous, similarity: the last picture, and where the object was in it.
        rest: whether that was its first place; smeared: whether it was found there as a smear.
        emptied: how surely its first place was empty in that picture.
        holder: index of the hand that holds it, or would if it moved now; touched: of the one by which the grip was
            last seen.
        grip: (2,) from that hand to the object's centre.
    """

    def __init__(self, template: Template, first: np.ndarray, hands: np.ndarray | None):
        """Args: first: the first picture (h, w, 3) Lab; hands: (T, 2, 2) their centres, NaN where unknown."""
        self.template, self.hands = template, hands
        self.previous = first
        self.similarity = IDENTITY
        self.rest, self.smeared = True, False
        self.emptied = 0.0
        self.holder: int | None = None
        self.touched: int | None = None
        self.grip = np.zeros(2)

    def step(self, image: np.ndarray, t: int) -> tuple[np.ndarray, float, float]:
        """(similarity, score, score at the first place) in a new frame."""
        emptied = self.template.emptied(image)
        # in one frame its outline may only be blurred
        rest = self.template.score_at_rest(image) * (1 - min(emptied, self.emptied))
        self.emptied = emptied
        carried = self._carried(t)
        # its place looks empty and the hand that was there is gone: it took the object along
        taken = self.rest and rest < LOST_SCORE and carried is not None and self._shift(carried, IDENTITY) > TAKEN
        expected = carried if carried is not None and (taken or not self.rest) else self.similarity
        options = [expected, self.similarity] + ([] if carried is None else [carried])
        flow = self._flow(image)
        if flow is not None:
            options.append(transformed(flow, self.similarity))
            self.template.see_light(image, options[-1])

        def score_of(option):
            # the object is where the hand took it, or where it was: the farther from there, the better it must look
            growth = abs(np.log(max(np.hypot(*option[:, 0]), 1e-6)))
            unlikely = SURPRISE * self._shift(option, expected) + max(0.0, growth - GROWTH_LIMIT)
            return self.template.score(image, option) - unlikely - SPILLED * self.template.spilled(image, option)

        if rest >= (REST_SCORE if self.rest else RETURNED_SCORE):
            similarity, score, self.smeared = IDENTITY, rest, False
            self.template.adapt_at_rest(image)
        else:
            similarity, score = max(((o, score_of(o)) for o in options), key=lambda pair: pair[1])
            if score < SEARCHED_SCORE:
                similarity, score = self.template.search([similarity, expected], score_of)
            leaves = self.rest and not taken
            # a visible hand that holds it says more than a smear
            in_hand = carried is not None and not leaves
            similarity, score = self._accepted(image, similarity, expected, rest if leaves else None, in_hand)
        self.rest = similarity is IDENTITY
        self.previous, self.similarity = image, similarity
        self._find_holder(t, sure=score > SURE_SCORE)
        return similarity, float(score), float(rest)

    def _accepted(self, image, found, expected, rest: float | None, in_hand: bool) -> tuple[np.ndarray, float]:
        """(similarity, score) of what was found where it looks like the object, and else of where that should be.

        Args:
            found, expected: (2, 3) similarities: the best one, and the one that the hand or the last frame suggests.
            rest: score at the first place where the object would be leaving that only now, else None.
            in_hand: a hand that is seen holds it.
        """
        score, least = self.template.score(image, found), LOST_SCORE
        if rest is not None:
            # an object that leaves its place is not where a similar one was from the start
            before = self.template.score(self.template.surroundings, found)
            least = max(LOST_SCORE, max(rest, before) + LEAVING)
        lost = score < least
        smeared = self._smeared(image, expected) if lost and not in_hand else None
        self.smeared = smeared is not None
        if smeared is not None:
            return smeared
        if lost:
            return (expected, score) if rest is None else (IDENTITY, rest)
        if score > SURE_SCORE:
            self.template.adapt(image, found)
        return found, score

    def _smeared(self, image: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, float] | None:
        """(similarity, score) of a smeared object that is clearly elsewhere than at its first place."""
        starts = [expected] if expected is self.similarity else [expected, self.similarity]
        found, score = max((self.template.search_smeared(image, start) for start in starts), key=lambda pair: pair[1])
        at_rest = self.template.smeared_scores(image, IDENTITY, np.zeros((1, 2)))[0]
        away = self._shift(found, IDENTITY) > AWAY
        return (found, score) if away and score >= max(SMEARED_SCORE, at_rest + CLEARLY) else None

    def _shift(self, a: np.ndarray, b: np.ndarray) -> float:
        """Distance between where two similarities put the object's centre, in object sizes, 2 at most."""
        centre = np.append(self.template.centre, 1.0)
        return min(2.0, float(np.linalg.norm((a - b) @ centre)) / self.template.size)

    def _flow(self, image: np.ndarray) -> np.ndarray | None:
        """Similarity from the previous frame by Lucas-Kanade points that return to where they came from."""
        region = self.template.region(self.similarity, image.shape[:2])
        before, now = self.previous[..., 0], image[..., 0]
        points = cv2.goodFeaturesToTrack(before, 60, 0.01, 2, mask=region, blockSize=5)
        if points is None or len(points) < LEAST_FLOW_POINTS:
            return None
        ahead, found, _ = cv2.calcOpticalFlowPyrLK(before, now, points, None, winSize=(15, 15), maxLevel=3)
        back, returned, _ = cv2.calcOpticalFlowPyrLK(now, before, ahead, None, winSize=(15, 15), maxLevel=3)
        good = (found[:, 0] > 0) & (returned[:, 0] > 0) & (np.linalg.norm(back - points, axis=-1)[:, 0] < 1.0)
        if good.sum() < LEAST_FLOW_POINTS:
            return None
        cv2.setRNGSeed(0)
        matrix, inliers = cv2.estimateAffinePartial2D(points[good], ahead[good], ransacReprojThreshold=1.5)
        if matrix is None or inliers.sum() < LEAST_FLOW_POINTS:
            return None
        return matrix if 1 / MOST_FLOW_GROWTH < np.hypot(*matrix[:, 0]) < MOST_FLOW_GROWTH else None

    def _carried(self, t: int) -> np.ndarray | None:
        """The object where its holder, or the hand that was last at it, would have brought it."""
        if self.holder is None or not np.isfinite(self.hands[t, self.holder]).all():
            return None
        step = self.hands[t, self.holder] + self.grip - self._centre()
        return np.column_stack([self.similarity[:, :2], self.similarity[:, 2] + step])

    def _centre(self) -> np.ndarray:  # (2,)
        return self.similarity @ np.append(self.template.centre, 1.0)

    def _near_hand(self, t: int) -> int | None:
        """The hand that has been nearest lately: who takes the object was there before it moved."""
        lately = self.hands[max(0, t - TAKING_FRAMES + 1) : t + 1]
        distance = np.linalg.norm(lately - self._centre(), axis=2)
        distance = np.where(np.isfinite(distance), np.minimum(distance, 4 * self.template.size), 4 * self.template.size)
        nearest = int(distance.mean(0).argmin())
        return nearest if distance[-1, nearest] < 1.5 * self.template.size else None

    def _find_holder(self, t: int, sure: bool) -> None:
        """Update who holds the object, or would if it moved now, and from where the hand holds it."""
        if self.hands is None:
            return
        if self.rest or self.holder is None:
            near = self._near_hand(t)
            # while the object rests in plain sight, a hand that has left again took nothing
            if near is not None or (self.rest and sure):
                self.holder = near
            if near is not None and (sure or near != self.touched):
                self.touched, self.grip = near, self._centre() - self.hands[t, near]
        elif sure and np.isfinite(self.hands[t, self.holder]).all():
            self.grip += 0.3 * (self._centre() - self.hands[t, self.holder] - self.grip)
        self.grip *= min(1.0, self.template.size / max(np.linalg.norm(self.grip), 1e-6))
