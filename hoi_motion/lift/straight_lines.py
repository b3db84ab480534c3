"""How far a camera looks down, and its focal length, by the straight edges of rooms and furniture in its picture.

Such edges mostly run along three directions at right angles, one of them upright (Manhattan world; Coughlan & Yuille,
ICCV 1999): the camera's pitch, roll and heading that make edges run towards their three vanishing points are the
probable ones. Edges are OpenCV's line segments (LSD; Grompone von Gioi et al., PAMI 2010). Where a picture has no such
edges, what was expected stays, and how much is known is told by the spread.
"""

import cv2
import numpy as np

from hoi_motion.keypoints import track as kp

SOURCE = "straight lines"
# least length of an edge, and that of one that counts once, shares of the picture's height; longer ones count more
SHORT = 0.04
ONCE = 0.06
MOST = 3.0
# edges are looked for in a picture of at most this height
LARGEST_PX = 720
# the longest ones tell nearly all
EDGES = 100
# edges of one thing err together: so many of those that count once are as good as one, and all of them as so many
TOGETHER = 3.0
ALL = 15.0
# an edge's direction scatters by this about that of its vanishing point, and so do its ends
SCATTER_DEG = 0.8
ENDS_PX = 0.5
# of all edges, those that run anywhere
CLUTTER = 0.5
# scatter of the expected pitch and of the roll, Student's t both, since they may be far off
EXPECTED_DEG = 3.0
FREEDOM = 3.0
ROLL_DEG = 1.5
# searched: so far about the expected pitch, and about no roll
REACH_DEG = 20
MOST_ROLL_DEG = 8
STEP_DEG = 1.0
HEADING_STEP_DEG = 2.0
LEAST_SPREAD_DEG = 0.5
# focal lengths that are compared, and the usual one and its spread as a logarithm, by the picture's diagonal: phones
# and robots have about .65, photographs and films 1; by the longest edges, with a usual pitch
FOCALS = np.array([0.45, 0.55, 0.65, 0.75, 0.87, 1.0, 1.15, 1.35])
USUAL_FOCAL, USUAL_FOCAL_SPREAD = 0.8, 0.3
FOCAL_EDGES = 60
# with a smaller spread than this edges have told the focal length
TOLD_FOCAL = 0.15
USUAL_DEG, USUAL_SPREAD_DEG = -8.0, 8.0
# people are as wide as this about their keypoints, shares of their height
PERSON = 0.08


