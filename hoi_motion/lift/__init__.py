"""From a video and the first-frame mask of one object to HoiMotion."""

from hoi_motion.lift.config import LiftConfig

__all__ = ["LiftConfig", "lift_video", "observe_clip"]


def __getattr__(name: str):
    # torch and MediaPipe come with the pipeline: only who lifts pays for them
    if name in ("lift_video", "observe_clip"):
        from hoi_motion.lift import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
