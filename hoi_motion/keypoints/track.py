"""2D keypoints of the acting person over a clip: the type, its names, which points count; what a source returns."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.ndimage import median_filter

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.progress import CancelToken, OnProgress, silent

NUM_BODY = 33
NUM_HAND = 21
MIN_SEEN_SHARE = 0.5
TORSO = (11, 12, 23, 24)
# MediaPipe body landmarks by name, the ones other modules speak of
NOSE = 0
L_EYE = 2
R_EYE = 5
L_EAR = 7
R_EAR = 8
L_SHOULDER = 11
R_SHOULDER = 12
L_ELBOW = 13
R_ELBOW = 14
L_WRIST = 15
R_WRIST = 16
L_HIP = 23
R_HIP = 24
L_KNEE = 25
R_KNEE = 26
L_ANKLE = 27
R_ANKLE = 28
L_HEEL = 29
R_HEEL = 30
L_TOE = 31
R_TOE = 32
# detectors guess a hidden leg, and all of a person they have lost: a confidence below this is such a guess
LEGS = np.arange(L_KNEE, NUM_BODY)
ARMS = np.arange(L_ELBOW, L_HIP)
SURE = 0.3
# a hidden leg may be sure in single frames, but in less than half of this many
LEG_FRAMES = 5
# a bone with a less sure end is not used for the height; lengths of bones as shares of it, of the mean standing body
SURE_BONE = 0.5
TRUNK = 0.27
# the height over a clip is this quantile of its frames: the median
USUAL_HEIGHT = 0.5
LEG_BONES = ((L_HIP, L_KNEE, 0.24), (R_HIP, R_KNEE, 0.24), (L_KNEE, L_ANKLE, 0.245), (R_KNEE, R_ANKLE, 0.245))
MIRRORED_BODY = np.array([0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9] + [i + 1 if i % 2 else i - 1 for i in range(11, NUM_BODY)])


@dataclass(frozen=True)
class KeypointTrack:
    """Keypoints of one person over a clip, in the video's pixels.

    Attributes:
        body_px: (T, 33, 3) x, y, confidence 0..1; MediaPipe's body landmarks.
        left_hand_px, right_hand_px: (T, 21, 3) x, y, confidence; confidence 0 where the hand was not seen.
        body_hint_m: (T, 33, 3) rough 3D landmarks, metres, camera axes, origin between the hips.
        seen: (T,) bool, the person was found in the frame.
        detector: who drew them, where that is known (model_points.drawn_m).
    """

    body_px: np.ndarray  # (T, 33, 3)
    left_hand_px: np.ndarray  # (T, 21, 3)
    right_hand_px: np.ndarray  # (T, 21, 3)
    body_hint_m: np.ndarray  # (T, 33, 3)
    seen: np.ndarray  # (T,) bool
    detector: str = ""

    @classmethod
    def unseen(cls, num_frames: int, detector: str = "") -> "KeypointTrack":
        """A track in which nobody is seen, to be filled."""
        points = [np.zeros((num_frames, n, 3)) for n in (NUM_BODY, NUM_HAND, NUM_HAND, NUM_BODY)]
        return cls(*points, np.zeros(num_frames, bool), detector)

    @property
    def num_frames(self) -> int:
        return len(self.body_px)

    def hand_px(self, hand: str) -> np.ndarray:  # (T, 21, 3)
        return {"left_hand": self.left_hand_px, "right_hand": self.right_hand_px}[hand]

    def person_height_px(self) -> float:
        """Height of this person when standing: in each frame from the least foreshortened of trunk, thighs and shanks,
        over the clip their median: leaning and sitting make a bone look shorter, one that is guessed longer.
        """
        body = self.body_px[self.seen]
        shoulders, hips = (body[:, pair].mean(1) for pair in (list(TORSO[:2]), list(TORSO[2:])))
        bones = [(shoulders, hips, TRUNK)]
        bones += [(body[:, a], body[:, b], share) for a, b, share in LEG_BONES]
        lengths = [np.linalg.norm(a[:, :2] - b[:, :2], axis=-1) / share for a, b, share in bones]
        # unsure legs are ignored; the trunk gives a lower bound
        sure = [np.minimum(a[:, 2], b[:, 2]) > SURE_BONE for a, b, _ in bones]
        heights = np.max([lengths[0], *(np.where(s, length, 0.0) for s, length in zip(sure[1:], lengths[1:]))], axis=0)
        if sure[0].any():
            heights = heights[sure[0]]
        return float(np.quantile(heights, USUAL_HEIGHT)) if len(heights) else 0.0


def believed(body_px: np.ndarray, min_confidence: float) -> np.ndarray:  # (T, 33, 3) -> (T, 33)
    """Confidence of the body keypoints that count, 0 of the others.

    Args:
        min_confidence: what a keypoint needs to count. Everything in frames without sure shoulders needs SURE, and so
            do legs, in most frames around as well.
    """
    confidence, sure = body_px[..., 2], max(min_confidence, SURE)
    least = np.full(confidence.shape, min_confidence)
    least[(confidence[:, TORSO[:2]] < SURE).any(1)] = sure
    least[:, LEGS] = sure
    around = confidence.copy()
    around[:, LEGS] = median_filter(confidence[:, LEGS], (LEG_FRAMES, 1), mode="nearest")
    return np.where(np.minimum(confidence, around) >= least, confidence, 0.0)


class KeypointSource(Protocol):
    """Anything that finds the acting person's keypoints."""

    def detect(
        self,
        frames: np.ndarray,  # (T, H, W, 3) u8
        *,
        near_px: np.ndarray | None = None,  # (2,)
        actor_mask: np.ndarray | None = None,  # (H, W) bool
        on_progress: OnProgress = silent,
        cancel: CancelToken | None = None,
    ) -> KeypointTrack:
        """Keypoints of one person: the one under `actor_mask`, else the one nearest to `near_px` in the first frame.

        Raises:
            LiftError: NO_ACTOR when nobody is found, or in too few frames to follow.
        """
        ...


