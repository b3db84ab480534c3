"""The pose and shape of a body whose joints and surface points lie where another body's do.

Bodies place joints differently: hips a few centimetres further apart, elbows nearer the skin. So each given point may
have a small offset from the body's own, constant over all frames in the frame of the joint that carries it; the offsets
are estimated with the pose.
"""

from dataclasses import dataclass

import numpy as np
import torch

from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES
from hoi_motion.body.model import BodyModel
from hoi_motion.errors import ErrorCode, InputError

POINT_M = 0.01
"""Accuracy of a given point; residuals beyond three times this count less and less."""
STAND_OFF_M = 0.015
BETA = 1.0
ANGLE_RAD = 1.5
SPINE_RAD = 0.5
COLLAR_RAD = 0.3
SIDEWAYS_RAD = 0.15
"""A knee or elbow bends about its hinge, and hardly across it."""
FIXED = ("jaw", "left_eye_ball", "right_eye_ball")
MOST_FRAMES_FOR_SHAPE = 32
MOST_FRAMES_AT_ONCE = 256
STEPS = 120
# limb's first and second joint, its end, and the axis about which the second bends in the zero pose
_LIMBS = (
    ("left_hip", "left_knee", "left_ankle", (1.0, 0.0, 0.0)),
    ("right_hip", "right_knee", "right_ankle", (1.0, 0.0, 0.0)),
    ("left_shoulder", "left_elbow", "left_wrist", (0.0, -1.0, 0.0)),
    ("right_shoulder", "right_elbow", "right_wrist", (0.0, 1.0, 0.0)),
)
_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
NEEDED = tuple(dict.fromkeys(name for *joints, _ in _LIMBS for name in joints))
"""Points without which no pose begins."""
_STRAIGHT_SIN = 0.15  # a limb bent by less does not show its axis
_SHORTEST_BONE_M = 1e-3  # a shorter one has no direction


@dataclass(frozen=True)
class PointFit:
    """A body in T frames.

    Attributes:
        pose_rad: (T, 55, 3); transl_m: (T, 3); betas: (B,); error_m: (T,) mean distance to the given points, their
            constant stand-off taken out.
    """

    pose_rad: np.ndarray
    transl_m: np.ndarray
    betas: np.ndarray
    error_m: np.ndarray


