"""All that is known about the person of a clip before the fit begins, gathered once, each piece with its source."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from hoi_motion.body import BodyModel
from hoi_motion.body.skeleton import Skeleton
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person import planted_feet as standing
from hoi_motion.lift.person.lifter import HIPS, SHOULDERS, Lifted, lift_keypoints
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.person.measured_surface import MeasuredSurface
from hoi_motion.lift.person.start import Start, fit_start

# least scatter assumed of a lifted point
LEAST_SPREAD_M = 0.02
# the lifter's spread grows by this across the line of sight where the keypoint itself is believed
SEEN_TWICE = 2.0
# a standing foot is where it was this many frames ago: compared with the last frame alone it could creep away
LAGS = (1, 4, 16)
# keypoints of a hand scatter about the model's by this share of the person's height
HAND_SPREAD = 0.012
# sources of up and the floor, besides the network and the feet
GIVEN = "given camera"
DEPTH_IMAGE = "depth image"


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
    """The lifter's 3D points (lifter.py): points_m (T, N, 3), axes (3, 3), spread_m (T, N, 3).

    lean_rad (T,): of their trunk from upright.
    """

    points_m: torch.Tensor
    axes: torch.Tensor
    spread_m: torch.Tensor
    lean_rad: torch.Tensor
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


@dataclass(frozen=True)
class Evidence:
    """What the terms of the fit compare the body with.

    Attributes:
        fps: of the clip; K: (3, 3) pixels; height_px: of the person.
        body: its keypoints; drawn_m: (N, 3) where their detector draws them (model_points.py).
        hands: keypoints of the left and of the right.
        lifted: 3D points; feet: which stand when.
        up: (3,) unit against gravity in the camera frame, where it is given or measured; up_source: by whom.
        camera_over_floor_m: how high the camera is over the person's floor, where that is given.
        surface, room: the first frame's depth image; None without one.
        skin: what of the body it shows, as far as known.
        floor_source, size_source: what says where the floor is, if anything does, and how large the person is.
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
    up_source: str
    camera_over_floor_m: float | None
    surface: MeasuredSurface | None
    room: MeasuredRoom | None
    betas: torch.Tensor
    skin: MeasuredSkin | None = None
    floor_source: str = ""
    size_source: str = "usual person"

    def sources(self) -> dict[str, str]:
        """Where each piece is from, as the diagnostics tell it."""
        return {
            "keypoints": self.body.source,
            "points in 3D": self.lifted.source,
            "feet": self.feet.source,
            "up": self.up_source,
            "floor": self.floor_source or self.feet.source,
            "size": self.size_source,
        }


def gather_evidence(
    body: BodyModel,
    track: kp.KeypointTrack,
    K: np.ndarray,  # (3, 3)
    fps: float,
    config: LiftConfig,
    depth_m: np.ndarray | None,  # (H, W), of the first frame
    known: KnownScene,
) -> tuple[Evidence, Start]:
    """Everything that is known of the person, and where a fit to it begins."""
    height_px = max(track.person_height_px(), 8.0)
    believed = kp.believed(track.body_px, config.min_keypoint_confidence)
    lifted = lift_keypoints(track, K, fps, config.min_keypoint_confidence)
    surface = None if depth_m is None else MeasuredSurface(depth_m, K, body.faces)
    room = None if depth_m is None else MeasuredRoom(depth_m, K)
    up, up_source = known.up_camera, GIVEN
    if up is None and room is not None:
        up, up_source = room.up(lifted.pitch_rad), DEPTH_IMAGE
    if up is None:
        up_source = LiftedPoints.source
    else:
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
        up_source=up_source,
        camera_over_floor_m=known.camera_over_floor_m,
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
    trunk = lifted.points_m[:, SHOULDERS].mean(1) - lifted.points_m[:, HIPS].mean(1)
    upright = (trunk @ lifted.up) / np.maximum(np.linalg.norm(trunk, axis=1), 1e-6)
    lean_rad = np.arccos(np.clip(upright, -1, 1))
    return LiftedPoints(_tensor(lifted.points_m), _tensor(lifted.axes), _tensor(spread), _tensor(lean_rad))


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
