"""Our own tracker: the marked object followed, found again by its colours, and its path chosen over the whole clip.

Camera motion is taken out first. Following (`follow.py`) knows the object's surface and loses it when it turns or
blurs; colours against the known room (`likeness.py`) find it anywhere, without knowing its turn. `path.py` chooses
between their places in all frames at once.
"""

from dataclasses import replace

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from hoi_motion.keypoints.hands import hand_centres_px
from hoi_motion.keypoints.persons import hand_masks, head_masks, person_masks
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.appearance import Template
from hoi_motion.lift.track.camera_motion import camera_motion, rest_motion
from hoi_motion.lift.track.follow import follow_object
from hoi_motion.lift.track.likeness import LIMIT, Likeness, object_likeness
from hoi_motion.lift.track.mask_track import moved_like, seen_turn_rad
from hoi_motion.lift.track.path import (
    FOLLOWED,
    FOUND,
    RESTING,
    Places,
    best_path,
    between_sightings,
    like_places,
    off_hand,
)
from hoi_motion.lift.track.track import IDENTITY, ObjectTrack, Outline, between
from hoi_motion.progress import CancelToken, OnProgress, silent

# working pixels of the object's side where colours are compared
WORK_OBJECT_PX = 18.0
BLUR_PX = 0.6
# costs of places: at rest by how much of it looks as it did, at most that of being hidden, more where it is gone
REST_WEIGHT = 6.0
REST_EVEN = 0.45
HIDDEN = 0.45
GONE_WEIGHT = 5.0
GONE_EVEN = 0.15
FOLLOWED_WEIGHT = 5.0
FOLLOWED_EVEN = 0.45
FOLLOWED_LIKENESS = 0.5
# what was there in the first frame explains a place so much better than the object does
NOT_IT = -1.5
FOUND_WEIGHT = 1.2
FOUND_BASE = 0.5
FOUND_MOST = 2.5
# a place found this near to the first one, in object sizes, is at rest or followed
NEAR_REST = 0.15
# its outline is searched for in a box this many times the one in which it was found
OUTLINE_BOX = 1.5
LEAST_OUTLINE_SHARE = 0.25
UNSEEN_VISIBILITY = 0.1
ADAPT_FROM = 0.6
# its colours are learnt where it is seen so surely
LEARNT = 0.8
# what looks like it elsewhere in more of the last so many frames at its first place is something else
SURELY_AT_REST = 0.7
DOUBLES_FRAMES = 12
DOUBLES_QUANTILE = 0.8
# it has not left its first place while it is seen within so many object sizes of it
AT_HOME = 0.5
# in a turning camera's picture, stilled, that lies within so many working pixels
CAMERA_PX = 5


