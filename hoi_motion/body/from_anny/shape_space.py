"""Linear space of body shapes, spanned by sampled bodies, and weights that give their joints from the surface."""

import logging
from dataclasses import dataclass

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES

logger = logging.getLogger(__name__)
# a joint is the weighted mean of at most so many vertices on its side of the body
REGRESSOR_SUPPORT = 96


@dataclass(frozen=True)
class ShapeSpace:
    """Mean and principal directions of S bodies.

    Attributes:
        template_m: (V, 3) float32, the mean; directions_m: (V, 3, B) float16, what one standard deviation adds.
        betas: (S, B), the coefficients of the bodies, of variance 1; the larger, the taller.
    """

    template_m: np.ndarray  # (V, 3)
    directions_m: np.ndarray  # (V, 3, B)
    betas: np.ndarray  # (S, B)


def mirrored_name(name: str) -> str:
    """The name of the other side's joint or point; that of the middle stays."""
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


def shape_space(bodies: np.ndarray, num_betas: int) -> ShapeSpace:  # (S, V, 3)
    """The first principal components of bodies (metres); needs more bodies than betas."""
    count = len(bodies)
    mean = bodies.mean(0)
    flat = (bodies - mean).reshape(count, -1)
    values, vectors = np.linalg.eigh(flat @ flat.T / count)
    values, vectors = values[::-1][:num_betas], vectors[:, ::-1][:, :num_betas]
    betas = vectors * np.sqrt(count)
    sign = np.sign([np.corrcoef(betas[:, k], bodies[:, :, 1].max(1))[0, 1] for k in range(num_betas)])
    betas *= np.where(sign == 0, 1, sign)
    directions = (betas.T @ flat / count).reshape(num_betas, -1, 3).transpose(1, 2, 0)
    logger.info("shape space keeps %.2f%% of the variance", 100 * values.sum() / (flat**2).sum() * count)
    return ShapeSpace(mean.astype(np.float32), directions.astype(np.float16), betas)


def regressor_of(space: ShapeSpace, joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:  # (S, 55, 3) -> (55, V)
    """Weights of the vertices in each joint, the same for all shapes of the space; mirrored ones on the right side.

    Args:
        joints: of the bodies that span the space, metres.
        mirror: (V,) the vertex that is each one's mirror image.
    """
    count = len(joints)
    design = np.concatenate([np.ones((count, 1)), space.betas], 1)
    fitted = np.linalg.lstsq(design, joints.reshape(count, -1), rcond=None)[0].reshape(-1, 55, 3)
    bodies = space.template_m + np.moveaxis(space.directions_m.astype(np.float64), 2, 0)
    bodies = np.concatenate([space.template_m[None], bodies])
    wanted = np.concatenate([fitted[:1], fitted[:1] + fitted[1:]])
    regressor = _exact_weights(bodies, wanted, mirror)
    residual_m = np.abs(np.einsum("jv,svc->sjc", regressor, bodies) - wanted).max()
    logger.info("joint regressor residual %.2g m, largest weight %.2g", residual_m, np.abs(regressor).max())
    return regressor


def _exact_weights(bodies: np.ndarray, joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:  # -> (55, V)
    """Weights that give every joint (S, 55, 3) of every body (S, V, 3); the smallest ones that are exact."""
    regressor = np.zeros((55, bodies.shape[1]))
    for j, name in enumerate(JOINT_NAMES):
        if name.startswith("right_"):
            continue
        near = np.argsort(np.linalg.norm(bodies[0] - joints[0, j], axis=1))[:REGRESSOR_SUPPORT]
        if not name.startswith("left_"):
            near = np.union1d(near, mirror[near])
        # one row a body and axis, plus the partition of unity
        system = np.concatenate([bodies[:, near].transpose(0, 2, 1).reshape(-1, len(near)), np.ones((1, len(near)))])
        wanted = np.concatenate([joints[:, j].reshape(-1), [1.0]])
        regressor[j, near] = np.linalg.lstsq(system, wanted, rcond=1e-9)[0]
        if name.startswith("left_"):
            regressor[JOINT_NAMES.index(mirrored_name(name)), mirror[near]] = regressor[j, near]
    return regressor
