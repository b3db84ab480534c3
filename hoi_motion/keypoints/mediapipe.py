"""MediaPipe Holistic as a source of keypoints."""

# pyright: reportAttributeAccessIssue=false
# MediaPipe's solutions return named tuples that are made when they run

import contextlib
import logging
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints.actor import (
    LOST,
    ON_MASK,
    SAME_PLACE,
    ActorCrop,
    box_of,
    crop_around,
    distance,
    found_again,
    lasting,
    overlap,
    search_windows,
    share_on,
    somebody_else,
    trunk_sureness,
)
from hoi_motion.keypoints.persons import only_on, painted_over
from hoi_motion.keypoints.track import MIRRORED_BODY, NUM_HAND, TORSO, KeypointTrack, completed, within_image
from hoi_motion.native_log import quiet_native_log
from hoi_motion.progress import CancelToken, part_of, silent

logger = logging.getLogger(__name__)
# if the two views see the same person in fewer frames, the crop was too narrow for a blurred person
AGREEING = 0.7
WIDER = 1.5
# a lost person is looked for in the whole picture and in squares around their last place, so many times their size
LOOKED_AROUND = (1.5, 2.5)
# a doubted frame (second_look.py) is seen again in squares around the person, so many times their size
LOOKED_AGAIN = (1.2, 1.9)
# confidence of what a single look has found, where both views go astray: low enough for a second look (second_look.py)
ONE_LOOK = 0.7
# people who are seen at the start are looked for again in so many frames after it
NEXT_FRAMES = 3


