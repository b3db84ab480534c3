"""Procedural interaction scenes with full ground truth: the one source for training data, tests and benchmarks."""

from training.scenes.clip_file import iterate_clips, load_clip, save_clip
from training.scenes.company import generate_company_scene
from training.scenes.scene import HELD_OUT_SEED, SceneError, SceneSample, generate_scene

__all__ = [
    "HELD_OUT_SEED",
    "SceneError",
    "SceneSample",
    "generate_company_scene",
    "generate_scene",
    "iterate_clips",
    "load_clip",
    "save_clip",
]
