"""Which way is up, from how a person stands.

Soles that stand at the same time lie in one level plane, whose normal is up. How sure that is depends on how far apart
they are; what they leave open follows from the centre of mass, which on average is over the feet.
"""

import numpy as np

LOW_M = (0.08, 0.04, 0.02)
"""Height above the lowest sole up to which a point counts as standing, narrowed from round to round."""
POINT_M = 0.015
BALANCE_RAD = np.deg2rad(12.0)
INDEPENDENT_S = 0.5
"""Frames closer than this have correlated errors."""


def up_direction(soles_m: np.ndarray, mass_m: np.ndarray, fps: float) -> np.ndarray:  # (T, K, 3), (T, 3) -> (3,)
    """Unit vector against gravity, in the frame of the points; only differences within a frame count.

    Args:
        soles_m: points of the soles; mass_m: centre of mass.
    """
    lean = mass_m - soles_m.mean(1)
    balance = _unit(_unit(lean).sum(0))
    share = 1.0 / max(1.0, INDEPENDENT_S * fps)
    up = balance
    for low_m in LOW_M:
        height_m = soles_m @ up
        weight = np.exp(-0.5 * ((height_m - height_m.min(1, keepdims=True)) / low_m) ** 2)
        weight = weight / weight.sum(1, keepdims=True)
        middle_m = (weight[..., None] * soles_m).sum(1, keepdims=True)
        spread = np.einsum("tk,tka,tkb->ab", weight, soles_m - middle_m, soles_m - middle_m)
        # both as squared residuals over their variance, for a direction that is off by an angle
        evidence = share * spread / POINT_M**2 - np.outer(balance, balance) / BALANCE_RAD**2
        found = np.linalg.eigh(evidence)[1][:, 0]
        up = found * np.sign(found @ balance)
    return up


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