class OwnTracker:
    """The default source of object tracks."""

    def track(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        mask: np.ndarray,  # (H, W) bool
        person: KeypointTrack,
        *,
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> ObjectTrack:
        """Follow the object under `mask` through the clip.

        Raises:
            LiftError: NO_TARGET_TRACK when the mask lies on nothing that can be told from its surroundings, or the
                object is lost at once.
        """
        persons = person_masks(person, mask.shape)
        covered = persons.copy()
        covered[0] |= mask
        camera = camera_motion(frames, covered)
        moves = not np.array_equal(camera, np.tile(IDENTITY, (len(frames), 1, 1)))
        still = np.stack([_stilled(f, c) for f, c in zip(frames, camera)]) if moves else frames
        hands_px = _stilled_points(hand_centres_px(person), camera) if moves else hand_centres_px(person)
        home = rest_motion(still, mask, hands_px, camera) if moves else camera
        followed = _followed(still, mask, hands_px, home, on_progress, cancel)
        heads = head_masks(person, mask.shape)
        if moves:
            persons, heads = (
                np.stack([_stilled(m.astype(np.uint8), c) > 0 for m, c in zip(masks, camera)])
                for masks in (persons, heads)
            )
        chooser = _Chooser(still, mask, persons, heads, hand_masks(person, mask.shape), hands_px, followed, home, moves)
        track = chooser.track()
        return _with_camera(track, camera) if moves else track


class _Chooser:
    """Places of one object in all frames of a still camera, and its track along the best path through them."""

    def __init__(self, frames, mask, persons, heads, hands, hands_px, followed: ObjectTrack, home, camera_moves: bool):
        self.mask, self.followed, self.hands_px, self.camera_moves = mask, followed, hands_px, camera_moves
        self.scale = min(1.0, WORK_OBJECT_PX / np.sqrt(mask.sum()))
        size = (max(8, round(mask.shape[1] * self.scale)), max(8, round(mask.shape[0] * self.scale)))
        # both axes of the working pictures have a scale of their own, by less than a pixel
        self.to_work = np.array([size[0] / mask.shape[1], size[1] / mask.shape[0]])
        self.home, self.home_work = home, _scaled(home, self.to_work)
        self.images = [_lab(frame, size) for frame in frames]
        self.work_mask = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 127
        if not self.work_mask.any():
            self.work_mask = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) > 0
        small, heads, hands = (
            np.stack([cv2.resize(m.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0 for m in masks])
            for masks in (persons, heads, hands)
        )
        self.hands = hands_px * self.to_work
        self.hands_between = between_sightings(self.hands)
        self.reach = float(np.sqrt(self.work_mask.sum()))
        bare = [p & ~_around(h, p.shape, 1.5 * self.reach) for p, h in zip(small, self.hands)]
        self.compared = self.images, self.work_mask, small, np.array(bare), heads, hands
        self.likeness: Likeness = object_likeness(*self.compared)
        self.template = Template(self.images[0], self.work_mask)
        rows, columns = np.nonzero(self.work_mask)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        self.centre, self.extent = (low + high) / 2, high - low + 1.0
        self.rest_scores, self.emptied = self._rest_scores()
        sure = [t for t, score in enumerate(self.rest_scores) if t == 0 or score > SURELY_AT_REST]
        self.maps = self._without_doubles(sure, [])

    def track(self) -> ObjectTrack:
        """The track along the cheapest path; frames that it skips are filled.

        What looked like it elsewhere while it was still at its first place is something else, and the path is sought
        once more without that; then, where it has not been seen, by the colours that it shows elsewhere: it turns.
        """
        places = [self._places(t) for t in range(len(self.images))]
        path = best_path(places, self.hands)
        home = self._at_home(places, path)
        if home[-1] + 1 < len(path):
            self.maps = self._without_doubles(home, [places[t].box(path[t]) for t in home])
            places[home[-1] + 1 :] = [self._places(t) for t in range(home[-1] + 1, len(path))]
            path = best_path(places, self.hands)
            places, path = self._with_learnt_colours(places, path)
        similarity, resting = np.tile(IDENTITY, (len(path), 1, 1)), np.zeros(len(path), bool)
        visibility, outlines = np.full(len(path), UNSEEN_VISIBILITY), {}
        turn_rad = 0.0
        for t in np.flatnonzero(path >= 0):
            kind = places[t].kind[path[t]]
            if kind == RESTING:
                turn_rad = 0.0
                similarity[t] = self.home[t]
                resting[t], visibility[t] = True, np.clip(self.rest_scores[t], 0, 1)
                continue
            visibility[t] = places[t].visibility[path[t]]
            if kind == FOLLOWED:
                similarity[t] = self.followed.similarity[t]
                turn_rad = float(np.arctan2(similarity[t, 1, 0], similarity[t, 0, 0]))
                continue
            outlines[t] = self._outline(t, places[t].centre[path[t]], places[t].extent[path[t]])
            now = outlines[t].in_picture(self.mask.shape)
            turn_rad = seen_turn_rad(self.mask, now, turn_rad)
            similarity[t] = moved_like(self.mask, now, turn_rad)
        _bridge(similarity, resting, path >= 0, self.hands_px, self.mask)
        similarity[resting] = self.home[resting]
        return ObjectTrack(self.mask, similarity, visibility, resting, outlines)

    def _with_learnt_colours(self, places: list[Places], path: np.ndarray) -> tuple[list[Places], np.ndarray]:
        """Places and path with frames added in which it is seen by the colours that it shows in others. Where it has
        been seen there is no other place; outlines are drawn with these colours everywhere."""
        seen = self._seen(places, path)
        if not seen.any() or (path >= 0).all():
            return places, path
        home = self._at_home(places, path)
        self.likeness = object_likeness(*self.compared, seen)
        self.maps = self._without_doubles(home, [places[t].box(path[t]) for t in home])
        places = [places[t].only(i) if i >= 0 else self._places(t) for t, i in enumerate(path)]
        return places, best_path(places, self.hands)

    def _seen(self, places: list[Places], path: np.ndarray) -> np.ndarray:  # (T, h, w) bool
        """Pixels of the object where it is surely seen elsewhere than at first: those that look like it, what they
        surround, and what is beside them in its box, as far as no hand may be there."""
        seen, near = np.zeros(self.maps.shape, bool), np.ones((3, 3), np.uint8)
        for t in np.flatnonzero(path >= 0):
            if places[t].kind[path[t]] == RESTING or places[t].visibility[path[t]] < LEARNT:
                continue
            low, high = np.maximum(places[t].box(path[t]), 0)
            box = np.zeros(self.work_mask.shape, np.uint8)
            box[low[1] : high[1] + 1, low[0] : high[0] + 1] = 1
            alike = cv2.morphologyEx((self.maps[t] > 0).astype(np.uint8), cv2.MORPH_CLOSE, near)
            labels = cv2.connectedComponents(alike)[1]
            sizes = np.bincount(labels[box > 0])
            sizes[0] = 0
            if sizes.any():
                whole = binary_fill_holes(labels == sizes.argmax()) & (cv2.dilate(box, near, iterations=2) > 0)
                seen[t] = whole | (box > 0) & ~_around(self.hands[t], box.shape, self.reach)
        return seen

    def _at_home(self, places: list[Places], path: np.ndarray) -> list[int]:
        """Frames in which a path sees it where it was at first, before it sees it elsewhere."""
        home = []
        for t in np.flatnonzero(path >= 0):
            at_rest = places[t].centre[0]
            off = np.linalg.norm(places[t].centre[path[t]] - at_rest)
            if off > AT_HOME * np.sqrt(self.extent.prod()):
                break
            home.append(int(t))
        return home

    def _rest_scores(self) -> tuple[list[float], list[float]]:
        """Of every frame: how much of its first place looks as it did, and how surely it is gone from there."""
        scores, emptied = [], []
        for image, home in zip(self.images, self.home_work):
            image = _stilled(image, home)
            emptied.append(self.template.emptied(image))
            scores.append(self.template.score_at_rest(image) * (1 - emptied[-1]))
            if scores[-1] > ADAPT_FROM:
                self.template.adapt_at_rest(image)
        return scores, emptied

    def _without_doubles(self, at_home: list[int], seen: list[np.ndarray]) -> np.ndarray:  # (T, h, w)
        """Likeness without that of places which looked like the object while it was at its first place.

        Args:
            seen: (2, 2) boxes in which it was itself meanwhile, besides that place.
        """
        own = np.max([self._home_mask(t) for t in at_home[-DOUBLES_FRAMES:]], axis=0).astype(np.uint8)
        for low, high in seen:
            own[max(0, low[1]) : high[1] + 1, max(0, low[0]) : high[0] + 1] = 1
        own = cv2.dilate(own, np.ones((5, 5), np.uint8)) > 0
        doubles = np.quantile(self.likeness.maps[at_home[-DOUBLES_FRAMES:]], DOUBLES_QUANTILE, axis=0)
        if self.camera_moves:
            doubles = cv2.dilate(doubles.astype(np.float32), np.ones((CAMERA_PX, CAMERA_PX), np.uint8))
        return self.likeness.maps - np.where(own, 0.0, np.maximum(doubles, 0)).astype(np.float32)

    def _home_mask(self, t: int) -> np.ndarray:  # (h, w) bool
        return cv2.warpAffine(self.work_mask.astype(np.uint8), self.home_work[t], self.work_mask.shape[::-1]) > 0

    def _places(self, t: int) -> Places:
        rest = self.rest_scores[t]
        gone = max(float(self.likeness.emptied[t][self._home_mask(t)].mean()), self.emptied[t])
        centre_at_rest = self.home_work[t] @ np.append(self.centre, 1.0)
        kinds, centres, extents = [RESTING], [centre_at_rest], [self.extent]
        costs = [min(-REST_WEIGHT * (rest - REST_EVEN), HIDDEN) + GONE_WEIGHT * max(0.0, gone - GONE_EVEN)]
        if t and not self.followed.resting[t]:
            self._add_followed(t, kinds, centres, extents, costs)
        if t:
            for centre, extent, value in zip(*like_places(self.maps[t], self.extent)):
                if np.linalg.norm(centre - centre_at_rest) > NEAR_REST * np.sqrt(self.extent.prod()):
                    kinds.append(FOUND)
                    centres.append(centre)
                    extents.append(extent)
                    costs.append(FOUND_BASE - FOUND_WEIGHT * min(value, FOUND_MOST))
        centres, extents, costs = np.array(centres), np.array(extents), np.array(costs)
        off = off_hand(centres, extents, self.hands_between[t])
        off[0] = 0.0
        return Places(np.array(kinds), centres, extents, costs, off)

    def _add_followed(self, t: int, kinds: list, centres: list, extents: list, costs: list) -> None:
        moved = cv2.resize(self.followed.mask_at(t).astype(np.uint8) * 255, self.images[t].shape[1::-1]) > 127
        rows, columns = np.nonzero(moved)
        if not len(rows):
            return
        kinds.append(FOLLOWED)
        low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
        centres.append((low + high) / 2)
        extents.append(high - low + 1.0)
        likeness = float(self.maps[t][moved].mean())
        # another one of its kind, or what is behind it, can be followed just as well
        sure = self.followed.visibility[t] if likeness > NOT_IT else 0.0
        costs.append(FOLLOWED_WEIGHT * (FOLLOWED_EVEN - sure) - FOLLOWED_LIKENESS * likeness)

    def _outline(self, t: int, centre: np.ndarray, extent: np.ndarray) -> Outline:
        """What looks more like the object than like anything else around where it was found; else the box."""
        box = (extent + 1) / self.to_work
        middle = (centre + 0.5) / self.to_work
        limit = np.array(self.mask.shape[::-1])
        low = np.clip(np.floor(middle - OUTLINE_BOX / 2 * box), 0, limit - 2).astype(int)
        high = np.clip(np.ceil(middle + OUTLINE_BOX / 2 * box), low + 2, limit).astype(int)
        # the working map, seen at the video's pixels
        zoom = np.array(
            [
                [self.to_work[0], 0, (low[0] + 0.5) * self.to_work[0] - 0.5],
                [0, self.to_work[1], (low[1] + 0.5) * self.to_work[1] - 0.5],
            ]
        )
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        likeness = cv2.warpAffine(
            self.maps[t],
            zoom,
            tuple(int(v) for v in high - low),
            flags=how,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-LIMIT,
        )
        alike = (likeness > 0).astype(np.uint8)
        count, labels = cv2.connectedComponents(alike)
        inner = np.zeros(alike.shape, bool)
        a, b = np.round(middle - box / 2 - low).astype(int), np.round(middle + box / 2 - low).astype(int)
        inner[max(0, a[1]) : b[1], max(0, a[0]) : b[0]] = True
        inside = np.bincount(labels[inner], minlength=count)
        inside[0] = 0
        kept = labels == inside.argmax()
        if inside.max() < LEAST_OUTLINE_SHARE * inner.sum():
            kept = inner
        return Outline(kept, int(low[0]), int(low[1]))


def _followed(still, mask, hands_px, home, on_progress, cancel) -> ObjectTrack:
    """The object followed where its first place stands still, in the pixels of the camera that stands still."""
    if np.array_equal(home, np.tile(IDENTITY, (len(home), 1, 1))):
        return follow_object(still, mask, hands_px, on_progress=on_progress, cancel=cancel)
    frames = np.stack([_stilled(f, h) for f, h in zip(still, home)])
    hands_px = _stilled_points(hands_px, home)
    followed = follow_object(frames, mask, hands_px, on_progress=on_progress, cancel=cancel)
    return replace(followed, similarity=home @ _whole(followed.similarity))


def _scaled(similarity: np.ndarray, to_work: np.ndarray) -> np.ndarray:  # (T, 2, 3), (2,) -> (T, 2, 3)
    """Similarities in the small pictures; pixel centres sit at halves."""
    linear, half = to_work[:, None] * similarity[..., :2] / to_work, (1 / to_work - 1) / 2
    shift = to_work * (similarity[..., 2] + similarity[..., :2] @ half - half)
    return np.concatenate([linear, shift[..., None]], -1)


def _whole(similarity: np.ndarray) -> np.ndarray:  # (T, 2, 3) -> (T, 3, 3)
    return np.concatenate([similarity, np.tile([[[0, 0, 1.0]]], (len(similarity), 1, 1))], 1)


def _lab(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.GaussianBlur(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), (0, 0), BLUR_PX)
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def _around(points: np.ndarray, shape, radius: float) -> np.ndarray:  # (N, 2) -> (h, w) bool
    image = np.zeros(shape, np.uint8)
    for x, y in points[np.isfinite(points).all(1)]:
        cv2.circle(image, (round(x), round(y)), max(1, round(radius)), 1, -1)
    return image > 0


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


def _stilled(image: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """The picture as the first frame's camera would have seen it."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, camera, image.shape[1::-1], flags=how, borderMode=cv2.BORDER_REPLICATE)


def _stilled_points(points_px: np.ndarray, camera: np.ndarray) -> np.ndarray:  # (T, N, 2), (T, 2, 3)
    away = points_px - camera[:, None, :, 2]
    return np.einsum("tij,tnj->tni", np.linalg.inv(camera[:, :, :2]), away)


def _with_camera(track: ObjectTrack, camera: np.ndarray) -> ObjectTrack:
    """A still camera's track in the pixels of the one that moves."""
    outlines = {}
    for t in track.outlines:
        moved = cv2.warpAffine(track.mask_at(t).astype(np.uint8), camera[t], track.mask.shape[::-1]) > 0
        outline = Outline.of(moved)
        if outline is not None:
            outlines[t] = outline
    return ObjectTrack(track.mask, camera @ _whole(track.similarity), track.visibility, track.resting, outlines, camera)
