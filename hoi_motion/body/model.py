"""BodyModel: an SMPL-X body through the unchanged `smplx` layer, with a fast skeleton beside it."""

from functools import cached_property
from pathlib import Path

import numpy as np
import smplx
import torch

from hoi_motion.body.free_body_file import FreeBodyFile, read_free_body, smplx_arrays
from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES, PARENTS, SURFACE_POINTS
from hoi_motion.body.posed import vertex_normals
from hoi_motion.body.skeleton import Skeleton
from hoi_motion.body.smplx_file import read_smplx, smplx_layer
from hoi_motion.errors import ErrorCode, LiftError

FREE_BODY = "anny-free"
OFFICIAL_BODY = "smplx-neutral"
MAX_INFLUENCES = 6


class BodyModel:
    """One SMPL-X body.

    Attributes:
        name: "anny-free" or "smplx-neutral".
        digest: SHA-256 of the file the body came from.
        source: path of the official file, empty for the free body.
        num_betas: shape coefficients in use.
        faces: (F, 3) vertex indices.
        parents: (55,) parent joint, the root's is -1.
        joint_names: the 55 joints; keypoint_names: those and the 21 surface points of `joints`.
        vertex_labels: (V,) index into VERTEX_LABELS, None for the official body.
        free: contents of the free body's compact file, None for the official body.
    """

    def __init__(
        self,
        name: str,
        digest: str,
        layer: smplx.SMPLX,
        num_betas: int,
        free: FreeBodyFile | None = None,
        source: str = "",
    ):
        num_betas = min(num_betas, layer.num_betas)  # its file may have fewer
        self.name, self.digest, self.num_betas, self.free, self.source = name, digest, num_betas, free, source
        self._layer = layer.eval().requires_grad_(False)
        self.joint_names, self.keypoint_names = JOINT_NAMES, KEYPOINT_NAMES
        self.parents = np.array(PARENTS)
        self.faces = layer.faces.astype(np.int64)
        self.weights = layer.lbs_weights.numpy()  # (V, 55)
        self.v_template_m = layer.v_template.numpy()  # (V, 3)
        self.shapedirs_m = layer.shapedirs[..., :num_betas].numpy()  # (V, 3, B)
        regressor = layer.J_regressor
        self._rest_joints_m = regressor @ layer.v_template
        self._joint_directions_m = torch.einsum("jv,vck->jck", regressor, layer.shapedirs[..., :num_betas])
        self.skeleton = self.skin(_POINT_IDS)
        self.vertex_labels = None if free is None else free.arrays["vertex_labels"]

    def __repr__(self) -> str:
        return f"BodyModel({self.name}, {len(self.v_template_m)} vertices, {self.num_betas} betas)"

    def skin(self, vertex_ids) -> Skeleton:  # (P,)
        """The skeleton with these vertices as its surface points: differentiable, without the other vertices."""
        ids = torch.as_tensor(vertex_ids)
        return Skeleton(
            joints_m=self._rest_joints_m,
            joint_directions_m=self._joint_directions_m,
            points_m=self._layer.v_template[ids],
            point_directions_m=self._layer.shapedirs[..., : self.num_betas][ids],
            point_pose_directions_m=self._layer.posedirs.reshape(486, -1, 3)[:, ids],
            point_weights=self._layer.lbs_weights[ids],
        )

    def vertices_and_joints(self, pose_rad, transl_m, betas) -> tuple[torch.Tensor, torch.Tensor]:
        """Surface and skeleton of every frame through the smplx layer.

        Args:
            pose_rad: (T, 55, 3) axis-angle; transl_m: (T, 3); betas: (B,) or (T, B), B <= num_betas.

        Returns:
            vertices (T, V, 3) and the 55 joints (T, 55, 3), metres, in the frame of the translation.
        """
        pose, transl, betas = self._tensors(pose_rad, transl_m, betas)
        count = len(pose)
        out = self._layer(
            betas=betas,
            global_orient=pose[:, 0],
            body_pose=pose[:, 1:22].reshape(count, 63),
            jaw_pose=pose[:, 22],
            leye_pose=pose[:, 23],
            reye_pose=pose[:, 24],
            left_hand_pose=pose[:, 25:40].reshape(count, 45),
            right_hand_pose=pose[:, 40:].reshape(count, 45),
            expression=pose.new_zeros(count, 10),
            transl=transl,
        )
        return out.vertices, out.joints[:, :55]

    def joints(self, pose_rad, transl_m, betas, skin: Skeleton | None = None) -> torch.Tensor:  # (T, 76, 3)
        """The 55 joints and 21 surface points (`keypoint_names`), differentiable, without the other vertices.

        Args:
            pose_rad: (T, 55, 3) axis-angle; transl_m: (T, 3); betas: (B,) or (T, B).
            skin: of this body, whose points come in the place of the 21.
        """
        return (skin or self.skeleton).keypoints(*self._tensors(pose_rad, transl_m, betas))

    def _tensors(self, pose_rad, transl_m, betas) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pose, transl, betas = (_tensor(value) for value in (pose_rad, transl_m, betas))
        missing = self.num_betas - betas.shape[-1]
        if missing < 0:
            raise LiftError(
                ErrorCode.BODY_MODEL_MISSING,
                f"there are {betas.shape[-1]} betas, the body {self.name} has {self.num_betas}",
                "load it with more betas, from a file that has them",
            )
        betas = torch.nn.functional.pad(betas, (0, missing))
        return pose, transl, betas.expand(len(pose), self.num_betas)

    @cached_property
    def main_influences(self) -> tuple[np.ndarray, np.ndarray]:  # (V, MAX_INFLUENCES) u8, the same f32
        """The joints that move each vertex most, largest weight first, and these weights, which sum to 1."""
        top = np.argsort(-self.weights, 1)[:, :MAX_INFLUENCES]
        weights = np.take_along_axis(self.weights, top, 1)
        return top.astype(np.uint8), (weights / weights.sum(1, keepdims=True)).astype(np.float32)

    @cached_property
    def vertex_joint(self) -> np.ndarray:  # (V,)
        """Joint with the largest skinning weight, the body part of every vertex."""
        return self.weights.argmax(1)

    @cached_property
    def part_vertices(self) -> dict[str, np.ndarray]:
        """Vertex ids by part: every joint name, left_hand, right_hand, left_palm, right_palm, left_index, ..."""
        parts = {name: np.flatnonzero(self.vertex_joint == j) for j, name in enumerate(JOINT_NAMES)}
        normals = vertex_normals(self.v_template_m, self.faces)
        for side, first in (("left", 25), ("right", 40)):
            fingers = JOINT_NAMES[first : first + 15]
            hand = np.concatenate([parts[f"{side}_wrist"], *(parts[f] for f in fingers)])
            for finger in ("index", "middle", "pinky", "ring", "thumb"):
                parts[f"{side}_{finger}"] = np.concatenate([parts[f"{side}_{finger}{i}"] for i in (1, 2, 3)])
            parts[f"{side}_hand"] = np.sort(hand)
            palm = parts[f"{side}_wrist"]
            parts[f"{side}_palm"] = palm[normals[palm, 1] < -0.3]  # zero pose: palms face down
        return parts


def _tensor(value) -> torch.Tensor:
    """A float tensor; arrays are copied, since those of HoiMotion are read-only."""
    return value.float() if isinstance(value, torch.Tensor) else torch.tensor(np.asarray(value), dtype=torch.float32)


_POINT_IDS = list(SURFACE_POINTS.values())


def read_body(path: str | Path | None = None, num_betas: int = 10) -> BodyModel:
    """The official SMPL-X file at `path`, or the free body without one, read anew; `load_body` keeps it.

    Raises:
        LiftError: BODY_MODEL_MISSING when the file is missing, damaged, or not an SMPL-X model.
    """
    if path is None or str(path) == "":
        free = read_free_body()
        return BodyModel(FREE_BODY, free.digest, smplx_layer(smplx_arrays(free), num_betas), num_betas, free)
    arrays, digest = read_smplx(path)
    layer = smplx_layer(arrays, num_betas)
    return BodyModel(OFFICIAL_BODY, digest, layer, num_betas, source=str(Path(path).resolve()))
