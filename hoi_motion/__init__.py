"""3D human-object interaction from video: lift, check, repair, retarget. Runs without diffusers and ROS.

`__all__` is the public face; heavy modules are imported on first use.
"""

from typing import TYPE_CHECKING

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.lazy import lazy_names

if TYPE_CHECKING:
    from hoi_motion.body import BodyModel, load_body
    from hoi_motion.camera import Camera
    from hoi_motion.io import read_motion, write_motion
    from hoi_motion.keypoints.track import KeypointSource, KeypointTrack
    from hoi_motion.lift import Clip, LiftConfig, lift_video
    from hoi_motion.media.image_files import read_depth, read_image, read_mask
    from hoi_motion.media.video_file import read_video, write_video
    from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
    from hoi_motion.physics import CheckConfig, PhysicsReport, RepairResult, Verdict, check_motion, repair_motion
    from hoi_motion.progress import CancelToken
    from hoi_motion.retarget.retarget import retarget

__all__ = [
    "BodyModel",
    "Camera",
    "CancelToken",
    "CheckConfig",
    "Clip",
    "Contact",
    "ErrorCode",
    "HoiMotion",
    "KeypointSource",
    "KeypointTrack",
    "LiftConfig",
    "ObjectMotion",
    "PhysicsReport",
    "RepairResult",
    "SupportBox",
    "TavidError",
    "Verdict",
    "check_motion",
    "lift_video",
    "load_body",
    "read_depth",
    "read_image",
    "read_mask",
    "read_motion",
    "read_video",
    "repair_motion",
    "retarget",
    "write_motion",
    "write_video",
]
__version__ = "0.1.0"

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BodyModel": "hoi_motion.body",
        "Camera": "hoi_motion.camera",
        "CancelToken": "hoi_motion.progress",
        "CheckConfig": "hoi_motion.physics",
        "Clip": "hoi_motion.lift",
        "Contact": "hoi_motion.motion",
        "HoiMotion": "hoi_motion.motion",
        "KeypointSource": "hoi_motion.keypoints.track",
        "KeypointTrack": "hoi_motion.keypoints.track",
        "LiftConfig": "hoi_motion.lift",
        "ObjectMotion": "hoi_motion.motion",
        "PhysicsReport": "hoi_motion.physics",
        "RepairResult": "hoi_motion.physics",
        "SupportBox": "hoi_motion.motion",
        "Verdict": "hoi_motion.physics",
        "check_motion": "hoi_motion.physics",
        "lift_video": "hoi_motion.lift",
        "load_body": "hoi_motion.body",
        "read_depth": "hoi_motion.media.image_files",
        "read_image": "hoi_motion.media.image_files",
        "read_mask": "hoi_motion.media.image_files",
        "read_motion": "hoi_motion.io",
        "read_video": "hoi_motion.media.video_file",
        "repair_motion": "hoi_motion.physics",
        "retarget": "hoi_motion.retarget",
        "write_motion": "hoi_motion.io",
        "write_video": "hoi_motion.media.video_file",
    },
)
