"""Target-aware video generation with CogVideoX; torch and diffusers are imported on first use."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names

if TYPE_CHECKING:
    from tavid_planner.video.generate import generate_video, generate_videos, load_pipeline
    from tavid_planner.video.pipeline import TargetAwarePipeline

__all__ = ["TargetAwarePipeline", "generate_video", "generate_videos", "load_pipeline"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "TargetAwarePipeline": "tavid_planner.video.pipeline",
        "generate_video": "tavid_planner.video.generate",
        "generate_videos": "tavid_planner.video.generate",
        "load_pipeline": "tavid_planner.video.generate",
    },
)
