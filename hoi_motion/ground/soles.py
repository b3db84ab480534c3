"""Points of the soles: where a standing foot touches the floor."""

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.body.model import BodyModel

POINTS_A_FOOT = 8
THICK_M = 0.008
"""The sole is the skin this near the lowest point of a resting foot."""
_JOINTS = {side: [JOINT_NAMES.index(f"{side}_{name}") for name in ("ankle", "foot")] for side in ("left", "right")}


def sole_vertices(body: BodyModel) -> np.ndarray:  # (2 POINTS_A_FOOT,) left, right
    """Vertex ids spread over both soles of the resting body."""
    ids = []
    for joints in _JOINTS.values():
        foot = np.flatnonzero(np.isin(body.vertex_joint, joints))
        height_m = body.v_template_m[foot, 1]
        sole = foot[height_m < height_m.min() + THICK_M]
        ids += list(_spread(sole, body.v_template_m[sole]))
    return np.array(ids)


def _spread(ids: np.ndarray, places_m: np.ndarray) -> np.ndarray:
    """Each as far as possible from those before it."""
    chosen = [int(places_m[:, 2].argmin())]
    distance_m = np.linalg.norm(places_m - places_m[chosen[0]], axis=1)
    while len(chosen) < POINTS_A_FOOT:
        chosen.append(int(distance_m.argmax()))
        distance_m = np.minimum(distance_m, np.linalg.norm(places_m - places_m[chosen[-1]], axis=1))
    return ids[chosen]
