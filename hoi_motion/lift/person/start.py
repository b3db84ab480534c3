"""Where the body fit starts: a pose from lifted 3D points, joint by joint, and a distance from body size."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from hoi_motion.body import BodyModel
from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.lifter import Lifted
from hoi_motion.lift.person.priors import REST_POSE_RAD

_ROW = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}
_JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}


@dataclass(frozen=True)
class _Limb:
    """An arm or a leg: two bones, a joint that turns both and a hinge between them.

    Attributes:
        root, hinge: names of the joints.
        keypoints: where the first bone begins, where the two meet, where the second ends.
        bone, axis: of the zero pose, the direction of the first bone and the axis about which the second bends.
    """

    root: str
    hinge: str
    keypoints: tuple[int, int, int]
    bone: tuple[float, float, float]
    axis: tuple[float, float, float]


_LIMBS = (
    _Limb("left_hip", "left_knee", (kp.L_HIP, kp.L_KNEE, kp.L_ANKLE), (0, -1, 0), (1, 0, 0)),
    _Limb("right_hip", "right_knee", (kp.R_HIP, kp.R_KNEE, kp.R_ANKLE), (0, -1, 0), (1, 0, 0)),
    _Limb("left_shoulder", "left_elbow", (kp.L_SHOULDER, kp.L_ELBOW, kp.L_WRIST), (1, 0, 0), (0, -1, 0)),
    _Limb("right_shoulder", "right_elbow", (kp.R_SHOULDER, kp.R_ELBOW, kp.R_WRIST), (-1, 0, 0), (0, 1, 0)),
)
MOST_BENT_RAD = 2.6
# a limb bent less than about this sine does not tell its bending axis
STRAIGHT = 0.2
# of a person of whom no bone is seen
USUAL_DISTANCE_M = 3.0


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


def fit_start(body: BodyModel, track: kp.KeypointTrack, K, lifted: Lifted, distance_m: np.ndarray) -> Start:
    """Start values from keypoints, their lifted points, and the distance (T,) that the bones tell."""
    T = track.num_frames
    R_level_cam = R_level_camera(torch.tensor(lifted.pitch_rad, dtype=torch.float64)).numpy()
    R_level_root, body_rad = start_pose(lifted.points_m @ R_level_cam.T)
    rest, model = _resting_body(body)
    log_depth = np.log(distance_m)
    log_depth = np.full(T, np.median(log_depth)) * 0.5 + smoothed(log_depth[:, None])[:, 0] * 0.5
    hips = track.body_px[:, [kp.L_HIP, kp.R_HIP]]
    ray = smoothed((hips[..., :2].mean(1) - K[:2, 2]) / [K[0, 0], K[1, 1]], 3)
    pelvis_camera = np.column_stack([ray, np.ones(T)]) * np.exp(log_depth)[:, None]
    pelvis_up = float(np.median(pelvis_camera @ R_level_cam[2]))
    feet = model[[_ROW[k] for k in (kp.L_HEEL, kp.R_HEEL, kp.L_TOE, kp.R_TOE)], 1].min() - rest[0, 1]
    return Start(R_level_root, body_rad, ray, log_depth, lifted.pitch_rad, floor_m=float(pelvis_up + feet))


def distance_by_bones(body: BodyModel, track: kp.KeypointTrack, K, confident, lifted: Lifted) -> np.ndarray:  # (T,)
    """Metres along the optical axis to a person of usual size, frame by frame.

    The model's bones, turned like the lifted ones, are compared in size with the keypoints (SMPLify-X, section 3.4).
    """
    T, (_, model_m) = track.num_frames, _resting_body(body)
    distance_m = np.full(T, np.nan)
    for t in range(T):
        told_m, weights = [], []
        for begin, end in km.BONES:
            trust = confident[t, begin] * confident[t, end]
            seen_px = np.linalg.norm(track.body_px[t, end, :2] - track.body_px[t, begin, :2])
            if trust > 0 and seen_px > 1e-3:
                length_m = np.linalg.norm(model_m[_ROW[end]] - model_m[_ROW[begin]])
                lifted_m = lifted.points_m[t, _ROW[end]] - lifted.points_m[t, _ROW[begin]]
                across_m = length_m * np.linalg.norm(lifted_m[:2]) / (np.linalg.norm(lifted_m) + 1e-6)
                told_m.append(K[0, 0] * across_m / seen_px)
                weights.append(trust * seen_px)
        if told_m:
            distance_m[t] = _weighted_median(np.array(told_m), np.array(weights))
    known = np.flatnonzero(np.isfinite(distance_m))
    if not len(known):
        return np.full(T, USUAL_DISTANCE_M)
    return np.exp(np.interp(np.arange(T), known, np.log(np.clip(distance_m[known], 0.3, 60.0))))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:  # (N,) each
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return values[order][np.searchsorted(total, total[-1] / 2)]


def _resting_body(body: BodyModel) -> tuple[np.ndarray, np.ndarray]:
    """Joints and points (76, 3) of the mean body at rest, and its keypoints (N, 3)."""
    pose = np.concatenate([np.zeros((1, 1, 3)), REST_POSE_RAD[None], np.zeros((1, 33, 3))], 1)
    rest = body.joints(pose, np.zeros((1, 3)), np.zeros(1))[0].numpy()
    return rest, km.BODY_MATRIX @ rest


def smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Running mean over time (T, C) with shortened ends."""
    if len(values) < 2:
        return values
    kernel = np.ones(min(width, len(values)))
    count = np.convolve(np.ones(len(values)), kernel, "same")
    return np.stack([np.convolve(c, kernel, "same") / count for c in values.T], axis=-1)