class MediaPipeKeypoints:
    """MediaPipe Holistic on an upsampled crop that follows the actor.

    Every frame is seen twice, by Holistic and, mirrored, by the body part of it alone: the two views of one frame
    expose a wrong left/right guess, or a wrong person, and average out noise (`sides.py` decides). A clip on which they
    mostly disagree is run again with more room around the person; where they still do, or the person found is doubted,
    the landmark model looks alone (`without_detector`), and a warning says so if it is believed. Where the person is
    lost (`lost_person.py`), the hands are detected separately; frames that are doubted all the same are seen again in
    other crops, and hands that are not seen are looked for by themselves.
    """

    crop_size_px = 512

    def detect(self, frames, *, near_px=None, actor_mask=None, on_progress=silent, cancel=None) -> KeypointTrack:
        from hoi_motion.keypoints.hands import (
            arms_between_sightings,
            hands_on_their_arms,
            unseen_hands,
            with_unseen_hands,
        )
        from hoi_motion.keypoints.lost_person import lost_frames, without_lost
        from hoi_motion.keypoints.second_look import doubted_frames, worth_a_look
        from hoi_motion.keypoints.sides import fuse_views, views_agree

        views = self._best_views(frames, near_px, actor_mask, on_progress, cancel)
        agree = views_agree(*views)
        track = completed(fuse_views(*views, frames.shape[1:3]), frames.shape[1:3])
        lost = lost_frames(track, agree)
        if lost.any():
            track = within_image(without_lost(frames, track, lost, self.crop_size_px, cancel), frames.shape[1:3])
        doubted = worth_a_look(track, doubted_frames(track) & ~lost)
        if doubted.any():
            track = within_image(self._looked_again(frames, track, doubted, cancel), frames.shape[1:3])
        track = hands_on_their_arms(arms_between_sightings(track, frames.shape[1:3]))
        if any(unseen.any() for unseen in unseen_hands(track).values()):
            track = within_image(with_unseen_hands(frames, track, self.crop_size_px, cancel), frames.shape[1:3])
        on_progress("keypoints", 1.0)
        return track

    def _best_views(self, frames, near_px, actor_mask, on_progress, cancel) -> list[KeypointTrack]:
        """The plain and the mirrored view of every frame: those of the detector, or those of the landmark model alone
        where the detector finds nobody, somebody who is never near the target, or its views are doubted and less
        credible.
        """
        from hoi_motion.keypoints.hands import palms_px
        from hoi_motion.keypoints.sides import views_agree
        from hoi_motion.keypoints.without_detector.search import doubted, out_of_reach, takes_over
        from hoi_motion.keypoints.without_detector.views import undetected_views

        try:
            views, nobody = self._detected(frames, near_px, actor_mask, on_progress, cancel), None
        except LiftError as error:
            if error.code != ErrorCode.NO_ACTOR:
                raise
            views, nobody = [KeypointTrack.unseen(len(frames), km.MEDIAPIPE) for _ in range(2)], error
        palms, target_px = palms_px(frames, cancel), near_px if actor_mask is None else None
        doubtful = doubted(views, palms, actor_mask) or out_of_reach(views, target_px)
        if views_agree(*views).mean() >= AGREEING and not doubtful:
            return views
        others = undetected_views(frames, near_px, actor_mask, cancel)
        if others is not None and takes_over(others, views, palms, frames.shape[1:3], target_px):
            logger.warning("the person was found by the landmark model alone: whom the detector finds is doubted")
            return others
        if nobody is not None:
            raise nobody
        return views

    def _detected(self, frames, near_px, actor_mask, on_progress, cancel) -> list[KeypointTrack]:
        """Both views of the person whom the detector finds, again in a wider crop where they mostly disagree."""
        from hoi_motion.keypoints.sides import views_agree

        start, crop, body = find_actor(frames, near_px, actor_mask, self.crop_size_px, cancel)
        # whether there is a second pass is known only after the first: half of the progress for each
        views = self._views(frames, start, crop, body, part_of(on_progress, 0.0, 0.5), cancel)
        agree = views_agree(*views)
        if agree.mean() < AGREEING:
            wide = self._views(frames, start, crop.widened(WIDER), body, part_of(on_progress, 0.5, 1.0), cancel)
            if views_agree(*wide).mean() > agree.mean():
                return wide
        return views

    def _views(
        self, frames, start: int, crop: ActorCrop, actor: np.ndarray, on_progress, cancel
    ) -> list[KeypointTrack]:
        """The plain and the mirrored view of every frame, walking from frame `start` to both ends.

        A tracking detector keeps following whatever it lost the person to, so a lost person is searched for in the
        whole picture and followed from there.
        """
        from hoi_motion.keypoints.sides import views_agree

        views, done = [KeypointTrack.unseen(len(frames), km.MEDIAPIPE) for _ in range(2)], 0
        with _detectors() as detectors:
            # frames before the first sighting are walked backwards from it
            for order in (range(start, len(frames)), range(start - 1, -1, -1)):
                crop_now, last, lost_for = crop, actor, 0
                for t in order:
                    if cancel is not None:
                        cancel.raise_if_cancelled()
                    body = _see(views, t, frames[t], crop_now, detectors)
                    lost_for += 1
                    agreed = views_agree(*views)[t] and trunk_sureness(body) >= LOST
                    if last is actor and agreed and overlap(actor, body) > SAME_PLACE:
                        last = body  # two looks against the one at the start
                    if found_again([body], last, lost_for) is None:
                        people = self._people_around(frames[t], last, detectors, cancel)
                        body = found_again(people, last, lost_for)
                        if body is not None:
                            crop_now = crop_around(box_of(body), self.crop_size_px, crop.margin)
                            body = _see_found(views, t, frames[t], crop_now, body, detectors)
                    if trunk_sureness(body) >= LOST:
                        last, lost_for = body, 0
                        crop_now = crop_now.follow(body)
                    done += 1
                    on_progress("keypoints", done / len(frames))
        return views

    def _people_around(
        self, frame: np.ndarray, last: np.ndarray, detectors: "_Detectors", cancel: CancelToken | None
    ) -> list[np.ndarray]:
        """Everybody (33, 3) in the whole picture and around where a person was last."""
        windows = [*search_windows(frame.shape[:2]), *(_window_around(last, w) for w in LOOKED_AROUND)]
        return _people(detectors.still, frame, windows, self.crop_size_px, cancel)

    def _looked_again(self, frames, track: KeypointTrack, doubted: np.ndarray, cancel) -> KeypointTrack:
        """Doubted frames seen again in wider crops, plain and mirrored, by a detector that remembers nothing."""
        from hoi_motion.keypoints.second_look import looked_again

        with (
            quiet_native_log(),
            _pose(still=True) as plain,
            _pose(still=True) as mirror,
            ThreadPoolExecutor(1) as beside,
        ):

            def look(frame: np.ndarray, body: np.ndarray) -> list[np.ndarray]:
                # where nothing was seen, all of the body is a guess between its sightings
                there = body if (body[:, 2] > 0.3).any() else body * [1, 1, 0] + [0, 0, 1]
                windows = [_window_around(there, w) for w in LOOKED_AGAIN]
                mirrored = beside.submit(_people, mirror, frame, windows, self.crop_size_px, cancel, mirrored=True)
                return [*_people(plain, frame, windows, self.crop_size_px, cancel), *mirrored.result()]

            return looked_again(frames, track, doubted, look)


