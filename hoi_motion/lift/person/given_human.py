"""A human from a file, placed before the clip's camera: its own poses, our camera.

The file's world stands upright (z up), so what is open is its heading and place in the level frame (camera.py) and the
camera's pitch: five numbers, found from all frames' keypoints at once.
"""

import numpy as np
import torch
from scipy.optimize import least_squares

from hoi_motion.body import BodyModel
from hoi_motion.body.change import turned
from hoi_motion.errors import ErrorCode, InputError, LiftError, counted
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.doubt import USUAL_SPREAD_M, off_probability
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.fit import MAX_MEAN_ERROR, BodyFit
from hoi_motion.lift.person.measured_surface import MeasuredSurface
from hoi_motion.motion import HoiMotion
from hoi_motion.rigid import R_about_z

HEADINGS = 8
# cameras at head height look down a little
USUAL_PITCH_DEG = -8.0
PITCH_SPREAD_DEG = 14.0
GIVEN_PITCH_SPREAD_DEG = 0.2
HEIGHT_M = 1.7
# scale of the robust reprojection, as a share of the person's height
ROBUST = 0.05
DEPTH_SPREAD = 0.01
DEPTH_ROUNDS = 2


def check_human(human: HoiMotion, num_frames: int, fps: float) -> None:
    """Raises: InputError SIZE_MISMATCH when the file's frames are not the clip's."""
    if human.num_frames != num_frames:
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"the human has {counted(human.num_frames, 'frame')}, the video {num_frames}",
            "give the file that was made from this very video, frame for frame; cut the video where nobody is in it",
        )
    if abs(human.fps / fps - 1) > 0.02:
        raise InputError(
            ErrorCode.SIZE_MISMATCH,
            f"the human has {human.fps:g} frames per second, the video {fps:g}",
            "resample one of them",
        )


def on_frames_of(human: HoiMotion, source_frames: np.ndarray, source_count: int, fps: float) -> HoiMotion:
    """A human that was made from every frame of a video, at the frames that were taken from that video.

    Args:
        source_frames: (T,) int, which of the video's `source_count` frames each is; fps: their rate.

    Returns:
        The human unchanged when it does not have one frame for every frame of the video.
    """
    if human.num_frames != source_count:
        return human
    return human.replace(
        pose_rad=human.pose_rad[source_frames],
        transl_m=human.transl_m[source_frames],
        fps=fps,
        objects=(),
        contacts=(),
        supports=(),
        T_first_camera=None if human.T_first_camera is None else human.T_first_camera[source_frames],
    )


def place_human(body: BodyModel, human: HoiMotion, seen: PersonSeen, config: LiftConfig = LiftConfig()) -> BodyFit:
    """Place a given human, of this very body, so that it projects onto the keypoints of the video.

    Returns:
        The human in the level frame; the floor is under its lowest skin point of the clip.

    Raises:
        LiftError: FIT_DIVERGED when no place explains the keypoints.
    """
    points_m = body.joints(human.pose_rad, human.transl_m, human.betas).numpy().astype(float)
    centre_m = points_m[:, 0].mean(0)
    placing = _Placing(points_m - centre_m, seen.track, seen.K, config, seen.known.pitch_rad)
    starts = [placing.solve(placing.start(2 * np.pi * i / HEADINGS), evaluations=10) for i in range(HEADINGS)]
    best = placing.solve(min(starts, key=lambda found: found.cost).x, evaluations=100)
    if seen.depth_m is not None:
        skin_m = body.vertices_and_joints(human.pose_rad[:1], human.transl_m[:1], human.betas)[0][0].numpy() - centre_m
        surface = MeasuredSurface(seen.depth_m, seen.K, body.faces, seen.actor_mask)
        # the visible skin depends on the place, so both are refined in turn
        for _ in range(DEPTH_ROUNDS):
            in_camera_m = placing.in_camera_m(skin_m, best.x)
            ids, measured_m = surface.seen(in_camera_m)
            if not len(ids):
                break
            placing.pelvis_depth_m = placing.first_pelvis_m(best.x)[2] + np.median(measured_m - in_camera_m[ids, 2])
            best = placing.solve(best.x, evaluations=30)
    heading, pitch = best.x[:2]
    error = placing.error(best.x)
    if not np.isfinite(error).all() or error.mean() > MAX_MEAN_ERROR:
        raise LiftError(
            ErrorCode.FIT_DIVERGED,
            f"the given human misses the person in the video by {100 * error.mean():.1f}% of the body height (mean)",
            "is the file from this very video?",
        )
    R, place_m = R_about_z(heading), placing.place_m(best.x)
    rest_m = body.joints(np.zeros((1, 55, 3)), np.zeros((1, 3)), human.betas)[0, 0].numpy()
    pose = human.pose_rad.copy()
    pose[:, 0] = turned(pose[:, 0], R)
    transl_m = ((human.transl_m + rest_m - centre_m) @ R.T + place_m - rest_m).astype(np.float32)
    vertices, _ = body.vertices_and_joints(pose, transl_m, human.betas)
    return BodyFit(
        pose_rad=pose,
        transl_m=transl_m,
        betas=human.betas.copy(),
        points_m=placing.level_m(best.x),
        pitch_rad=float(pitch),
        floor_m=float(vertices[..., 2].min()),
        error=error,
        off=off_probability(seen.track, error, USUAL_SPREAD_M),
        energy=float(best.cost),
    )


