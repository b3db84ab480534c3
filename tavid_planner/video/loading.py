"""Loads models from folders or a hub into a pipeline: adapters, number formats, placement of the weights."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline

from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.adapter import load_adapter
from tavid_planner.video.attention_backend import use_attention_backend
from tavid_planner.video.backbone import pipeline_class
from tavid_planner.video.compiled import compile_blocks
from tavid_planner.video.loras import fuse_loras, load_loras, refuse_small_dora
from tavid_planner.video.memory import checked_device, is_out_of_memory, memory_errors, place
from tavid_planner.video.model_files import base_folder, check_base_folder, missing, transformer_class
from tavid_planner.video.named_loras import NamedLora
from tavid_planner.video.small_weights import keep_small
from tavid_planner.video.step_cache import enable_step_cache
from tavid_planner.video.tokenizer import load_t5_tokenizer, needs_conversion
from tavid_planner.video.whole_weights import check_whole

WEIGHTS = ("full", "fp8", "int8")


def load_models(
    base,
    adapter=None,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    scheduler: str | None = None,
    memory: str = "resident",
    vae_tiling: bool = False,
    lora_alpha: float | None = None,
    weights: str = "full",
    loras: tuple[NamedLora, ...] = (),
    fuse: bool = False,
    step_cache: str = "none",
    step_cache_threshold: float = 0.05,
    attention: str = "torch",
    compiled: bool = False,
    transformer=None,
):
    """An image-to-video model of a known family and, if given, a target-aware adapter and more LoRAs.

    Args:
        base: a folder in diffusers format, or a hub id; for a folder no hub is ever contacted.
        adapter: a folder or hub id in the layout of the released TaViD weights.
        dtype: of weights and arithmetic, except for `IN_FLOAT32` of the family's pipeline.
        scheduler: "dpm" or "ddim" (CogVideoX), "unipc" or "euler" (Wan), None for the one stored with the model.
        memory: "resident", or "model", "group" and "sequential" offloading (these need a GPU).
        lora_alpha: of the adapter's LoRA; None or 0 takes the value in its files, else its rank.
        weights: "full", or "fp8" and "int8", which keep the large matrices in 8 bits.
        loras: in addition to the adapter; fuse: merge all of them into the weights.
        step_cache, step_cache_threshold: see `step_cache.enable_step_cache`.
        attention: one of `attention_backend.BACKENDS`. compiled: compile the transformer's blocks.
        transformer: one that is in memory already, instead of the folder's, which is not read then.

    Raises:
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
        InputError: CONFIG_INVALID.
    """
    folder = base_folder(str(base))
    check_base_folder(folder)
    kind = pipeline_class(transformer_class(folder))
    _check_choice("scheduler", scheduler, (None, *kind.SCHEDULERS))
    _check_choice("weights", weights, WEIGHTS)
    with memory_errors():
        pipeline = _read_base(kind, folder, dtype, transformer)
        pipeline.base = str(base)
        pipeline.check_base()
        if adapter:
            pipeline.adapter = load_adapter(pipeline, adapter, lora_alpha)
        pipeline.lora_digests = load_loras(pipeline.transformer, loras)
        if fuse:
            fuse_loras(pipeline.transformer)
        enable_step_cache(pipeline.transformer, step_cache, step_cache_threshold)
        if scheduler is not None:
            pipeline.scheduler = pipeline.sampler(scheduler)
        if vae_tiling:
            pipeline.tile_vae()
        if weights != "full":
            refuse_small_dora(pipeline.transformer)
            keep_small(pipeline, weights, dtype)
        use_attention_backend(pipeline.backbone, attention, checked_device(device), dtype)
        place(pipeline, device, memory)
        if compiled:
            compile_blocks(pipeline.backbone.blocks)
        if pipeline.device.type == "cpu" and memory == "resident":
            pipeline.speed_up_on_cpu()
    return pipeline


def _read_base(kind, folder: Path, dtype: torch.dtype, transformer):
    """The pipeline of a family from a folder whose weights are all there; a transformer, if given, is not read."""
    own = {} if transformer is None else {"transformer": transformer}
    dtypes = {"default": dtype, **dict.fromkeys(kind.IN_FLOAT32, torch.float32)}
    try:
        if needs_conversion(folder):
            own["tokenizer"] = load_t5_tokenizer(folder / "tokenizer")
        # not the family's own from_pretrained, which leads here
        pipeline = DiffusionPipeline.from_pretrained.__func__(
            kind, str(folder), dtype=dtypes, local_files_only=True, use_safetensors=True, **own
        )
    except Exception as error:  # whatever a library raises about settings or weights that do not fit each other
        if isinstance(error, (TavidError, ImportError)) or is_out_of_memory(error):
            raise
        reason = str(error) or type(error).__name__
        raise missing(f"{folder} cannot be loaded: {reason}", "check that it is an image-to-video model") from error
    for component in ("text_encoder", "vae", *(["transformer"] if transformer is None else [])):
        check_whole(getattr(pipeline, component), folder / component)
    return pipeline


def _check_choice(name: str, value, valid) -> None:
    if value not in valid:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {value!r}", f"use one of {', '.join(map(str, valid))}")
