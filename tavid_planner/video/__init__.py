"""Target-aware video generation with CogVideoX; torch and diffusers are imported on first use."""

import importlib

_HOMES = {
    "TargetAwarePipeline": "tavid_planner.video.pipeline",
    "generate_video": "tavid_planner.video.generate",
    "load_pipeline": "tavid_planner.video.generate",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
