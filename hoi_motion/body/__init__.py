"""SMPL-X bodies: the official file if the user has it, else the free one built from Anny."""

from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES, PARENTS, SURFACE_POINTS, VERTEX_LABELS
from hoi_motion.body.loaded import forget_bodies, load_body
from hoi_motion.body.model import BodyModel
from hoi_motion.body.posed import PosedBody

__all__ = [
    "BodyModel",
    "JOINT_NAMES",
    "KEYPOINT_NAMES",
    "PARENTS",
    "PosedBody",
    "SURFACE_POINTS",
    "VERTEX_LABELS",
    "forget_bodies",
    "load_body",
]