class _Placing:
    """Residuals of heading, pitch, and the place's x/z, y/z and log depth in the camera."""

    def __init__(self, points_m, track, K, config, given_pitch_rad: float | None):
        self.points_m, self.K = points_m, np.asarray(K, float)
        self.pitch_rad, self.pitch_spread_rad = np.deg2rad((USUAL_PITCH_DEG, PITCH_SPREAD_DEG))
        if given_pitch_rad is not None:
            self.pitch_rad, self.pitch_spread_rad = given_pitch_rad, np.deg2rad(GIVEN_PITCH_SPREAD_DEG)
        self.keypoints_m = np.einsum("kj,tjc->tkc", km.BODY_MATRIX, points_m)
        self.height_px = max(track.person_height_px(), 8.0)
        rows = list(km.BODY_KEYPOINTS)
        self.px = track.body_px[:, rows, :2]
        self.weight = kp.believed(track.body_px, config.min_keypoint_confidence)[:, rows]
        self.pelvis_depth_m = None  # in the first frame, when measured
        hips = track.body_px[:, [kp.L_HIP, kp.R_HIP], :2].mean((0, 1))
        self.ray = (hips - self.K[:2, 2]) / [self.K[0, 0], self.K[1, 1]]

    def start(self, heading: float) -> np.ndarray:  # (5,)
        depth_m = self.K[1, 1] * HEIGHT_M / self.height_px
        return np.array([heading, self.pitch_rad, *self.ray, np.log(depth_m)])

    def solve(self, start: np.ndarray, evaluations: int):
        return least_squares(self.residuals, start, max_nfev=evaluations)

    def place_m(self, x) -> np.ndarray:  # (3,) in the level frame
        depth = np.exp(np.clip(x[4], -3, 6))
        return _R_level_camera(x[1]) @ np.array([x[2] * depth, x[3] * depth, depth])

    def level_m(self, x) -> np.ndarray:  # (T, 76, 3)
        return self.points_m @ R_about_z(x[0]).T + self.place_m(x)

    def in_camera_m(self, points_m: np.ndarray, x) -> np.ndarray:  # (..., 3) of the given human, from its centre
        return (points_m @ R_about_z(x[0]).T + self.place_m(x)) @ _R_level_camera(x[1])

    def first_pelvis_m(self, x) -> np.ndarray:  # (3,) in the camera frame
        return self.in_camera_m(self.points_m[0, 0], x)

    def _miss(self, x) -> np.ndarray:  # (T, N, 2) shares of the person's height
        seen = self.in_camera_m(self.keypoints_m, x)
        return ((seen / np.maximum(seen[..., 2:], 0.05)) @ self.K[:2].T - self.px) / self.height_px

    def error(self, x) -> np.ndarray:  # (T,)
        distance = np.linalg.norm(self._miss(x), axis=-1)
        return (self.weight * distance).sum(1) / np.maximum(self.weight.sum(1), 1e-3)

    def residuals(self, x) -> np.ndarray:
        miss = self._miss(x) / ROBUST
        square = (miss**2).sum(-1, keepdims=True)
        # soft L1: quadratic when small, its square grows like the distance when large
        miss = miss * np.sqrt(2 * (np.sqrt(1 + square) - 1) / (square + 1e-12))
        pitch = (x[1] - self.pitch_rad) / self.pitch_spread_rad
        terms = [(np.sqrt(self.weight)[..., None] * miss).ravel(), [pitch]]
        if self.pelvis_depth_m is not None:
            ratio = max(self.first_pelvis_m(x)[2], 0.05) / self.pelvis_depth_m
            terms.append([np.sqrt(len(self.px)) * np.log(ratio) / DEPTH_SPREAD])
        return np.concatenate(terms)


def _R_level_camera(pitch: float) -> np.ndarray:
    return R_level_camera(torch.tensor(pitch, dtype=torch.float64)).numpy()
