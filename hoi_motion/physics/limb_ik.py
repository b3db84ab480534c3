"""Move a hand or a foot by a few centimetres: damped least squares on the joints above it, its orientation kept.

Damped least squares as in Wampler 1986; of an arm weighted so that the collar moves least. Elbow and knee turn about
their hinges only.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, PARENTS

ITERATIONS = 12
DAMPING_M = 0.02
LARGEST_STEP_RAD = 0.3
STILL_M = 1e-5


@dataclass(frozen=True)
class _Limb:
    """Joints from the trunk to what is moved, the last but one a hinge, and how easily each axis turns."""

    joints: tuple[str, ...]
    hinge: np.ndarray  # (3,) in the frame of the joint above
    weights: np.ndarray  # (3 * free joints + 1,)


ARM = _Limb(("collar", "shoulder", "elbow", "wrist"), np.array([0.0, 1, 0]), np.array([0.2, 0.2, 0.2, 1, 1, 1, 1]))
LEG = _Limb(("hip", "knee", "ankle"), np.array([1.0, 0, 0]), np.ones(4))


def move_hand(
    pose_rad: np.ndarray,  # (T, 55, 3)
    T_world_part: np.ndarray,  # (T, 55, 4, 4)
    side: str,
    shift_m: np.ndarray,  # (T, 3)
) -> np.ndarray:  # (T, 55, 3)
    """A pose whose wrist is shifted by `shift_m` (world), or as far as the arm reaches.

    Frames without a shift keep their values bit for bit.

    Args:
        T_world_part: of `pose_rad`, as `part_transforms` gives it.
        side: "left" or "right".
    """
    return _moved(ARM, pose_rad, T_world_part, side, shift_m)


def move_foot(
    pose_rad: np.ndarray,  # (T, 55, 3)
    T_world_part: np.ndarray,  # (T, 55, 4, 4)
    side: str,
    shift_m: np.ndarray,  # (T, 3)
) -> np.ndarray:  # (T, 55, 3)
    """A pose whose ankle is shifted by `shift_m` (world), or as far as the leg reaches; otherwise as `move_hand`."""
    return _moved(LEG, pose_rad, T_world_part, side, shift_m)


def _moved(limb: _Limb, pose_rad, T_world_part, side: str, shift_m) -> np.ndarray:  # (T, 55, 3)
    chain = [JOINT_NAMES.index(f"{side}_{name}") for name in limb.joints]
    last = len(chain) - 1
    frames = np.flatnonzero(np.linalg.norm(shift_m, axis=1) > STILL_M)
    pose = np.array(pose_rad)
    if not len(frames):
        return pose
    T = T_world_part[frames]
    rotations = [T[:, j, :3, :3].copy() for j in chain]
    places = [T[:, j, :3, 3] for j in chain]
    bones = [_apply(_transposed(rotations[k]), places[k + 1] - places[k]) for k in range(last)]
    target = places[last] + shift_m[frames]
    for _ in range(ITERATIONS):
        for k in range(last):
            places[k + 1] = places[k] + _apply(rotations[k], bones[k])
        step = _step(limb, rotations, places, target)
        hinge = step[:, -1:] * (rotations[last - 2] @ limb.hinge)
        for k, turn in enumerate((*np.split(step[:, :-1], last - 1, axis=1), hinge)):
            turned = Rotation.from_rotvec(turn).as_matrix()
            for below in range(k, last):
                rotations[below] = turned @ rotations[below]
    above = T[:, PARENTS[chain[0]], :3, :3]
    for joint, rotation in zip(chain, rotations):
        pose[frames, joint] = Rotation.from_matrix(_transposed(above) @ rotation).as_rotvec()
        above = rotation
    return pose


def _step(limb: _Limb, rotations, places, target) -> np.ndarray:  # (N, 3 * free joints + 1)
    """Turn about each axis, radians, that brings the end nearer to its target."""
    last = len(limb.joints) - 1
    lever = [places[last] - places[k] for k in range(last)]
    hinge = np.cross(rotations[last - 2] @ limb.hinge, lever[last - 1])
    columns = [np.cross(axis, lever[k]) for k in range(last - 1) for axis in np.eye(3)] + [hinge]
    J = np.stack(columns, axis=2)  # (N, 3, axes)
    weighted = J * limb.weights
    inverse = weighted @ _transposed(J) + DAMPING_M**2 * np.eye(3)
    step = _apply(_transposed(weighted), np.linalg.solve(inverse, (target - places[last])[..., None])[..., 0])
    return np.clip(step, -LARGEST_STEP_RAD, LARGEST_STEP_RAD)


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, -1, -2)


def _apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", matrices, vectors)