def fit_to_points(body: BodyModel, names: tuple[str, ...], points_m: np.ndarray) -> PointFit:
    """Fit a body to points in any frame, in which the result is.

    The shape and the stand-offs are found on frames evenly taken from all, then the poses of all, a part at a time, so
    that memory does not grow with the frames.

    Args:
        names: P of KEYPOINT_NAMES, NEEDED among them; points_m: (T, P, 3), T at least 1.

    Raises:
        InputError: FILE_INVALID where both ends of an upper or lower limb are in one place.
    """
    _check_limbs(names, points_m)
    fit = _Fit(body, names)
    chosen = np.unique(np.linspace(0, len(points_m) - 1, MOST_FRAMES_FOR_SHAPE).round().astype(int))
    shaped = fit.solved(points_m[chosen])
    parts = np.array_split(points_m, -(-len(points_m) // MOST_FRAMES_AT_ONCE))
    solved = [fit.solved(part, shaped.betas, shaped.stand_off_m) for part in parts]
    return PointFit(
        pose_rad=np.concatenate([part.pose_rad.numpy() for part in solved]),
        transl_m=np.concatenate([part.transl_m.numpy() for part in solved]),
        betas=shaped.betas.numpy(),
        error_m=np.concatenate([part.error_m for part in solved]),
    )


@dataclass(frozen=True)
class _Solved:
    pose_rad: torch.Tensor  # (T, 55, 3)
    transl_m: torch.Tensor  # (T, 3)
    betas: torch.Tensor  # (B,)
    stand_off_m: torch.Tensor  # (P, 3)
    error_m: np.ndarray  # (T,)


class _Fit:
    def __init__(self, body: BodyModel, names: tuple[str, ...]):
        self.body, self.names = body, names
        self.rows = [KEYPOINT_NAMES.index(name) for name in names]
        carried_by = body.skeleton.point_weights.argmax(1).tolist()
        self.carriers = [row if row < 55 else carried_by[row - 55] for row in self.rows]
        self.spread_rad = torch.full((55, 3), ANGLE_RAD)
        for j, name in enumerate(JOINT_NAMES):
            if name.startswith("spine") or name in ("neck", "head"):
                self.spread_rad[j] = SPINE_RAD
            elif "collar" in name:
                self.spread_rad[j] = COLLAR_RAD
            elif "knee" in name:
                self.spread_rad[j, 1:] = SIDEWAYS_RAD
            elif "elbow" in name:
                self.spread_rad[j, 2] = SIDEWAYS_RAD
        self.spread_rad[0] = torch.inf
        self.moves = torch.ones(55, 1)
        self.moves[[JOINT_NAMES.index(name) for name in FIXED]] = 0

    def solved(self, points_m: np.ndarray, betas=None, stand_off_m=None) -> _Solved:
        """Of these frames (T, P, 3); shape and stand-offs are found unless they are given."""
        given = torch.tensor(points_m, dtype=torch.float32)
        pose = torch.tensor(self._start(points_m), dtype=torch.float32).requires_grad_()
        transl = given[:, [self.names.index(name) for name in _TRUNK[:2]]].mean(1).clone().requires_grad_()
        open_ones = [pose, transl]
        if betas is None:
            betas = torch.zeros(self.body.num_betas, requires_grad=True)
            stand_off_m = torch.zeros(len(self.names), 3, requires_grad=True)
            open_ones += [betas, stand_off_m]
        optimizer = torch.optim.LBFGS(open_ones, max_iter=STEPS, history_size=20, line_search_fn="strong_wolfe")

        def distances_m() -> torch.Tensor:  # (T, P)
            points, rotations = self.body.skeleton.keypoints_and_rotations(
                pose * self.moves, transl, betas.expand(len(pose), -1)
            )
            off = torch.einsum("tpab,pb->tpa", rotations[:, self.carriers], stand_off_m)
            return ((points[:, self.rows] + off - given) ** 2).sum(-1).add(1e-12).sqrt()

        def energy() -> torch.Tensor:
            optimizer.zero_grad()
            share = distances_m() / POINT_M
            total = (9 * (torch.sqrt(1 + share**2 / 9) - 1)).sum()
            total = total + 0.5 * ((pose / self.spread_rad) ** 2).sum()
            total = total + 0.5 * len(pose) * ((betas / BETA) ** 2).sum()
            total = total + 0.5 * len(pose) * ((stand_off_m / STAND_OFF_M) ** 2).sum()
            total.backward()
            return total

        optimizer.step(energy)
        with torch.no_grad():
            error_m = distances_m().mean(1).numpy()
        return _Solved((pose * self.moves).detach(), transl.detach(), betas.detach(), stand_off_m.detach(), error_m)

    def _start(self, points_m: np.ndarray) -> np.ndarray:  # (T, P, 3) -> (T, 55, 3)
        """The trunk turned as a whole, the limbs with their bends."""
        from scipy.spatial.transform import Rotation

        at = {name: points_m[:, k].astype(float) for k, name in enumerate(self.names)}
        rest = dict(zip(JOINT_NAMES, self.body.skeleton.joints_m.numpy().astype(float)))
        given, own = (np.stack([place[name] for name in _TRUNK], -2) for place in (at, rest))
        root = _best_turns(own - own.mean(-2, keepdims=True), given - given.mean(-2, keepdims=True))
        pose = np.zeros((len(points_m), 55, 3))
        pose[:, 0] = Rotation.from_matrix(root).as_rotvec()
        for first, second, end, hinge in _LIMBS:
            upper, lower = _unit(at[second] - at[first]), _unit(at[end] - at[second])
            bone = np.broadcast_to(_unit(rest[second] - rest[first]), upper.shape)
            axis = np.cross(upper, lower) + _STRAIGHT_SIN * root @ np.array(hinge)
            turn = _frame(upper, axis) @ _frame(bone, np.broadcast_to(hinge, upper.shape)).swapaxes(1, 2)
            angle = np.arctan2((np.cross(upper, lower) * _frame(upper, axis)[:, :, 1]).sum(1), (upper * lower).sum(1))
            pose[:, JOINT_NAMES.index(first)] = Rotation.from_matrix(root.swapaxes(1, 2) @ turn).as_rotvec()
            pose[:, JOINT_NAMES.index(second)] = angle[:, None] * np.array(hinge)
        return pose


def _check_limbs(names: tuple[str, ...], points_m: np.ndarray) -> None:  # (T, P, 3)
    for first, second, end, _ in _LIMBS:
        for a, b in ((first, second), (second, end)):
            long_m = np.linalg.norm(points_m[:, names.index(a)] - points_m[:, names.index(b)], axis=-1)
            if long_m.min() < _SHORTEST_BONE_M:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{a} and {b} are in one place in frame {long_m.argmin()}",
                    "give the joints of a person, metres",
                )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _frame(bone: np.ndarray, axis: np.ndarray) -> np.ndarray:  # (T, 3) each -> (T, 3, 3)
    """Columns bone, the axis made square to it, and the third."""
    axis = _unit(axis - (axis * bone).sum(-1, keepdims=True) * bone)
    return np.stack([bone, axis, np.cross(bone, axis)], -1)


def _best_turns(own: np.ndarray, given: np.ndarray) -> np.ndarray:  # (N, 3), (T, N, 3) -> (T, 3, 3)
    """The turns that bring points about their middle nearest to given ones (Kabsch)."""
    u, _, vt = np.linalg.svd(np.einsum("na,tnb->tab", own, given))
    turn = np.swapaxes(u @ vt, 1, 2)
    vt[np.linalg.det(turn) < 0, 2] *= -1
    return np.swapaxes(u @ vt, 1, 2)
