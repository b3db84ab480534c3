"""Put a foot somewhere: hip, knee and ankle in closed form, the knee a hinge, the leg's turn about itself kept.

A foot that the leg does not reach rolls: over its toes when the body is ahead of it, over its heel when it is behind.
"""

from dataclasses import fields

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import index_of
from hoi_motion.body.model import BodyModel
from hoi_motion.body.skeleton import Skeleton

REACH = 0.998
"""The longest leg, as a share of thigh and shank in line: near a straight knee, small changes of length are large
changes of angle."""
BENT_RAD = np.linspace(0, np.deg2rad(140), 281)
TOES_RAD, HEEL_RAD = (np.deg2rad(np.arange(0, last, 1.0)) for last in (60, 30))


def with_foot(
    body: BodyModel,
    pose_rad: np.ndarray,  # (T, 55, 3)
    transl_m: np.ndarray,  # (T, 3)
    betas: np.ndarray,  # (B,)
    side: str,
    frames: np.ndarray,  # (N,) indices
    ankle_m: np.ndarray,  # (N, 3)
    R_foot: np.ndarray,  # (N, 3, 3)
) -> np.ndarray:  # (T, 55, 3)
    """A pose whose ankle and foot are as asked for in these frames, or rolled as far as the leg reaches.

    Args:
        side: "left" or "right"; ankle_m: of the joint, up is z; R_foot: rotation of the foot from its rest pose.
    """
    hip, knee, ankle = (index_of(f"{side}_{name}") for name in ("hip", "knee", "ankle"))
    points, rotations = _posed(body, pose_rad[frames], transl_m[frames], betas)
    rest = _posed(body, np.zeros((1, 55, 3)), np.zeros((1, 3)), betas)[0][0]
    thigh, shank = rest[knee] - rest[hip], rest[ankle] - rest[knee]
    toes = np.mean([rest[index_of(f"{side}_{name}")] for name in ("big_toe", "small_toe")], axis=0) - rest[ankle]
    heel = rest[index_of(f"{side}_heel")] - rest[ankle]
    longest = REACH * (np.linalg.norm(thigh) + np.linalg.norm(shank))
    ankle_m, R_foot = _rolled(points[:, hip], ankle_m, R_foot, toes, heel, longest)

    away = ankle_m - points[:, hip]
    length = np.linalg.norm(away, axis=1)
    R_bend = Rotation.from_rotvec(_bend_rad(thigh, shank, np.minimum(length, longest))[:, None] * [1, 0, 0])
    R_thigh = _turned_onto(rotations[:, hip], thigh + R_bend.apply(shank), away)
    # of how far the foot points away from the knee, the hip takes a half
    axis = away / length[:, None]
    inward_rad = _twist_rad(R_foot @ np.swapaxes(R_thigh @ R_bend.as_matrix(), 1, 2), axis)
    R_thigh = Rotation.from_rotvec(inward_rad[:, None] / 2 * axis).as_matrix() @ R_thigh

    result, above = np.array(pose_rad), rotations[:, 0]
    for joint, R in ((hip, R_thigh), (knee, R_thigh @ R_bend.as_matrix()), (ankle, R_foot)):
        result[frames, joint] = Rotation.from_matrix(np.swapaxes(above, 1, 2) @ R).as_rotvec()
        above = R
    return result


def _posed(body: BodyModel, pose_rad, transl_m, betas) -> tuple[np.ndarray, np.ndarray]:
    """Joints and surface points (N, 76, 3) and the joints' rotations (N, 55, 3, 3), in double precision."""
    skeleton = Skeleton(*(getattr(body.skeleton, f.name).double() for f in fields(body.skeleton)))
    pose, transl, shape = (torch.tensor(np.asarray(x, np.float64)) for x in (pose_rad, transl_m, betas))
    shape = torch.nn.functional.pad(shape, (0, body.num_betas - len(shape))).expand(len(pose), -1)
    points, rotations = skeleton.keypoints_and_rotations(pose, transl, shape)
    return points.numpy(), rotations.numpy()


def _bend_rad(thigh: np.ndarray, shank: np.ndarray, length_m: np.ndarray) -> np.ndarray:  # (3,), (3,), (N,) -> (N,)
    """How far the knee bends in a leg that is so long from hip to ankle."""
    lengths = np.linalg.norm(thigh + Rotation.from_rotvec(BENT_RAD[:, None] * [1, 0, 0]).apply(shank), axis=1)
    straight = int(lengths.argmax())  # a rest pose may be bent a little to either side
    return np.interp(-length_m, -lengths[straight:], BENT_RAD[straight:])


def _rolled(hip_m, ankle_m, R_foot, toes, heel, longest) -> tuple[np.ndarray, np.ndarray]:
    """Ankles and feet turned about toes or heel by the least angle at which the leg reaches."""
    ankle_m, R_foot = ankle_m.copy(), R_foot.copy()
    for n in np.flatnonzero(np.linalg.norm(ankle_m - hip_m, axis=1) > longest):
        ahead = (hip_m[n] - ankle_m[n]) @ R_foot[n, :, 2] > 0
        about, angles = (toes, TOES_RAD) if ahead else (heel, -HEEL_RAD)
        pivot = ankle_m[n] + R_foot[n] @ about
        # about the axis to the person's left a turn lifts the heel
        turns = Rotation.from_rotvec(angles[:, None] * R_foot[n, :, 0])
        places = pivot + turns.apply(ankle_m[n] - pivot)
        distance = np.linalg.norm(places - hip_m[n], axis=1)
        reached = np.flatnonzero(distance <= longest)
        best = int(reached[0]) if len(reached) else int(distance.argmin())
        ankle_m[n], R_foot[n] = places[best], turns[best].as_matrix() @ R_foot[n]
    return ankle_m, R_foot


def _twist_rad(R: np.ndarray, axes: np.ndarray) -> np.ndarray:  # (N, 3, 3), (N, 3) -> (N,)
    """How far rotations turn about unit axes."""
    quaternions = Rotation.from_matrix(R).as_quat(canonical=True)
    return 2 * np.arctan2((quaternions[:, :3] * axes).sum(1), quaternions[:, 3])


def _turned_onto(R: np.ndarray, local: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3) turned by the least angle that takes the local vectors (N, 3) to directions (N, 3)."""
    now = np.einsum("nij,nj->ni", R, local)
    now, then = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (now, direction))
    axis = np.cross(now, then)
    sine, cosine = np.linalg.norm(axis, axis=1), (now * then).sum(1)
    turn = axis / np.maximum(sine, 1e-12)[:, None] * np.arctan2(sine, cosine)[:, None]
    return Rotation.from_rotvec(turn).as_matrix() @ R