class StraightLines:
    """The straight edges of a picture.

    Attributes:
        ends_px: (N, 4) x, y of both ends, the longest first.
        K: (3, 3) pixels.
        height_px: of the picture.
    """

    def __init__(self, ends_px: np.ndarray, K: np.ndarray, height_px: int):
        length = np.hypot(*(ends_px[:, 2:] - ends_px[:, :2]).T)
        order = np.argsort(-length, kind="stable")[:EDGES]
        self.ends_px, self.K, self.height_px = ends_px[order], np.asarray(K, float), height_px

    @classmethod
    def of(cls, picture: np.ndarray, K: np.ndarray, without: np.ndarray) -> "StraightLines":
        """Those of a picture.

        Args:
            picture: (H, W, 3) uint8 RGB.
            without: (H, W) bool, true where no edge counts: on people, and on things of any attitude.
        """
        without = cv2.dilate(without.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0  # with their outlines
        smaller = min(1.0, LARGEST_PX / len(picture))
        grey = cv2.resize(
            cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), None, fx=smaller, fy=smaller, interpolation=cv2.INTER_AREA
        )
        found = cv2.createLineSegmentDetector().detect(grey)[0]
        ends = np.zeros((0, 4)) if found is None else (found[:, 0].astype(float) + 0.5) / smaller - 0.5
        length = np.hypot(*(ends[:, 2:] - ends[:, :2]).T)
        middle = ((ends[:, :2] + ends[:, 2:]) / 2).astype(int).clip(0, np.array(without.shape)[::-1] - 1)
        counts = (length > SHORT * len(picture)) & ~without[middle[:, 1], middle[:, 0]]
        return cls(ends[counts], K, len(picture))

    def pitch(self, expected_rad: float) -> tuple[float, float]:
        """Mean and standard deviation of the camera's pitch, radians, positive looks up.

        Args:
            expected_rad: by the person in the picture, right within EXPECTED_DEG.
        """
        pitch, log = self._posterior(np.rad2deg(expected_rad), EXPECTED_DEG)
        share = np.exp(log - log.max()).sum((1, 2))
        mean, spread = _mean_and_spread(pitch, share)
        return float(np.deg2rad(mean)), float(np.deg2rad(max(spread, LEAST_SPREAD_DEG)))

    def roll(self, expected_rad: float) -> float:
        """Mean of the camera's roll, radians, positive when what is upright leans to the right in the picture; 0 where
        edges do not tell it.

        Args:
            expected_rad: of the pitch, as for `pitch`.
        """
        roll = np.arange(-MOST_ROLL_DEG, MOST_ROLL_DEG + STEP_DEG / 2, STEP_DEG)
        _, log = self._posterior(np.rad2deg(expected_rad), EXPECTED_DEG)
        mean, _ = _mean_and_spread(roll, np.exp(log - log.max()).sum((0, 2)))
        return float(np.deg2rad(mean))

    def focal(self) -> tuple[float, float]:
        """Mean of the focal length, pixels, and its standard deviation as a share of it.

        K tells the principal point and, by its focal length, the picture's diagonal.
        """
        evidence = []
        for share in FOCALS:
            K = self.K * [[share, 1, 1], [1, share, 1], [1, 1, 1]]
            lines = StraightLines(self.ends_px[:FOCAL_EDGES], K, self.height_px)
            _, log = lines._posterior(USUAL_DEG, USUAL_SPREAD_DEG)
            evidence.append(log.max() + np.log(np.exp(log - log.max()).sum()))
        logs = np.log(FOCALS)
        log = evidence - 0.5 * ((logs - np.log(USUAL_FOCAL)) / USUAL_FOCAL_SPREAD) ** 2
        mean, spread = _mean_and_spread(logs, np.exp(log - log.max()))
        return float(self.K[0, 0] * np.exp(mean)), spread

    def seen_by(self, K: np.ndarray) -> "StraightLines":
        """The same edges, by a camera of other intrinsics (3, 3)."""
        return StraightLines(self.ends_px, K, self.height_px)

    def _posterior(self, expected_deg: float, spread_deg: float) -> tuple[np.ndarray, np.ndarray]:
        """Pitches (P,), degrees, and logarithms (P, R, headings) of how probable each is with rolls and headings."""
        pitch = expected_deg + np.arange(-REACH_DEG, REACH_DEG + STEP_DEG / 2, STEP_DEG)
        roll = np.arange(-MOST_ROLL_DEG, MOST_ROLL_DEG + STEP_DEG / 2, STEP_DEG)
        log = _student((pitch - expected_deg) / spread_deg)[:, None, None] + _student(roll / ROLL_DEG)[:, None]
        if not len(self.ends_px):
            return pitch, log
        # pitch by pitch, since all at once take half a gigabyte
        return pitch, log + np.concatenate(
            [self._log_likelihood(p, np.deg2rad(roll)) for p in np.deg2rad(pitch)[:, None]]
        )

    def _log_likelihood(self, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:  # (P,) and (R,) -> (P, R, headings)
        """Of all edges, for a camera in a room of which each edge runs up, or along one of two walls, or anyhow."""
        heading = np.deg2rad(np.arange(0, 90, HEADING_STEP_DEG))
        up = upright(pitch[:, None], roll)  # (P, R, 3)
        ahead = np.array([0, 0, 1.0]) - up[..., 2:] * up
        ahead /= np.maximum(np.linalg.norm(ahead, axis=-1, keepdims=True), 1e-9)  # 0 where it looks straight down
        right, turn = np.cross(ahead, up), heading[:, None]
        one = np.cos(turn) * ahead[:, :, None] + np.sin(turn) * right[:, :, None]  # (P, R, headings, 3)
        other = np.cos(turn) * right[:, :, None] - np.sin(turn) * ahead[:, :, None]
        density = sum(self._density(direction) for direction in (up[:, :, None], one, other)) / 3
        counts = np.minimum(self._length_px / (ONCE * self.height_px), MOST) / TOGETHER
        counts *= min(1.0, ALL / counts.sum())
        return np.log((1 - CLUTTER) * density + CLUTTER / 90) @ counts

    @property
    def _length_px(self) -> np.ndarray:  # (N,)
        return np.hypot(*(self.ends_px[:, 2:] - self.ends_px[:, :2]).T)

    def _density(self, direction: np.ndarray) -> np.ndarray:  # (..., 3) -> (..., N)
        """How densely each edge would lie, per degree, about the vanishing point of a direction if it ran that way.

        The half of a normal distribution: of the angle, 0 to 90 degrees, between the edge and the line from its middle
        to that point.
        """
        vanishing = (direction @ self.K.T).astype(np.float32)[..., None, :]  # homogeneous: it may be at infinity
        middle = ((self.ends_px[:, :2] + self.ends_px[:, 2:]) / 2).astype(np.float32)
        along = ((self.ends_px[:, 2:] - self.ends_px[:, :2]) / self._length_px[:, None]).astype(np.float32)
        to_x, to_y = (vanishing[..., i] - vanishing[..., 2] * middle[:, i] for i in (0, 1))
        sine = np.abs(to_x * along[:, 1] - to_y * along[:, 0]) / np.sqrt(to_x * to_x + to_y * to_y + 1e-12)
        spread_deg = np.hypot(SCATTER_DEG, np.rad2deg(ENDS_PX / self._length_px)).astype(np.float32)
        off = np.rad2deg(np.arcsin(np.minimum(sine, 1))) / spread_deg
        return np.exp(-0.5 * off * off) * np.float32(np.sqrt(2 / np.pi)) / spread_deg


def _student(off: np.ndarray) -> np.ndarray:
    """Logarithm of Student's density, but for a constant."""
    return -(FREEDOM + 1) / 2 * np.log1p(off**2 / FREEDOM)


def _mean_and_spread(values: np.ndarray, share: np.ndarray) -> tuple[float, float]:
    mean = share @ values / share.sum()
    return float(mean), float(np.sqrt(share @ (values - mean) ** 2 / share.sum()))


def upright(pitch_rad, roll_rad=0.0) -> np.ndarray:  # (...) each -> (..., 3)
    """Unit vectors against gravity in the camera frame (x right, y down, z ahead)."""
    p, r = np.broadcast_arrays(pitch_rad, roll_rad)
    return np.stack([np.sin(r), -np.cos(r) * np.cos(p), np.cos(r) * np.sin(p)], -1)


def where_person_is(track: kp.KeypointTrack, confidence: float, size_px: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, true on the person of a track's first frame and between their limbs.

    Args:
        confidence: from which a keypoint is believed.
    """
    mask = np.zeros(size_px, np.uint8)
    seen = track.body_px[0, track.body_px[0, :, 2] >= confidence, :2]
    if track.seen[0] and len(seen):
        wide = max(1, round(PERSON * max(track.person_height_px(), np.ptp(seen[:, 1]))))
        cv2.fillConvexPoly(mask, cv2.convexHull(seen.astype(np.int32)), 1)
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wide + 1, 2 * wide + 1)))
    return mask > 0