def start_pose(points_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root rotation (T, 3, 3) and body pose (T, 21, 3) rad from keypoints (T, N, 3) of km.BODY_KEYPOINTS, z up.

    Pelvis and spine share the lean of the trunk; each limb turns so that its bones point as the keypoints say and its
    knee or elbow bends about its hinge. Feet, hands and head rest.
    """
    at = {k: points_m[:, row] for k, row in _ROW.items()}
    trunk = _unit(at[kp.L_SHOULDER] + at[kp.R_SHOULDER] - at[kp.L_HIP] - at[kp.R_HIP])
    root = _frame(at[kp.L_HIP] - at[kp.R_HIP], trunk + [0, 0, 1.0])
    chest = _frame(at[kp.L_SHOULDER] - at[kp.R_SHOULDER], trunk)
    body_rad = np.tile(REST_POSE_RAD.astype(float), (len(points_m), 1, 1))
    spine = Rotation.from_matrix(np.swapaxes(root, 1, 2) @ chest).as_rotvec() / 3
    for name in ("spine1", "spine2", "spine3"):
        body_rad[:, _JOINT[name] - 1] = spine
    collars = {f"{side}_shoulder": body_rad[:, _JOINT[f"{side}_collar"] - 1] for side in ("left", "right")}
    for limb in _LIMBS:
        parent = chest @ _matrix(collars[limb.root]) if limb.root in collars else root
        begin, meet, end = (at[k] for k in limb.keypoints)
        root_rad, hinge_rad = _limb_pose(limb, parent, _unit(meet - begin), _unit(end - meet))
        body_rad[:, _JOINT[limb.root] - 1], body_rad[:, _JOINT[limb.hinge] - 1] = root_rad, hinge_rad
    return root, body_rad


def _limb_pose(limb: _Limb, parent: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angles (T, 3) of a limb's two joints, rad.

    Args:
        parent: (T, 3, 3) rotation of what it hangs from; upper, lower: (T, 3) directions of its bones, unit vectors.
    """
    bone, axis = np.array(limb.bone, float), np.array(limb.axis, float)
    carried_axis = _shortest_turn(parent @ bone, upper) @ parent @ axis
    bent = np.cross(upper, lower)
    as_seen = _bone_frame(upper, bent + STRAIGHT * carried_axis)
    R_root = as_seen @ _bone_frame(bone[None], axis[None]).swapaxes(1, 2)
    root_rad = Rotation.from_matrix(np.swapaxes(parent, 1, 2) @ R_root).as_rotvec()
    bent_rad = np.arctan2((bent * as_seen[:, :, 1]).sum(1), (upper * lower).sum(1))
    return root_rad, np.clip(bent_rad, 0, MOST_BENT_RAD)[:, None] * axis


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _frame(left: np.ndarray, up: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T, 3, 3)
    """Columns left, up, ahead; `up` is kept."""
    up = _unit(up)
    left = _unit(left - (left * up).sum(1, keepdims=True) * up)
    return np.stack([left, up, np.cross(left, up)], -1)


def _bone_frame(bone: np.ndarray, axis: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T, 3, 3)
    """Columns bone, bending axis made upright to it, and the third."""
    axis = _unit(axis - (axis * bone).sum(1, keepdims=True) * bone)
    return np.stack([bone, axis, np.cross(bone, axis)], -1)


def _shortest_turn(source: np.ndarray, target: np.ndarray) -> np.ndarray:  # unit (T, 3) each -> (T, 3, 3)
    axis = np.cross(source, target)
    angle = np.arctan2(np.linalg.norm(axis, axis=1), (source * target).sum(1))
    return _matrix(_unit(axis) * angle[:, None])


def _matrix(axis_angle: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(axis_angle).as_matrix()
