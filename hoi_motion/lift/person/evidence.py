"""All that is known about the person of a clip before the fit begins, gathered once, each with where it is from."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from hoi_motion.body import BodyModel
from hoi_motion.body.skeleton import Skeleton
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person import planted_feet as standing
from hoi_motion.lift.person.lifter import Lifted, lift_keypoints
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.person.measured_surface import MeasuredSurface
from hoi_motion.lift.person.start import Start, fit_start

# a lifted point is believed to scatter at least so much
LEAST_SPREAD_M = 0.02
# the lifter's spread grows by this across the line of sight where the keypoint itself is believed
SEEN_TWICE = 2.0
# a foot is where it was so many frames ago: from one frame to the next alone it could creep away
LAGS = (1, 4, 16)
# keypoints of a hand scatter about the model's by this share of the person's height
HAND_SPREAD = 0.012


@dataclass(frozen=True)
class SeenPoints:
    """2D keypoints, pixels.

    Attributes:
        px: (T, N, 2); weight: (T, N), 0 for what is not believed.
        spread: (N,) scatter about the model's points, shares of the person's height.
        matrix: (N, 76) of the model's points.
        source: who drew them.
    """

    px: torch.Tensor
    weight: torch.Tensor
    spread: torch.Tensor
    matrix: torch.Tensor
    source: str


@dataclass(frozen=True)
class LiftedPoints:
    """The lifter's 3D points (lifter.py): points_m (T, N, 3), axes (3, 3), spread_m (T, N, 3)."""

    points_m: torch.Tensor
    axes: torch.Tensor
    spread_m: torch.Tensor
    source: str = "lifter"

    def grown(self, ratio: float) -> "LiftedPoints":
        return replace(self, points_m=self.points_m * ratio, spread_m=self.spread_m * ratio)


@dataclass(frozen=True)
class StandingFeet:
    """How surely each foot stands (planted_feet.py).

    Attributes:
        planted: (T, 2) in a frame; through: lag -> (T - lag, 2) from a frame to the one so many later;
        since_start: (T,) both since the first frame.
    """

    planted: torch.Tensor
    through: dict[int, torch.Tensor]
    since_start: torch.Tensor
    source: str = "keypoints of hips and feet"


@dataclass(frozen=True)
class MeasuredSkin:
    """Points of the first frame's skin: the skeleton that carries them, and how far away they are (P,), metres."""

    skeleton: Skeleton
    depth_m: torch.Tensor
    source: str = "depth image"


@dataclass(frozen=True)
class Evidence:
    """What the terms of the fit compare the body with.

    Attributes:
        fps: of the clip; K: (3, 3) pixels; height_px: of the person.
        body: its keypoints; drawn_m: (N, 3) where their detector draws them (model_points.py).
        hands: keypoints of the left and of the right.
        lifted: 3D points; feet: which stand when.
        up: (3,) unit against gravity in the camera frame, where it is measured.
        surface, room: the first frame's depth image; None without one.
        skin: what of the body it shows, as far as known; floor_is_measured: whether it shows the floor.
        betas: (B,) of a body as large as measured.
    """

    fps: float
    K: torch.Tensor
    height_px: float
    body: SeenPoints
    drawn_m: torch.Tensor
    hands: tuple[SeenPoints, SeenPoints]
    lifted: LiftedPoints
    feet: StandingFeet
    up: np.ndarray | None
    surface: MeasuredSurface | None
    room: MeasuredRoom | None
    betas: torch.Tensor
    skin: MeasuredSkin | None = None
    floor_is_measured: bool = False

    def sources(self) -> dict[str, str]:
        """Where each piece is from, as the diagnostics tell it."""
        return {
            "keypoints": self.body.source,
            "points in 3D": self.lifted.source,
            "feet": self.feet.source,
            "up": self.lifted.source if self.up is None else "depth image",
            "floor": "depth image" if self.floor_is_measured else self.feet.source,
            "size": "usual person" if self.skin is None else self.skin.source,
        }


def gather_evidence(
    body: BodyModel,
    track: kp.KeypointTrack,
    K: np.ndarray,  # (3, 3)
    fps: float,
    config: LiftConfig,
    depth_m: np.ndarray | None,  # (H, W), of the first frame
) -> tuple[Evidence, Start]:
    """Everything that is known of the person, and where a fit to it begins."""
    height_px = max(track.person_height_px(), 8.0)
    believed = kp.believed(track.body_px, config.min_keypoint_confidence)
    lifted = lift_keypoints(track, K, fps, config.min_keypoint_confidence)
    surface = None if depth_m is None else MeasuredSurface(depth_m, K, body.faces)
    room = None if depth_m is None else MeasuredRoom(depth_m, K)
    up = None if room is None else room.up(lifted.pitch_rad)
    if up is not None:
        lifted = turned_up(lifted, up)
    rows, source = list(km.BODY_KEYPOINTS), track.detector or "keypoints"
    evidence = Evidence(
        fps=fps,
        K=_tensor(K),
        height_px=height_px,
        body=SeenPoints(
            _tensor(track.body_px[:, rows, :2]),
            _tensor(believed[:, rows]),
            torch.tensor(km.BODY_SPREAD),
            torch.tensor(km.BODY_MATRIX),
            source,
        ),
        drawn_m=torch.tensor(km.drawn_m(track.detector)),
        hands=tuple(
            SeenPoints(_tensor(px[..., :2]), _tensor(px[..., 2]), torch.tensor(HAND_SPREAD), torch.tensor(m), source)
            for px, m in ((track.left_hand_px, km.LEFT_HAND_MATRIX), (track.right_hand_px, km.RIGHT_HAND_MATRIX))
        ),
        lifted=lifted_points(lifted, believed[:, rows]),
        feet=standing_feet(track, height_px, fps),
        up=up,
        surface=surface,
        room=room,
        betas=torch.zeros(body.num_betas),
    )
    return evidence, fit_start(body, track, K, believed, lifted)


def lifted_points(lifted: Lifted, believed: np.ndarray) -> LiftedPoints:  # believed (T, N)
    """Lifted points for the fit. Where a keypoint is believed the lifter saw it too, and knows little more across the
    line of sight: that must not count twice."""
    spread = np.maximum(lifted.spread_m, LEAST_SPREAD_M)
    spread[..., :2] *= 1 + (SEEN_TWICE - 1) * np.minimum(believed, 1)[..., None]
    return LiftedPoints(_tensor(lifted.points_m), _tensor(lifted.axes), _tensor(spread))


def standing_feet(track: kp.KeypointTrack, height_px: float, fps: float) -> StandingFeet:
    planted = standing.planted_feet(track, height_px, fps)
    known = planted, standing.hips_reached(track, height_px), standing.feet_seen(track)
    through = {lag: _tensor(standing.standing_through(*known, lag)) for lag in LAGS if lag < len(planted)}
    return StandingFeet(_tensor(planted), through, _tensor(standing.standing_since_start(*known)))


def turned_up(lifted: Lifted, up: np.ndarray) -> Lifted:
    """Lifted points with the measured up, in a camera without roll (camera.py).

    Where the lifter errs about up, its person leans with it, along the line of sight; what is seen across it stays.
    """
    level = up * [0, 1, 1] / np.linalg.norm(up[1:])
    lean = np.arctan2(level[2], -level[1]) - lifted.pitch_rad
    points = lifted.points_m.copy()
    points[..., 2] -= np.tan(lean) * points[..., 1]
    return replace(lifted, up=level, points_m=points)


def _tensor(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)
