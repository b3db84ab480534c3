"""The free body on disk, compact in the repository, and expanded to the arrays of an SMPL-X model."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from hoi_motion.body.joints import PARENTS
from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.reading.npz import NpzFile

COMPACT_PATH = Path(__file__).with_name("anny_free.npz")
_LANDMARKS = 51
_CONTOUR_LANDMARKS = 17
_CONTOUR_ANGLES = 79


@dataclass(frozen=True)
class FreeBodyFile:
    """Contents of the compact file; arrays as `from_anny.free_body.build` names them."""

    arrays: dict[str, np.ndarray]
    digest: str

    @cached_property
    def weights(self) -> np.ndarray:  # (V, 55)
        joints, values = self.arrays["weight_joints"], self.arrays["weight_values"].astype(np.float32)
        weights = np.zeros((len(joints), 55), np.float32)
        np.put_along_axis(weights, joints.astype(np.int64), values / values.sum(1, keepdims=True), 1)
        return weights

    def betas_from(self, **phenotypes: float) -> np.ndarray:  # (10,)
        """Shape coefficients of a phenotype, each value in Anny's 0..1; those left out take the middle of the range.

        Raises:
            KeyError: a phenotype that Anny does not have.
        """
        names = [str(n) for n in self.arrays["phenotype_names"]]
        unknown = set(phenotypes) - set(names)
        if unknown:
            raise KeyError(f"no phenotype {sorted(unknown)}; known: {names}")
        middle = dict(zip(names, self.arrays["phenotype_range"].mean(1)))
        row = np.array([1.0, *({**middle, **phenotypes}[n] for n in names)], np.float32)
        return row @ self.arrays["betas_from_phenotypes"]


def read_free_body(path: Path = COMPACT_PATH) -> FreeBodyFile:
    """Raises: LiftError BODY_MODEL_MISSING when the compact file is missing or damaged."""
    hint = "reinstall the package, or rebuild it with: python -m hoi_motion.body.from_anny.free_body"
    file = NpzFile(path, "a readable body", ErrorCode.BODY_MODEL_MISSING, hint, LiftError)
    arrays = {name: file.read(name) for name in sorted(file.names)}
    return FreeBodyFile(arrays, hashlib.sha256(file.content).hexdigest())


def smplx_arrays(body: FreeBodyFile) -> dict[str, np.ndarray]:
    """Every key the smplx layer reads, shapes as in the official file (the directions the body lacks are zero)."""
    arrays = body.arrays
    num_vertices = len(arrays["v_template"])
    shapedirs = np.zeros((num_vertices, 3, 400), np.float32)
    shapedirs[..., : arrays["shapedirs"].shape[-1]] = arrays["shapedirs"]
    regressor = np.zeros((55, num_vertices), np.float32)
    regressor[arrays["regressor_rows"], arrays["regressor_columns"]] = arrays["regressor_values"]
    faces = arrays["faces"].astype(np.int64)
    landmarks = _landmark_faces(arrays["v_template"], faces)
    corner = np.array([1.0, 0.0, 0.0])
    return {
        "v_template": arrays["v_template"],
        "f": faces.astype(np.uint32),
        "shapedirs": shapedirs,
        "posedirs": np.zeros((num_vertices, 3, 486), np.float32),
        "J_regressor": regressor,
        "weights": body.weights,
        "kintree_table": np.array([PARENTS, range(55)], np.int64),
        "hands_componentsl": _hand_basis(),
        "hands_componentsr": _hand_basis(),
        "hands_meanl": np.zeros(45, np.float32),
        "hands_meanr": np.zeros(45, np.float32),
        "lmk_faces_idx": landmarks[:_LANDMARKS],
        "lmk_bary_coords": np.tile(corner, (_LANDMARKS, 1)),
        "dynamic_lmk_faces_idx": np.tile(landmarks[_LANDMARKS:], (_CONTOUR_ANGLES, 1)),
        "dynamic_lmk_bary_coords": np.tile(corner, (_CONTOUR_ANGLES, _CONTOUR_LANDMARKS, 1)),
    }


def _hand_basis() -> np.ndarray:  # (45, 45)
    """Orthonormal hand pose basis, rows from coarse to fine: whole-hand motions first (cosines over the 15 joints)."""
    k, n = np.meshgrid(np.arange(15), np.arange(15), indexing="ij")
    cosines = np.cos(np.pi * k * (n + 0.5) / 15) * np.where(k == 0, np.sqrt(1 / 15), np.sqrt(2 / 15))
    return np.kron(cosines, np.eye(3)).astype(np.float32)


def _landmark_faces(template: np.ndarray, faces: np.ndarray) -> np.ndarray:  # (68,)
    """Faces at 51 inner and 17 contour landmarks, found on a regular grid over the front of the face."""
    from hoi_motion.body.joints import SURFACE_POINTS

    nose, eye = template[SURFACE_POINTS["nose"]], template[SURFACE_POINTS["left_eye"]]
    angle = np.linspace(0, 2 * np.pi, _LANDMARKS, endpoint=False)
    ring = np.stack([1.6 * eye[0] * np.cos(angle), 0.045 * np.sin(angle), np.full(_LANDMARKS, -0.03)], 1) + nose
    half = np.linspace(np.pi, 2 * np.pi, _CONTOUR_LANDMARKS)
    jaw = np.stack([2.2 * eye[0] * np.cos(half), 0.085 * np.sin(half), np.full(len(half), -0.07)], 1) + nose
    centres = template[faces].mean(1)
    wanted = np.concatenate([ring, jaw])
    return np.array([np.argmin(((centres - point) ** 2).sum(1)) for point in wanted], np.int64)