def completed(track: KeypointTrack, size_px) -> KeypointTrack:
    """Last step of every source: gaps filled, nothing outside the picture.

    Raises:
        LiftError: NO_ACTOR when the person was seen in too few frames to follow.
    """
    seen = int(track.seen.sum())
    if seen < max(2, MIN_SEEN_SHARE * track.num_frames):
        raise LiftError(
            ErrorCode.NO_ACTOR,
            f"a person was found in {seen} of {track.num_frames} frames",
            "the actor must be in view during most of the clip",
        )
    return within_image(fill_gaps(track), size_px)


def fill_gaps(track: KeypointTrack) -> KeypointTrack:
    """Frames without a person get interpolated positions at zero confidence: a start for the fit, not evidence."""
    if track.seen.all():
        return track
    times, known = np.arange(track.num_frames), np.flatnonzero(track.seen)
    body, hint = track.body_px.copy(), track.body_hint_m.copy()
    for array, channels in ((body, 2), (hint, 3)):
        for j in range(NUM_BODY):
            for c in range(channels):
                array[:, j, c] = np.interp(times, known, array[known, j, c])
    body[~track.seen, :, 2] = 0.0
    return replace(track, body_px=body, body_hint_m=hint)


def within_image(track: KeypointTrack, size_px) -> KeypointTrack:
    """Zero confidence outside the picture: there the detector only guesses."""
    height, width = size_px
    arrays = {}
    for name in ("body_px", "left_hand_px", "right_hand_px"):
        points = getattr(track, name).copy()
        outside = (
            (points[..., 0] < 0) | (points[..., 0] > width - 1) | (points[..., 1] < 0) | (points[..., 1] > height - 1)
        )
        points[outside, 2] = 0.0
        arrays[name] = points
    return replace(track, **arrays)
