"""A body pose from 3D keypoints, joint by joint from the pelvis outwards: near enough for a fit to start from."""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.lift.person.priors import REST_POSE_RAD

_ROW = {k: i for i, k in enumerate(km.BODY_KEYPOINTS)}
_JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}
# first joint, second joint, keypoints of both and of the end, axis about which the second bends in the zero pose
_LIMBS = (
    ("left_hip", "left_knee", (kp.L_HIP, kp.L_KNEE, kp.L_ANKLE), (1, 0, 0)),
    ("right_hip", "right_knee", (kp.R_HIP, kp.R_KNEE, kp.R_ANKLE), (1, 0, 0)),
    ("left_shoulder", "left_elbow", (kp.L_SHOULDER, kp.L_ELBOW, kp.L_WRIST), (0, -1, 0)),
    ("right_shoulder", "right_elbow", (kp.R_SHOULDER, kp.R_ELBOW, kp.R_WRIST), (0, 1, 0)),
)
_ZERO_BONE = {"hip": (0, -1, 0), "left_shoulder": (1, 0, 0), "right_shoulder": (-1, 0, 0)}
# a limb bent less than about this sine does not tell its bending axis
STRAIGHT = 0.2


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
    for first, second, (a, b, c), hinge in _LIMBS:
        collar = body_rad[:, _JOINT[first.replace("shoulder", "collar")] - 1]
        above = root if "hip" in first else chest @ _matrix(collar)
        upper, lower = _unit(at[b] - at[a]), _unit(at[c] - at[b])
        rest = np.array(_ZERO_BONE["hip" if "hip" in first else first], float)
        carried = _shortest_turn(above @ rest, upper) @ above @ np.array(hinge, float)
        bent = np.cross(upper, lower)
        axis = bent + STRAIGHT * carried
        R_first = _bone_frame(upper, axis) @ _bone_frame(rest[None], np.array([hinge], float)).swapaxes(1, 2)
        side = _bone_frame(upper, axis)[:, :, 1]
        angle = np.arctan2((np.cross(upper, lower) * side).sum(1), (upper * lower).sum(1))
        body_rad[:, _JOINT[first] - 1] = Rotation.from_matrix(np.swapaxes(above, 1, 2) @ R_first).as_rotvec()
        body_rad[:, _JOINT[second] - 1] = np.clip(angle, 0, 2.6)[:, None] * np.array(hinge)
    return root, body_rad


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
