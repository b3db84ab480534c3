"""The unknowns of a body fit, and the body that they make, in the level frame (camera.py)."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from hoi_motion.body import BodyModel
from hoi_motion.body.skeleton import rotation_matrices
from hoi_motion.keypoints import model_points as km
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.person.evidence import Evidence
from hoi_motion.lift.person.feet.planted import FOOT_POINTS
from hoi_motion.lift.person.priors import rest_hands_rad
from hoi_motion.lift.person.start import Start


@dataclass(frozen=True)
class Unknowns:
    """What the optimiser moves; the tensors change in place.

    Attributes:
        turn: (T, 3) of the root after the start's; body_rad: (T, 21, 3); hands_rad: (T, 30, 3).
        ray: (T, 2) the pelvis' x/z, y/z in the camera; log_depth: (T,) of the pelvis.
        betas: (B,); pitch, floor: of the camera, height of the floor.
        lifted_growth: logarithm; how much larger the person is than the lifter says.
        drawn_m: (N, 3) where this clip's keypoints are drawn, from where they usually are, in the bones' frames.
    """

    turn: torch.Tensor
    body_rad: torch.Tensor
    hands_rad: torch.Tensor
    ray: torch.Tensor
    log_depth: torch.Tensor
    betas: torch.Tensor
    pitch: torch.Tensor
    floor: torch.Tensor
    lifted_growth: torch.Tensor
    drawn_m: torch.Tensor


def first_unknowns(start: Start, num_betas: int) -> Unknowns:
    T = len(start.log_depth)

    def unknown(values) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32).requires_grad_()

    return Unknowns(
        turn=unknown(np.zeros((T, 3))),
        body_rad=unknown(start.body_rad),
        hands_rad=unknown(np.tile(rest_hands_rad(), (T, 1, 1))),
        ray=unknown(start.ray),
        log_depth=unknown(start.log_depth),
        betas=unknown(np.zeros(num_betas)),
        pitch=unknown(float(start.pitch_rad)),
        floor=unknown(float(start.floor_m)),
        lifted_growth=unknown(0.0),
        drawn_m=unknown(np.zeros((len(km.BODY_KEYPOINTS), 3))),
    )


@dataclass(frozen=True)
class Guess:
    """The body that the unknowns make now; what several terms ask for is computed once.

    Attributes:
        start: its root rotations (T, 3, 3) come before the unknown turn.
    """

    body: BodyModel
    evidence: Evidence
    start: Start
    unknowns: Unknowns

    def __len__(self) -> int:
        return len(self.unknowns.turn)

    def anew(self) -> "Guess":
        """The body of the unknowns as they have changed since."""
        return replace(self)

    @cached_property
    def R_level_start(self) -> torch.Tensor:  # (T, 3, 3)
        return torch.tensor(self.start.R_level_root, dtype=torch.float32)

    def pose_rad(self) -> torch.Tensor:  # (T, 55, 3), the root's after the start's
        u = self.unknowns
        return torch.cat([u.turn[:, None], u.body_rad, u.turn.new_zeros(len(self), 3, 3), u.hands_rad], 1)

    @cached_property
    def points_and_rotations(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Joints and surface points (T, 76, 3), and the joints' rotations (T, 55, 3, 3)."""
        pose = self.pose_rad()
        betas, nowhere = self.unknowns.betas.expand(len(self), -1), pose.new_zeros(len(self), 3)
        local, rotations = self.body.skeleton.keypoints_and_rotations(pose, nowhere, betas)
        local = local - local[:, :1]
        placed = (self.R_level_start @ local.transpose(1, 2)).transpose(1, 2) + self.pelvis_m()[:, None]
        return placed, self.R_level_start[:, None] @ rotations

    @property
    def points_m(self) -> torch.Tensor:  # (T, 76, 3)
        return self.points_and_rotations[0]

    @cached_property
    def keypoints_m(self) -> torch.Tensor:  # (T, N, 3) of km.BODY_KEYPOINTS
        return torch.einsum("kj,tjc->tkc", self.evidence.body.matrix, self.points_m)

    @cached_property
    def drawn_px(self) -> torch.Tensor:  # (T, N, 2)
        """Where the detector draws the keypoints."""
        usual_px = self._drawn_px(self.evidence.drawn_m)
        if self.evidence.skin is None:
            return usual_px
        beside_px = self._drawn_px(self.evidence.drawn_m + self.unknowns.drawn_m) - usual_px
        weight = self.evidence.body.weight[..., None]
        return usual_px + without_place_and_size(beside_px, usual_px.detach(), weight)

    def _drawn_px(self, drawn_m: torch.Tensor) -> torch.Tensor:  # (N, 3) -> (T, N, 2)
        rotations = self.points_and_rotations[1][:, km.CARRIERS]
        return self.project(self.keypoints_m + (rotations @ drawn_m[..., None])[..., 0])

    @cached_property
    def feet_m(self) -> torch.Tensor:  # (T, 2, 4, 3)
        return self.points_m[:, FOOT_POINTS]

    def pelvis_m(self) -> torch.Tensor:  # (T, 3)
        depth = self.unknowns.log_depth.exp()[:, None]
        camera = torch.cat([self.unknowns.ray * depth, depth], 1)
        return camera @ R_level_camera(self.unknowns.pitch).T

    def project(self, points_m: torch.Tensor) -> torch.Tensor:  # (..., 3) -> (..., 2)
        camera = points_m @ R_level_camera(self.unknowns.pitch)
        return (camera / camera[..., 2:].clamp(min=0.05)) @ self.evidence.K[:2].T

    def first_in_camera(self, points_m: torch.Tensor) -> torch.Tensor:  # (N, 3) -> (N, 3)
        """Points of the first frame, from the pelvis, before the start's turn."""
        return (points_m @ self.R_level_start[0].T + self.pelvis_m()[0]) @ R_level_camera(self.unknowns.pitch)

    def first_skin_m(self) -> np.ndarray:  # (V, 3)
        """The first frame's skin in the camera frame."""
        pose = self.pose_rad()[:1].detach()
        vertices, joints = self.body.vertices_and_joints(pose, np.zeros((1, 3)), self.unknowns.betas.detach())
        return self.first_in_camera(vertices[0] - joints[0, 0]).detach().double().numpy()

    def whole_pose_rad(self) -> torch.Tensor:  # (T, 55, 3)
        """The pose with the start's turn in its root."""
        root = (self.R_level_start @ rotation_matrices(self.unknowns.turn)).detach().double().numpy()
        root = torch.tensor(Rotation.from_matrix(root).as_rotvec(), dtype=torch.float32)
        return torch.cat([root[:, None], self.pose_rad()[:, 1:].detach()], 1)


def without_place_and_size(moves_px: torch.Tensor, points_px: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Moves of a picture's points less what shifts or scales all of them: that would be another place of the person.

    Args:
        moves_px, points_px: (T, N, 2); weight: (T, N, 1) how much each point counts.
    """
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1e-3)
    from_middle = points_px - (weight * points_px).sum(1, keepdim=True)
    moves_px = moves_px - (weight * moves_px).sum(1, keepdim=True)
    square = (weight * from_middle.square()).sum((1, 2), keepdim=True).clamp(min=1.0)
    return moves_px - from_middle * (weight * moves_px * from_middle).sum((1, 2), keepdim=True) / square
