"""From a video and the first-frame mask of one object to HoiMotion."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names
from hoi_motion.lift.clip import Clip
from hoi_motion.lift.config import LiftConfig

if TYPE_CHECKING:
    from hoi_motion.lift.pipeline import Observation, lift_video, observe_clip

__all__ = ["Clip", "LiftConfig", "Observation", "lift_video", "observe_clip"]

# torch and the keypoint networks come with the pipeline and are loaded only to lift
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Observation": "hoi_motion.lift.pipeline",
        "lift_video": "hoi_motion.lift.pipeline",
        "observe_clip": "hoi_motion.lift.pipeline",
    },
)