class _Detectors(NamedTuple):
    """MediaPipe's detectors of a clip: two that track, and one that remembers nothing.

    Attributes:
        plain: of pictures; mirror: of their mirror images, which run `beside`, at the same time; still: of any.
    """

    plain: Any
    mirror: Any
    still: Any
    beside: Executor

    def forget(self) -> None:
        """Let the two that track begin anew."""
        self.plain.reset()
        self.mirror.reset()


@contextlib.contextmanager
def _detectors() -> Iterator[_Detectors]:
    with (
        quiet_native_log(),
        _holistic() as plain,
        _pose(still=False) as mirror,
        _pose(still=True) as still,
        ThreadPoolExecutor(1) as beside,
    ):
        yield _Detectors(plain, mirror, still, beside)


def _see_found(
    views: list[KeypointTrack], t: int, frame: np.ndarray, crop: ActorCrop, body: np.ndarray, detectors: _Detectors
) -> np.ndarray:  # (33, 3)
    """A lost person seen again where a search has found their body (33, 3), by detectors that begin anew there."""
    detectors.forget()
    seen = _see(views, t, frame, crop, detectors)
    if seen is not None and somebody_else(seen, body):
        # once without them, and the actor is followed
        detectors.forget()
        seen = _see(views, t, painted_over(frame, seen, body), crop, detectors)
    if seen is None or found_again([seen], body, 1) is None:
        # both views go astray: what the search has found is all that is known
        _keep(views, t, body)
        return body
    return seen


def _see(
    views: list[KeypointTrack], t: int, frame: np.ndarray, crop: ActorCrop, detectors: _Detectors
) -> np.ndarray | None:  # (33, 3)
    """Both views of a frame, written into their tracks; the body of the one that is surer of the trunk."""
    image = crop.cut(frame)
    mirrored = detectors.beside.submit(detectors.mirror.process, np.ascontiguousarray(image[:, ::-1]))
    results = detectors.plain.process(image), mirrored.result()
    for view, result, is_mirrored in zip(views, results, (False, True)):
        for points in (view.body_px, view.left_hand_px, view.right_hand_px, view.body_hint_m, view.seen):
            points[t] = 0
        _store(view, t, result, crop, is_mirrored)
    seen = [view.body_px[t].copy() for view in views if view.seen[t]]
    return max(seen, key=lambda body: round(trunk_sureness(body), 1)) if seen else None


def _keep(views: list[KeypointTrack], t: int, body: np.ndarray) -> None:
    """A frame in which nothing counts but one body (33, 3)."""
    for view, is_first in zip(views, (True, False)):
        for points in (view.body_px, view.left_hand_px, view.right_hand_px, view.body_hint_m):
            points[t] = 0
        view.seen[t] = is_first
    views[0].body_px[t] = body * [1, 1, ONE_LOOK]


def _people(
    still,
    frame: np.ndarray,
    windows: list[np.ndarray],
    crop_size_px: int,
    cancel: CancelToken | None,
    mirrored: bool = False,
) -> list[np.ndarray]:
    """All people that the detector finds in windows (x0, y0, x1, y1) of a picture, or of its mirror image; (33, 3)."""
    size_px, found = frame.shape[:2], []
    for window in windows:
        if cancel is not None:  # here, not once a frame: of a long narrow picture there are many windows
            cancel.raise_if_cancelled()
        crop = crop_around(window, crop_size_px, margin=0.0)
        image = crop.cut(frame)
        landmarks = still.process(np.ascontiguousarray(image[:, ::-1]) if mirrored else image).pose_landmarks
        if landmarks is not None:
            body = _array(landmarks, with_visibility=True)
            body = crop.to_video(_unmirrored(body) if mirrored else body)
            if _is_person(body, size_px):
                found.append(body)
    return found


def _window_around(body: np.ndarray, times: float) -> np.ndarray:  # (4,)
    """A square around a body, so many times its size."""
    low, high = box_of(body).reshape(2, 2)
    half = times * (high - low).max() / 2
    return np.concatenate([(low + high) / 2 - half, (low + high) / 2 + half])


