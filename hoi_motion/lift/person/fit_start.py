"""Where the body fit starts: a pose from lifted 3D points, distance from body size."""

from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.body import BodyModel
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.lifter import Lifted
from hoi_motion.lift.person.priors import REST_POSE_RAD
from hoi_motion.lift.person.start_pose import start_pose


@dataclass(frozen=True)
class Start:
    """Initial values of a fit; level frame as in camera.py.

    Attributes:
        R_level_root: (T, 3, 3); body_rad: (T, 21, 3); ray: (T, 2) pelvis x/z and y/z in the camera frame;
        log_depth: (T,) of the pelvis; pitch_rad, floor_m: of the camera.
    """

    R_level_root: np.ndarray
    body_rad: np.ndarray
    ray: np.ndarray
    log_depth: np.ndarray
    pitch_rad: float
    floor_m: float


def fit_start(body: BodyModel, track: kp.KeypointTrack, K, confident, lifted: Lifted) -> Start:
    """Start values from keypoints and their lifted points."""
    T = track.num_frames
    pitch = lifted.pitch_rad
    R_level_cam = R_level_camera(torch.tensor(pitch, dtype=torch.float64)).numpy()
    R_level_root, body_rad = start_pose(lifted.points_m @ R_level_cam.T)
    # distance: model bones turned like the lifted ones, compared in size with the keypoints (SMPLify-X, section 3.4)
    pose = np.concatenate([np.zeros((1, 1, 3)), REST_POSE_RAD[None], np.zeros((1, 33, 3))], 1)
    rest = body.joints(pose, np.zeros((1, 3)), np.zeros(1))
    model = km.BODY_MATRIX @ rest[0].numpy()
    rows = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}
    depths = np.full(T, np.nan)
    for t in range(T):
        ratios, weights = [], []
        for a, b in km.BONES:
            weight = confident[t, a] * confident[t, b]
            bone = lifted.points_m[t, rows[b]] - lifted.points_m[t, rows[a]]
            length = np.linalg.norm(model[rows[b]] - model[rows[a]])
            seen = np.linalg.norm(track.body_px[t, b, :2] - track.body_px[t, a, :2])
            across = length * np.linalg.norm(bone[:2]) / (np.linalg.norm(bone) + 1e-6)
            if weight > 0 and seen > 1e-3:
                ratios.append(K[0, 0] * across / seen)
                weights.append(weight * seen)
        if ratios:
            order = np.argsort(ratios)
            total = np.cumsum(np.array(weights)[order])
            depths[t] = np.array(ratios)[order][np.searchsorted(total, total[-1] / 2)]
    known = np.flatnonzero(np.isfinite(depths))
    log_depth = np.interp(np.arange(T), known, np.log(np.clip(depths[known], 0.3, 60.0))) if len(known) else np.ones(T)
    log_depth = np.full(T, np.median(log_depth)) * 0.5 + _smoothed(log_depth[:, None])[:, 0] * 0.5
    hips = track.body_px[:, [kp.L_HIP, kp.R_HIP]]
    ray = _smoothed((hips[..., :2].mean(1) - K[:2, 2]) / [K[0, 0], K[1, 1]], 3)
    pelvis_camera = np.column_stack([ray, np.ones(T)]) * np.exp(log_depth)[:, None]
    pelvis_up = float(np.median(pelvis_camera @ R_level_cam[2]))
    feet = model[[rows[k] for k in (kp.L_HEEL, kp.R_HEEL, kp.L_TOE, kp.R_TOE)], 1].min() - rest[0, 0, 1].item()
    return Start(
        R_level_root=R_level_root,
        body_rad=body_rad,
        ray=ray,
        log_depth=log_depth,
        pitch_rad=pitch,
        floor_m=pelvis_up + feet,
    )


def _smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Running mean over time (T, C) with shortened ends."""
    if len(values) < 2:
        return values
    kernel = np.ones(min(width, len(values)))
    count = np.convolve(np.ones(len(values)), kernel, "same")
    return np.stack([np.convolve(c, kernel, "same") / count for c in values.T], axis=-1)
