"""The centre of mass of a body, from its joints."""

import numpy as np

from hoi_motion.body.joints import JOINT_NAMES, index_of

# share of the body's mass, from one joint to another, and how far along lies the segment's centre: means of women and
# men, de Leva 1996, table 4
_SEGMENTS = (
    ("neck", "pelvis", 0.430, 0.50),
    ("head", "head", 0.068, 0.0),
    *(
        (f"{side}_{a}", f"{side}_{b}", mass, along)
        for side in ("left", "right")
        for a, b, mass, along in (
            ("shoulder", "elbow", 0.0263, 0.577),
            ("elbow", "wrist", 0.0150, 0.457),
            ("wrist", "wrist", 0.0058, 0.0),
            ("hip", "knee", 0.1447, 0.385),
            ("knee", "ankle", 0.0457, 0.444),
            ("foot", "foot", 0.0133, 0.0),
        )
    ),
)


def mass_weights() -> np.ndarray:  # (55,)
    """Weight of each joint in the centre of mass."""
    weights = np.zeros(len(JOINT_NAMES))
    for start, end, mass, along in _SEGMENTS:
        weights[index_of(start)] += mass * (1 - along)
        weights[index_of(end)] += mass * along
    return weights / weights.sum()
