"""From an InteractionRequest to an InteractionVideo."""

import logging
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from hoi_motion.progress import CancelToken, OnProgress, silent
from tavid_planner.config import VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.plan import InteractionVideo
from tavid_planner.request import InteractionRequest
from tavid_planner.video.decoded import check_pictures
from tavid_planner.video.estimate import chosen_mode
from tavid_planner.video.image_fit import ImageFit
from tavid_planner.video.loras import NamedLora, parse_loras
from tavid_planner.video.memory import checked_device
from tavid_planner.video.model_files import model_folder, weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline

FETCHED = 0.9  # of a load that fetches its model

logger = logging.getLogger(__name__)


def load_pipeline(
    config: VideoConfig, on_progress: OnProgress = silent, cancel: CancelToken | None = None
) -> TargetAwarePipeline:
    """The pipeline that a profile asks for, with its provenance filled in.

    Args:
        on_progress: called with stage "load" while a model comes from a hub, which is the greater part of it then.
        cancel: asked as often.

    Raises:
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
        InputError: CONFIG_INVALID.
        ControlError: CANCELLED.
    """
    device = checked_device(config.device)
    base = resolve_model(config.base)
    adapter = resolve_model(config.adapter) or None
    loras = parse_loras(config.loras)
    if config.speed_adapter:
        loras = (*loras, NamedLora("speed_adapter", config.speed_adapter))
    loras = tuple(replace(lora, source=resolve_model(lora.source)) for lora in loras)
    # what memory `auto` is depends on its files
    model_folder(base, on_fraction=lambda fraction: on_progress("load", FETCHED * fraction), cancel=cancel)
    memory = chosen_mode(config)
    with _quiet_loading():
        pipeline = TargetAwarePipeline.from_pretrained(
            base,
            adapter,
            dtype=getattr(torch, config.dtype),
            device=device,
            scheduler=config.sampling.scheduler,
            memory=memory,
            vae_tiling=config.vae_tiling,
            lora_alpha=config.lora_alpha,
            weights=config.weights,
            loras=loras,
            fuse=config.fuse,
            step_cache=config.step_cache,
            step_cache_threshold=config.step_cache_threshold,
        )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.provenance = {
        "base": config.base,
        "base_digest": weights_digest(model_folder(base)),
        "adapter": config.adapter,
        "adapter_digest": pipeline.adapter.digest if pipeline.adapter else "",
        "adapter_scale": pipeline.adapter.scale_words if pipeline.adapter else "",
        "loras": {lora.name: [lora.weight, pipeline.lora_digests[lora.name]] for lora in loras},
        "fused": config.fuse,
        "trigger": pipeline.trigger,
        "mask_used": pipeline.uses_mask,
        "conditioning": pipeline.conditioning.kind if pipeline.uses_mask else "none",
        "device": str(device),
        "dtype": config.dtype,
        "memory": memory,
        "weights": config.weights,
        "scheduler": type(pipeline.scheduler).__name__,
    }
    logger.info("video model %s with adapter %s on %s", config.base, config.adapter or "none", device)
    return pipeline


def generate_video(
    pipeline: TargetAwarePipeline,
    request: InteractionRequest,
    config: VideoConfig,
    seed: int,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> InteractionVideo:
    """Generate one clip in the request's pixels; the same arguments give the same clip.

    Args:
        on_progress: called with stage "video"; the last tenth is decoding.

    Raises:
        InputError: MASK_EMPTY when the mask vanishes at latent size, INSTRUCTION_INVALID, CONFIG_INVALID.
        VideoError: OUT_OF_MEMORY, GENERATION_FAILED.
        ControlError: CANCELLED.
    """
    _check_frames(pipeline, config.num_frames)
    start = time.perf_counter()
    fit = ImageFit.between(request.size_px, (config.height, config.width))
    if pipeline.conditioning.kind == "mask":
        marked = torch.from_numpy(fit.mask_to_model(request.target_mask, config.mask_reduction))
    else:
        marked = [torch.from_numpy(fit.mask_to_model(instance.mask)) for instance in request.instances]
    output = pipeline(
        image=fit.to_model(request.rgb),
        mask=marked if pipeline.uses_mask else None,
        prompt=request.prompt,
        height=config.height,
        width=config.width,
        num_frames=config.num_frames,
        num_inference_steps=config.sampling.steps,
        guidance_scale=config.sampling.guidance_scale,
        guidance=config.guidance,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="np",
        on_step=lambda step, total: on_progress("video", 0.9 * step / total),
        cancel=cancel,
        mask_reduction=config.mask_reduction,
        capture_attention=config.capture_attention,
    )
    pictures = np.asarray(output.frames[0])
    check_pictures(pictures, request.rgb, config.dtype)
    frames = fit.to_request((pictures * 255).round().astype(np.uint8))
    attention = None
    if output.target_attention is not None:
        attention = fit.maps_to_request(output.target_attention.numpy())
        attention = (attention / max(attention.max(), np.finfo(np.float32).tiny)).astype(np.float32)
    on_progress("video", 1.0)
    provenance = {
        **getattr(pipeline, "provenance", {}),
        "seed": int(seed),
        "prompt": request.prompt,
        "steps": config.sampling.steps,
        "step_cache": config.step_cache,
        "guidance": config.guidance,
        "guidance_scale": config.sampling.guidance_scale,
        "mask_reduction": config.mask_reduction if pipeline.uses_mask else "none: no adapter, the mask is not used",
        "model_px": [config.height, config.width],
        "content_px": list(fit.content_px),
        "content_top_left_px": list(fit.top_left_px),
        "seconds": round(time.perf_counter() - start, 3),
    }
    return InteractionVideo(frames, config.fps, attention, provenance)


@contextmanager
def _quiet_loading():
    """No progress bars of diffusers and transformers: progress is reported through `on_progress`."""
    libraries = [library for library in (diffusers_logging, transformers_logging) if library.is_progress_bar_enabled()]
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in libraries:
            library.enable_progress_bar()


def _check_frames(pipeline: TargetAwarePipeline, num_frames: int) -> None:
    period = pipeline.frame_step
    if num_frames % period != 1:
        near = max(1, round((num_frames - 1) / period)) * period + 1
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"num_frames is {num_frames}", f"it must be {period}k + 1, for example {near}"
        )
