"""Reach: a distance that no posture of an arm exceeds, to tell without solving that a place is out of reach."""

from dataclasses import dataclass

import numpy as np

ON_AXIS_M = 1e-6


@dataclass(frozen=True)
class Reach:
    """A ball that the wrist, the last joint's origin, never leaves.

    Attributes:
        shoulder_m: (3,) its middle, the first joint's origin in the base.
        wrist_m: (3,) the wrist in the grasp frame, which is fixed; radius_m: of the ball.
    """

    shoulder_m: np.ndarray
    wrist_m: np.ndarray
    radius_m: float

    @property
    def farthest_m(self) -> float:
        """Of the grasp frame from the shoulder, however it is turned."""
        return self.radius_m + float(np.linalg.norm(self.wrist_m))

    def beyond_m(self, T_base_frame: np.ndarray, off_m: float = 0.0, off_rad: float = 0.0) -> np.ndarray:
        """How far poses (N, 4, 4) of the grasp frame are out of reach at least, (N,); above 0 no joints reach them.

        Args:
            off_m, off_rad: by how much the grasp frame may miss them; with np.inf it may be turned in any way.
        """
        if np.isinf(off_rad):
            return np.linalg.norm(T_base_frame[:, :3, 3] - self.shoulder_m, axis=1) - self.farthest_m - off_m
        wrist = T_base_frame[:, :3, :3] @ self.wrist_m + T_base_frame[:, :3, 3]
        give_m = off_m + off_rad * float(np.linalg.norm(self.wrist_m))
        return np.linalg.norm(wrist - self.shoulder_m, axis=1) - self.radius_m - give_m


def reach_of(model, joint: int, T_wrist_frame: np.ndarray) -> Reach:
    """The reach of a chain of joints, which move one at a time about or along an axis.

    Lengths add up, but for one joint, the elbow: the shoulder is fixed in the frame before it, and its distance from
    the origin after it depends on the elbow's angle alone, of which the limits are known.

    Args:
        model: of pinocchio; joint: the last joint's number; T_wrist_frame: (4, 4) of the grasp frame in its frame.
    """
    import pinocchio

    data = model.createData()
    pinocchio.computeJointJacobians(model, data, pinocchio.neutral(model))
    chain = list(model.supports[joint])[1:]
    placed = [model.jointPlacements[i] for i in chain]
    radius_m, slides_m, shoulder = 0.0, 0.0, np.zeros(3)  # the shoulder in the frame after a joint, until the elbow
    has_bent = False
    for k, i in enumerate(chain):
        at = model.joints[i].idx_v
        jacobian = pinocchio.getJointJacobian(model, data, i, pinocchio.ReferenceFrame.LOCAL)
        subspace = jacobian.reshape(6, -1)[:, at]  # flat for a single joint
        low, high = model.lowerPositionLimit[at], model.upperPositionLimit[at]
        ahead_m = placed[k + 1].translation if k + 1 < len(chain) else np.zeros(3)
        if has_bent:
            radius_m += float(np.linalg.norm(ahead_m))
        elif k:
            shoulder = placed[k].rotation.T @ (shoulder - placed[k].translation)
        if not np.any(subspace[3:]):
            slides_m += max(abs(low), abs(high)) * float(np.linalg.norm(subspace[:3]))
            continue
        axis = subspace[3:]
        if not has_bent and np.linalg.norm(np.cross(axis, shoulder)) > ON_AXIS_M:
            radius_m, has_bent = _farthest_m(shoulder, axis, low, high, ahead_m), True
    if not has_bent:
        radius_m = float(np.linalg.norm(shoulder))
    wrist_m = -T_wrist_frame[:3, :3].T @ T_wrist_frame[:3, 3]
    return Reach(np.array(placed[0].translation), wrist_m, radius_m + slides_m + ON_AXIS_M * len(chain))


def _farthest_m(point: np.ndarray, axis: np.ndarray, low: float, high: float, other: np.ndarray) -> float:
    """Largest distance of a point turned about an axis by -low to -high from another point."""
    along = axis * (axis @ point)
    beside, ahead = point - along, np.cross(point, axis)
    cosine, sine = float(beside @ other), float(ahead @ other)  # of the product at an angle, which is to be least
    angles = [low, high]
    least = np.arctan2(-sine, -cosine)
    angles += [a for a in least + 2 * np.pi * np.arange(-4, 5) if low <= a <= high]
    if high - low >= 2 * np.pi:
        angles.append(least)
    product = along @ other + min(cosine * np.cos(a) + sine * np.sin(a) for a in angles)
    return float(np.sqrt(max(0.0, point @ point + other @ other - 2 * product)))
