"""3D human-object interaction from video: lift, check, retarget. Runs without diffusers and ROS."""

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.motion import Camera, Contact, HoiMotion, ObjectMotion, SupportBox

__all__ = ["Camera", "Contact", "ErrorCode", "HoiMotion", "ObjectMotion", "SupportBox", "TavidError"]
__version__ = "0.1.0"
