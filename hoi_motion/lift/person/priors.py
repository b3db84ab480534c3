"""Prior of body poses, without data: a soft normal range and joint limits for every body joint.

Zero pose of SMPL-X: T-pose, x to the person's left, y up, z forward. Angles are axis-angle components of the joint's
own rotation; every pair of mirrored joints is written once, for the left side.
"""

import numpy as np
import torch

from hoi_motion.body.joints import JOINT_NAMES

# joint: (mean, spread) in degrees about x, y, z
_NORMAL = {
    "left_hip": ((-5, 0, 0), (50, 20, 18)),
    "left_knee": ((8, 0, 0), (50, 6, 6)),
    "left_ankle": ((0, 0, 0), (20, 12, 12)),
    "left_foot": ((0, 0, 0), (10, 5, 5)),
    "spine1": ((4, 0, 0), (14, 8, 8)),
    "spine2": ((4, 0, 0), (12, 8, 8)),
    "spine3": ((2, 0, 0), (10, 8, 8)),
    "neck": ((4, 0, 0), (16, 20, 12)),
    "head": ((2, 0, 0), (16, 20, 12)),
    "left_collar": ((0, 0, -6), (6, 10, 10)),
    "left_shoulder": ((0, -15, -60), (40, 45, 40)),
    "left_elbow": ((0, -35, 0), (40, 50, 12)),
    "left_wrist": ((0, 0, 0), (40, 20, 25)),
}
# joint: lowest and highest angle in degrees about x, y, z
_LIMITS = {
    "left_hip": ((-125, -50, -35), (30, 50, 50)),
    "left_knee": ((-2, -12, -12), (150, 12, 12)),
    "left_ankle": ((-40, -25, -25), (50, 25, 25)),
    "left_collar": ((-15, -30, -25), (15, 20, 35)),
    "left_shoulder": ((-90, -130, -100), (90, 60, 90)),
    "left_elbow": ((-90, -150, -20), (90, 3, 20)),
    "left_wrist": ((-75, -45, -75), (75, 45, 75)),
    "neck": ((-35, -45, -30), (40, 45, 30)),
    "head": ((-30, -40, -25), (35, 40, 25)),
}
_MIRROR = np.array([1, -1, -1])
BODY = range(1, 22)
HAND_SPREAD_DEG = 22.0


def _by_joint(table, default, mirrored):
    """(21, 2, 3) rows for joints 1..21 from a table that holds left sides only."""
    rows = []
    for j in BODY:
        name = JOINT_NAMES[j]
        pair = table.get(name.replace("right_", "left_"), default)
        rows.append(mirrored(pair) if name.startswith("right_") else pair)
    return np.deg2rad(np.array(rows, np.float32))


_normal = _by_joint(_NORMAL, ((0, 0, 0), (10, 10, 10)), lambda p: (np.array(p[0]) * _MIRROR, p[1]))
_limits = _by_joint(
    _LIMITS,
    ((-60, -40, -40), (60, 40, 40)),
    lambda p: np.sort([np.array(p[0]) * _MIRROR, np.array(p[1]) * _MIRROR], axis=0),
)
REST_POSE_RAD = _normal[:, 0]  # (21, 3)
SPREAD_RAD = _normal[:, 1]
LOWEST_RAD = _limits[:, 0]
HIGHEST_RAD = _limits[:, 1]


def rest_hands_rad() -> np.ndarray:  # (30, 3)
    """Loosely curled fingers, left then right: finger flexion is about -z on the left hand, +z on the right."""
    curl = np.zeros((2, 5, 3, 3), np.float32)
    curl[0, :4, :, 2], curl[1, :4, :, 2] = -np.deg2rad(18), np.deg2rad(18)
    return curl.reshape(30, 3)


class PosePrior:
    """Energies (negative log-likelihoods up to a constant) of body poses, per frame."""

    def __init__(self):
        self._mean, self._spread = torch.tensor(REST_POSE_RAD), torch.tensor(SPREAD_RAD)
        self._low, self._high = torch.tensor(LOWEST_RAD), torch.tensor(HIGHEST_RAD)
        self._hands = torch.tensor(rest_hands_rad())

    def body(self, body_rad: torch.Tensor) -> torch.Tensor:  # (T, 21, 3) -> (T,)
        """Distance from the normal range, as Student's t charges it."""
        square = ((body_rad - self._mean) / self._spread) ** 2
        return torch.log1p(square / 4).sum((1, 2)) * 2.5

    def limits(self, body_rad: torch.Tensor) -> torch.Tensor:  # (T, 21, 3) -> (T,)
        """Squared excess over the joint limits, in units of 3 degrees."""
        over = torch.relu(body_rad - self._high) + torch.relu(self._low - body_rad)
        return (over / np.deg2rad(3.0)).square().sum((1, 2))

    def hands(self, hands_rad: torch.Tensor) -> torch.Tensor:  # (T, 30, 3) -> (T,)
        return ((hands_rad - self._hands) / np.deg2rad(HAND_SPREAD_DEG)).square().sum((1, 2)) * 0.5
