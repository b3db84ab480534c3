"""From a video and the first-frame mask of one object to HoiMotion."""

from hoi_motion.lift.config import LiftConfig

__all__ = ["LiftConfig", "lift_video"]


def __getattr__(name: str):
    # torch and MediaPipe come with the pipeline: only who lifts pays for them
    if name == "lift_video":
        from hoi_motion.lift.pipeline import lift_video

        return lift_video
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
