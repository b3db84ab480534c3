"""The error tree of the planner; it is shared with hoi_motion, where it is defined."""

from hoi_motion.errors import (
    CheckError,
    ControlError,
    ErrorCode,
    InputError,
    LiftError,
    RetargetError,
    TavidError,
    VideoError,
)

__all__ = [
    "CheckError",
    "ControlError",
    "ErrorCode",
    "InputError",
    "LiftError",
    "RetargetError",
    "TavidError",
    "VideoError",
]
