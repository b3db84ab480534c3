"""Move a hand by a few centimetres: damped least squares on collar, shoulder and elbow, the hand's orientation kept.

Damped least squares as in Wampler 1986, weighted so that the collar moves least. The elbow turns about its hinge only.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from hoi_motion.body.joints import JOINT_NAMES, PARENTS

ITERATIONS = 12
DAMPING_M = 0.02
LARGEST_STEP_RAD = 0.3
WEIGHTS = np.array([0.2, 0.2, 0.2, 1, 1, 1, 1])
"""Of the three axes of the collar, the three of the shoulder, and the elbow's hinge."""
ELBOW_HINGE = np.array([0.0, 1, 0])
STILL_M = 1e-5


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
    chain = [JOINT_NAMES.index(f"{side}_{name}") for name in ("collar", "shoulder", "elbow", "wrist")]
    frames = np.flatnonzero(np.linalg.norm(shift_m, axis=1) > STILL_M)
    pose = np.array(pose_rad)
    if not len(frames):
        return pose
    T = T_world_part[frames]
    rotations = [T[:, j, :3, :3].copy() for j in chain]
    places = [T[:, j, :3, 3] for j in chain]
    bones = [_apply(_transposed(rotations[k]), places[k + 1] - places[k]) for k in range(3)]
    target = places[3] + shift_m[frames]
    for _ in range(ITERATIONS):
        for k in range(3):
            places[k + 1] = places[k] + _apply(rotations[k], bones[k])
        step = _step(rotations, places, target)
        for k, turn in enumerate((step[:, :3], step[:, 3:6], step[:, 6:] * (rotations[1] @ ELBOW_HINGE))):
            turned = Rotation.from_rotvec(turn).as_matrix()
            for below in range(k, 3):
                rotations[below] = turned @ rotations[below]
    above = T[:, PARENTS[chain[0]], :3, :3]
    for joint, rotation in zip(chain, rotations):
        pose[frames, joint] = Rotation.from_matrix(_transposed(above) @ rotation).as_rotvec()
        above = rotation
    return pose


def _step(rotations, places, target) -> np.ndarray:  # (N, 7)
    """Turn about each axis, radians, that brings the wrist nearer to its target."""
    lever = [places[3] - places[k] for k in range(3)]
    hinge = np.cross(rotations[1] @ ELBOW_HINGE, lever[2])
    columns = [np.cross(axis, lever[k]) for k in (0, 1) for axis in np.eye(3)] + [hinge]
    J = np.stack(columns, axis=2)  # (N, 3, 7)
    weighted = J * WEIGHTS
    inverse = weighted @ _transposed(J) + DAMPING_M**2 * np.eye(3)
    step = _apply(_transposed(weighted), np.linalg.solve(inverse, (target - places[3])[..., None])[..., 0])
    return np.clip(step, -LARGEST_STEP_RAD, LARGEST_STEP_RAD)


def _transposed(matrices: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrices, -1, -2)


def _apply(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", matrices, vectors)
