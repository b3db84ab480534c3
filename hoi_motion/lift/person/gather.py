"""All that is known about the person of a clip, gathered once before the fit begins."""

from dataclasses import replace

import numpy as np
import torch

from hoi_motion.body import BodyModel
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.evidence import (
    DEPTH_IMAGE,
    GIVEN,
    STRAIGHT_LINES,
    Evidence,
    LiftedPoints,
    PersonSeen,
    SeenPoints,
    StandingFeet,
)
from hoi_motion.lift.person.feet import planted as standing
from hoi_motion.lift.person.lifter import Lifted, lift_keypoints
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.person.measured_surface import MeasuredSurface
from hoi_motion.lift.person.start import Start, distance_by_bones, fit_start, smoothed
from hoi_motion.lift.straight_lines import upright

# the lifter's estimate of the camera's pitch is right within this
LIFTED_PITCH_RAD = np.deg2rad(4.0)
# least scatter assumed of a lifted point
LEAST_SPREAD_M = 0.02
# the lifter's spread across the line of sight is multiplied by this where the keypoint itself is believed
SEEN_TWICE = 2.0
# a standing foot is where it was this many frames ago: compared with the last frame alone it could creep away
LAGS = (1, 4, 16)
# keypoints of a hand scatter about the model's by this share of the person's height
HAND_SPREAD = 0.012
# MediaPipe draws the hips of people who bend forward too low: (lean in radians, share of the trunk), from standing to
# crouching on the floor, where it does not; seen in 19 of 21 training-range scenes (median 8 cm a radian)
HIPS_SLIDE = ((0.1, 0.0), (0.7, 0.096), (1.3, 0.0))


def gather_evidence(body: BodyModel, seen: PersonSeen, config: LiftConfig) -> tuple[Evidence, Start]:
    """Everything that is known of the person, and where the fit starts."""
    track, K, fps, depth_m, known, lines = seen.track, seen.K, seen.fps, seen.depth_m, seen.known, seen.lines
    height_px = max(track.person_height_px(), 8.0)
    believed = kp.believed(track.body_px, config.min_keypoint_confidence)
    track, lifted = lift_leaning(track, K, fps, config.min_keypoint_confidence)
    surface = None if depth_m is None else MeasuredSurface(depth_m, K, body.faces, seen.actor_mask)
    room = None if depth_m is None else MeasuredRoom(depth_m, K)
    pitch_rad, spread_rad = (lifted.pitch_rad, LIFTED_PITCH_RAD) if lines is None else lines.pitch(lifted.pitch_rad)
    up, up_source = known.up_camera, GIVEN
    if up is None and room is not None:
        up, up_source = room.up(pitch_rad), DEPTH_IMAGE
    if up is None:
        up_source = LiftedPoints.source if lines is None else STRAIGHT_LINES
    lifted = turned_up(lifted, upright(pitch_rad) if up is None else up)
    distance_m = distance_by_bones(body, track, K, believed, lifted)
    reached = standing.hips_reached(track, height_px, K[0, 0], smoothed(distance_m[:, None])[:, 0])
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
        feet=standing_feet(track, height_px, fps, reached),
        up=up,
        up_source=up_source,
        pitch_spread_rad=spread_rad,
        camera_over_floor_m=known.camera_over_floor_m,
        beyond=None if seen.edges is None else seen.edges.beyond(track),
        surface=surface,
        room=room,
        betas=torch.zeros(body.num_betas),
    )
    return evidence, fit_start(body, track, K, lifted, distance_m)


def lift_leaning(
    track: kp.KeypointTrack, K: np.ndarray, fps: float, min_confidence: float
) -> tuple[kp.KeypointTrack, Lifted]:
    """The track with its hips put right, and its 3D keypoints.

    A detector may draw the hips of leaning people too low. The lifter has learnt from hips as they are drawn; the fit
    needs them where they are. Arguments as in `lift_keypoints`.
    """
    lifted = lift_keypoints(track, K, fps, min_confidence)
    if track.detector != km.MEDIAPIPE:
        return track, lifted
    return with_hips_up(track, hips_slide(lifted.lean_rad)), lifted


def hips_slide(lean_rad: np.ndarray) -> np.ndarray:  # (T,) -> (T,)
    """By what share of the trunk the hips of a person who leans so far are drawn too low."""
    return np.interp(lean_rad, *np.transpose(HIPS_SLIDE))


def with_hips_up(track: kp.KeypointTrack, shares: np.ndarray) -> kp.KeypointTrack:
    """The hips nearer to the shoulders by shares (T,) of the trunk as it is seen."""
    body, hips = track.body_px.copy(), [kp.L_HIP, kp.R_HIP]
    trunk_px = body[:, [kp.L_SHOULDER, kp.R_SHOULDER], :2].mean(1) - body[:, hips, :2].mean(1)
    body[:, hips, :2] += (shares[:, None] * trunk_px)[:, None]
    return replace(track, body_px=body)


def lifted_points(lifted: Lifted, believed: np.ndarray) -> LiftedPoints:  # believed (T, N)
    """Lifted points for the fit. Where a keypoint is believed the lifter saw it too, and knows little more across the
    line of sight: that must not count twice."""
    spread = np.maximum(lifted.spread_m, LEAST_SPREAD_M)
    spread[..., :2] *= 1 + (SEEN_TWICE - 1) * np.minimum(believed, 1)[..., None]
    return LiftedPoints(_tensor(lifted.points_m), _tensor(lifted.axes), _tensor(spread), _tensor(lifted.lean_rad))


def standing_feet(track: kp.KeypointTrack, height_px: float, fps: float, reached: np.ndarray) -> StandingFeet:
    planted = standing.planted_feet(track, height_px, fps, reached)
    seen = standing.feet_seen(track)
    through = {lag: standing.standing_through(planted, reached, seen, lag) for lag in LAGS if lag < len(planted)}
    stood = standing.on_standing_feet(planted, reached)
    return StandingFeet(_tensor(planted), {lag: _tensor(t) for lag, t in through.items()}, _tensor(stood))


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
