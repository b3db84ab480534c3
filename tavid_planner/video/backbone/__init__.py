"""Video transformers behind one interface: `backbone_of(transformer)` returns its `Backbone`, see `seam.py`."""

from importlib import import_module

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.backbone.seam import Backbone

# diffusers' transformer class -> our module and the classes in it, imported on first use
_FAMILIES = {
    "CogVideoXTransformer3DModel": ("tavid_planner.video.backbone.cogvideox", "CogVideoXBackbone"),
    "WanTransformer3DModel": ("tavid_planner.video.backbone.wan", "WanBackbone"),
}
_PIPELINES = {
    "CogVideoXTransformer3DModel": ("tavid_planner.video.pipelines.cogvideox", "CogVideoXTargetAwarePipeline"),
    "WanTransformer3DModel": ("tavid_planner.video.pipelines.wan", "WanTargetAwarePipeline"),
}


def backbone_of(transformer) -> Backbone:
    """The `Backbone` of a transformer.

    Raises:
        VideoError: MODEL_MISSING for a transformer of no known family.
    """
    return _found(_FAMILIES, type(transformer).__name__)(transformer)


def pipeline_class(transformer_class: str):
    """The pipeline for models whose transformer has this class.

    Raises:
        VideoError: MODEL_MISSING for a transformer of no known family.
    """
    return _found(_PIPELINES, transformer_class)


def _found(table: dict[str, tuple[str, str]], transformer_class: str):
    if transformer_class not in table:
        raise VideoError(
            ErrorCode.MODEL_MISSING,
            f"the transformer is a {transformer_class}, which is not known",
            f"use a model with one of {', '.join(table)}",
        )
    module, name = table[transformer_class]
    return getattr(import_module(module), name)
