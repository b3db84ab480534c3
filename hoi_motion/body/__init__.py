"""SMPL-X bodies: the official file if the user has it, else the free one built from Anny."""

from typing import TYPE_CHECKING

from hoi_motion.body.joints import (
    JOINT_NAMES,
    KEYPOINT_NAMES,
    LABEL_RGB,
    PARENTS,
    SKIN_RGB,
    SURFACE_POINTS,
    VERTEX_LABELS,
)
from hoi_motion.lazy import lazy_names

if TYPE_CHECKING:
    from hoi_motion.body.loaded import forget_bodies, load_body
    from hoi_motion.body.model import BodyModel
    from hoi_motion.body.posed import PosedBody

__all__ = [
    "BodyModel",
    "JOINT_NAMES",
    "KEYPOINT_NAMES",
    "LABEL_RGB",
    "PARENTS",
    "PosedBody",
    "SKIN_RGB",
    "SURFACE_POINTS",
    "VERTEX_LABELS",
    "forget_bodies",
    "load_body",
]

# torch comes with a body; reading files does without it
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BodyModel": "hoi_motion.body.model",
        "PosedBody": "hoi_motion.body.posed",
        "forget_bodies": "hoi_motion.body.loaded",
        "load_body": "hoi_motion.body.loaded",
    },
)