def find_actor(
    frames, near_px, actor_mask, crop_size_px: int, cancel: CancelToken | None = None
) -> tuple[int, ActorCrop, np.ndarray]:
    """(frame index, crop, body (33, 3)) of the actor in the first frame that shows one, by MediaPipe's body detector.

    With an actor's mask (H, W) it is the first body that lies on it, in the first frame also with all else painted
    over; where none does, the one that does most.

    Raises:
        LiftError: NO_ACTOR, also where everybody who is found stands beside the mask.
        ControlError: CANCELLED.
    """
    tries = sorted({0, *np.linspace(0, len(frames) - 1, min(len(frames), 9)).astype(int).tolist()})
    windows = search_windows(frames.shape[1:3], actor_mask)
    beside: list[tuple[float, int, np.ndarray]] = []
    with quiet_native_log(), _pose(still=True) as pose:
        for t in tries:
            found = _people(pose, frames[t], windows, crop_size_px, cancel)
            if actor_mask is None:
                if len(found) > 1:
                    next_frames = [u for u in range(t + 1, t + 1 + NEXT_FRAMES) if u < len(frames)]
                    following = [_people(pose, frames[u], windows, crop_size_px, cancel) for u in next_frames]
                    found = lasting(found, following)
                if found:
                    actor = min(found, key=lambda body: distance(body, near_px))
                    return t, crop_around(box_of(actor), crop_size_px), actor
                continue
            if t == 0 and not any(share_on(body, actor_mask) >= ON_MASK for body in found):
                found += _people(pose, only_on(frames[0], actor_mask), windows, crop_size_px, cancel)
            beside += [(share_on(body, actor_mask), t, body) for body in found]
            if beside and max(share for share, *_ in beside) >= ON_MASK:
                break
    if not beside:
        raise LiftError(
            ErrorCode.NO_ACTOR, "no person was found in the video", "the actor must be in view in the first frame"
        )
    share, t, actor = max(beside, key=lambda one: one[0])
    if share == 0:
        raise LiftError(
            ErrorCode.NO_ACTOR,
            "nobody was found on the actor's mask, only people beside it",
            "mark the person who acts, or leave the actor's mask out",
        )
    return t, crop_around(box_of(actor), crop_size_px), actor


def _is_person(body: np.ndarray, size_px) -> bool:
    sure = body[:, 2] > 0.5
    inside = (body[:, 0] >= 0) & (body[:, 0] < size_px[1]) & (body[:, 1] >= 0) & (body[:, 1] < size_px[0])
    height = np.ptp(body[sure, 1]) if sure.any() else 0.0
    return bool((sure & inside).sum() >= 8 and (sure & inside)[list(TORSO[:2])].all() and height > 0.08 * size_px[0])


def _array(landmarks, with_visibility: bool = False) -> np.ndarray:  # (N, 3)
    if with_visibility:
        return np.array([[p.x, p.y, p.visibility] for p in landmarks.landmark])
    return np.array([[p.x, p.y, p.z] for p in landmarks.landmark])


def _unmirrored(body: np.ndarray) -> np.ndarray:  # (33, 3), x in 0..1
    return np.column_stack([1 - body[:, 0], body[:, 1:]])[MIRRORED_BODY]


def _store(track: KeypointTrack, t: int, result, crop: ActorCrop, mirrored: bool) -> None:
    """Write one Holistic (or body only) result into the track, undoing crop and mirror."""
    if result.pose_landmarks is None:
        return
    body = _array(result.pose_landmarks, with_visibility=True)
    hint = _array(result.pose_world_landmarks)
    hands = [getattr(result, f"{side}_hand_landmarks", None) for side in ("left", "right")]
    hands = [None if h is None else _array(h) for h in hands]
    if mirrored:
        body = _unmirrored(body)
        hint = (hint * [-1, 1, 1])[MIRRORED_BODY]
        hands = [None if h is None else np.column_stack([1 - h[:, 0], h[:, 1:]]) for h in reversed(hands)]
    track.body_px[t] = crop.to_video(body)
    track.body_hint_m[t] = hint
    for hand, out in zip(hands, (track.left_hand_px, track.right_hand_px)):
        if hand is not None:
            out[t] = crop.to_video(np.column_stack([hand[:, :2], np.ones(NUM_HAND)]))
    track.seen[t] = True


@contextlib.contextmanager
def _holistic():
    from mediapipe.python.solutions.holistic import Holistic

    model = Holistic(static_image_mode=False, model_complexity=1, smooth_landmarks=False, min_detection_confidence=0.4)
    with contextlib.closing(model):
        yield model


@contextlib.contextmanager
def _pose(still: bool):
    from mediapipe.python.solutions.pose import Pose

    model = Pose(static_image_mode=still, model_complexity=1, smooth_landmarks=False, min_detection_confidence=0.4)
    with contextlib.closing(model):
        yield model
