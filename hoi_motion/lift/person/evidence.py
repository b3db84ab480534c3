"""What may be known about the person of a clip before the fit begins, each piece with its source (gather.py)."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from hoi_motion.body.skeleton import Skeleton
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.person.measured_surface import MeasuredSurface
from hoi_motion.lift.person.picture_edges import BeyondEdges, PictureEdges
from hoi_motion.lift.straight_lines import StraightLines

# sources of up and the floor, besides the network and the feet
GIVEN = "given camera"
DEPTH_IMAGE = "depth image"
STRAIGHT_LINES = "lifter and straight lines"


@dataclass(frozen=True)
class PersonSeen:
    """What a clip shows of the person, and what is known besides: the input of the fit.

    Attributes:
        track: keypoints; K: (3, 3) px; fps: of the clip.
        depth_m, actor_mask: (H, W) of the first frame; lines: its straight edges, which say how far the camera looks
            down. Without them the person alone does.
        known: the camera against gravity and over the person's floor, where somebody knows them.
        edges: of the pictures; None where nobody told.
    """

    track: KeypointTrack
    K: np.ndarray
    fps: float
    depth_m: np.ndarray | None = None
    actor_mask: np.ndarray | None = None
    lines: StraightLines | None = None
    known: KnownScene = KnownScene()
    edges: PictureEdges | None = None


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
    """How surely each foot stands (feet/planted.py).

    Attributes:
        planted: (T, 2) in a frame; through: lag -> (T - lag, 2) from a frame to the one so many later;
        since_start: (T,) on both since the first frame.
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
class Touch:
    """Hands on the object while it rests, and how far away it is.

    Attributes:
        at: (T, 2) bool, when left and right hand touch it; sure: (2,) how probably they do, by the picture.
        centre_m: of the object along the optical axis, and its spread.
    """

    at: np.ndarray
    sure: np.ndarray
    centre_m: float
    spread_m: float


@dataclass(frozen=True)
class Evidence:
    """What the terms of the fit compare the body with.

    Attributes:
        fps: of the clip; K: (3, 3) pixels; height_px: of the person.
        body: its keypoints; drawn_m: (N, 3) where their detector draws them (model_points.py).
        hands: keypoints of the left and of the right; beyond: those of the arms outside the picture, if it is known.
        lifted: 3D points; feet: which stand when.
        up: (3,) unit against gravity in the camera frame, where it is given or measured; up_source: by whom.
        pitch_spread_rad: scatter of the pitch from which the fit starts, where up is not.
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
    pitch_spread_rad: float
    camera_over_floor_m: float | None
    surface: MeasuredSurface | None
    room: MeasuredRoom | None
    betas: torch.Tensor
    beyond: BeyondEdges | None = None
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
