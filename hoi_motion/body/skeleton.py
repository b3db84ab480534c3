"""Differentiable SMPL-X forward kinematics without the surface: joints and a few skinned points."""

from dataclasses import dataclass, fields

import torch

from hoi_motion.body.joints import PARENTS


def _levels() -> list[list[int]]:
    depth = [0] * len(PARENTS)
    for j, parent in enumerate(PARENTS):
        depth[j] = 0 if parent < 0 else depth[parent] + 1
    return [[j for j, d in enumerate(depth) if d == level] for level in range(max(depth) + 1)]


_LEVELS = _levels()
_ORDER = [j for level in _LEVELS for j in level]
_BACK = [_ORDER.index(j) for j in range(len(PARENTS))]


def rotation_matrices(axis_angle: torch.Tensor) -> torch.Tensor:  # (..., 3) -> (..., 3, 3)
    """Rodrigues' formula, smooth at zero."""
    square = (axis_angle**2).sum(-1)[..., None, None]
    small = square < 1e-8
    safe = torch.where(small, torch.ones_like(square), square)
    angle = safe.sqrt()
    sine = torch.where(small, 1 - square / 6, torch.sin(angle) / angle)
    cosine = torch.where(small, 0.5 - square / 24, (1 - torch.cos(angle)) / safe)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    k = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*axis_angle.shape, 3)
    return torch.eye(3, dtype=k.dtype, device=k.device) + sine * k + cosine * (k @ k)


@dataclass(frozen=True)
class Skeleton:
    """Rest joints and surface points, linear in the betas, with skinning weights of the points.

    Attributes:
        joints_m: (55, 3); joint_directions_m: (55, 3, B).
        points_m: (P, 3); point_directions_m: (P, 3, B); point_pose_directions_m: (486, P, 3).
        point_weights: (P, 55).
    """

    joints_m: torch.Tensor
    joint_directions_m: torch.Tensor
    points_m: torch.Tensor
    point_directions_m: torch.Tensor
    point_pose_directions_m: torch.Tensor
    point_weights: torch.Tensor

    def to(self, device) -> "Skeleton":
        return Skeleton(*(getattr(self, f.name).to(device) for f in fields(self)))

    def world_transforms(self, pose_rad: torch.Tensor, betas: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotations (T, 55, 3, 3) and positions (T, 55, 3) of the joints before the translation."""
        rest = self.joints_m + torch.einsum("jck,tk->tjc", self.joint_directions_m, betas)
        return self._chain(rotation_matrices(pose_rad), rest)

    def _chain(self, local: torch.Tensor, rest: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rotations, positions = [local[:, :1]], [rest[:, :1]]
        previous = _LEVELS[0]
        for level in _LEVELS[1:]:
            above = [previous.index(PARENTS[j]) for j in level]
            offset = rest[:, level] - rest[:, [PARENTS[j] for j in level]]
            parent = rotations[-1][:, above]
            positions.append(positions[-1][:, above] + (parent @ offset[..., None])[..., 0])
            rotations.append(parent @ local[:, level])
            previous = level
        return torch.cat(rotations, 1)[:, _BACK], torch.cat(positions, 1)[:, _BACK]

    def keypoints(self, pose_rad: torch.Tensor, transl_m: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """Joints and surface points (T, 55 + P, 3), equal to those of the smplx layer."""
        return self.keypoints_and_rotations(pose_rad, transl_m, betas)[0]

    def keypoints_and_rotations(
        self, pose_rad: torch.Tensor, transl_m: torch.Tensor, betas: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Joints and surface points (T, 55 + P, 3), and the joints' rotations in the world (T, 55, 3, 3)."""
        rest = self.joints_m + torch.einsum("jck,tk->tjc", self.joint_directions_m, betas)
        local = rotation_matrices(pose_rad)
        rotations, positions = self._chain(local, rest)
        bend = (local[:, 1:] - torch.eye(3, device=local.device)).reshape(len(local), 486)
        points = self.points_m + torch.einsum("pck,tk->tpc", self.point_directions_m, betas)
        points = points + torch.einsum("tq,qpc->tpc", bend, self.point_pose_directions_m)
        offset = positions - (rotations @ rest[..., None])[..., 0]
        blended = torch.einsum("pj,tjab->tpab", self.point_weights, rotations)
        skinned = (blended @ points[..., None])[..., 0] + torch.einsum("pj,tjc->tpc", self.point_weights, offset)
        return torch.cat([positions, skinned], 1) + transl_m[:, None], rotations
